package train

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// TensorBoard returns a callback that writes the epochs' figures as scalars to an event file in dir, for `tensorboard --logdir`.
// Each run, and each resumption of one, writes a file of its own.
func TensorBoard(dir string) Callback { return &eventLogger{dir: dir} }

type eventLogger struct {
	Quiet
	dir, path string
}

// TrainBegin makes the file and writes the version that readers expect first.
func (l *eventLogger) TrainBegin(*State) error {
	if err := os.MkdirAll(l.dir, 0o777); err != nil {
		return fmt.Errorf("train: tensorboard: %w", err)
	}
	now := time.Now()
	// Readers take the files of a folder in the order of their names.
	l.path = filepath.Join(l.dir, fmt.Sprintf("events.out.tfevents.%010d.gradus.%d.%09d", now.Unix(), os.Getpid(), now.Nanosecond()))
	var e message
	e.double(1, seconds(now))
	e.bytes(3, []byte("brain.Event:2")) // file_version
	return l.write(e)
}

// EpochEnd writes the figures of the epoch, at its number from 1.
func (l *eventLogger) EpochEnd(s *State) error {
	e := s.History[len(s.History)-1]
	var summary message
	for _, name := range slices.Sorted(maps.Keys(e.Values)) {
		var value message
		value.bytes(1, []byte(name))            // tag
		value.float(2, float32(e.Values[name])) // simple_value
		summary.bytes(1, value.Bytes())         // value
	}
	var event message
	event.double(1, seconds(time.Now()))
	event.varint(2, uint64(e.Number+1)) // step
	event.bytes(5, summary.Bytes())     // summary
	return l.write(event)
}

func seconds(t time.Time) float64 { return float64(t.UnixNano()) / 1e9 }

// write appends a TFRecord: length, its checksum, the message, its checksum.
func (l *eventLogger) write(m message) error {
	var record bytes.Buffer
	length := binary.LittleEndian.AppendUint64(nil, uint64(m.Len()))
	record.Write(length)
	record.Write(maskedCRC(length))
	record.Write(m.Bytes())
	record.Write(maskedCRC(m.Bytes()))
	// Opened for each record: one in an epoch, and an interrupted run leaves no file open.
	f, err := os.OpenFile(l.path, os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0o666)
	if err != nil {
		return fmt.Errorf("train: tensorboard: %w", err)
	}
	_, err = f.Write(record.Bytes())
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("train: tensorboard: %w", err)
	}
	return nil
}

// maskedCRC returns TensorFlow's masked CRC-32C.
func maskedCRC(b []byte) []byte {
	crc := crc32.Checksum(b, castagnoli)
	return binary.LittleEndian.AppendUint32(nil, (crc>>15|crc<<17)+0xa282ead8)
}

// message is a protobuf message under construction: the few wire types that events need.
type message struct{ bytes.Buffer }

func (m *message) varint(field int, v uint64) {
	m.Write(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3), v))
}

func (m *message) double(field int, v float64) {
	m.Write(binary.LittleEndian.AppendUint64(binary.AppendUvarint(nil, uint64(field)<<3|1), math.Float64bits(v)))
}

func (m *message) float(field int, v float32) {
	m.Write(binary.LittleEndian.AppendUint32(binary.AppendUvarint(nil, uint64(field)<<3|5), math.Float32bits(v)))
}

func (m *message) bytes(field int, b []byte) {
	m.Write(binary.AppendUvarint(binary.AppendUvarint(nil, uint64(field)<<3|2), uint64(len(b))))
	m.Write(b)
}
