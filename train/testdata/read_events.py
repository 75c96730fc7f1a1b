"""Prints the scalars of a folder of event files as TensorBoard's own reader sees them.

    GRADUS_KEEP_EVENTS=DIR go test ./train -run TensorBoard
    python read_events.py DIR        (pip install tensorboard)
"""
import sys

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

events = EventAccumulator(sys.argv[1])
events.Reload()
for tag in events.Tags()["scalars"]:
    for e in events.Scalars(tag):
        print(e.step, tag, repr(e.value))
