//go:build (amd64 || arm64) && !noasm

package par

// pause tells the processor that this is a waiting loop: some 20 to 60 ns.
//
//go:noescape
func pause()
