//go:build (!amd64 && !arm64) || noasm

package par

import "sync/atomic"

var idled atomic.Uint32

// pause passes some nanoseconds without bothering other cores much.
func pause() {
	for range 16 {
		idled.Load()
	}
}
