//go:build !unix

package mem

import "unsafe"

// sysAlloc takes memory from the Go heap; the free lists keep it reachable
// only while it waits, and Block.p while it is used.
func sysAlloc(n int) unsafe.Pointer {
	b := make([]byte, n+Align)
	p := unsafe.Pointer(unsafe.SliceData(b))
	return unsafe.Add(p, (Align-int(uintptr(p)%Align))%Align)
}

func sysFree(unsafe.Pointer, int) {}
