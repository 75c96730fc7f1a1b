//go:build race

package cpu

// raceDetector: a sync.Pool loses things on purpose under it.
const raceDetector = true
