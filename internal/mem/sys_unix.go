//go:build unix

package mem

import (
	"fmt"
	"syscall"
	"unsafe"
)

// sysAlloc maps n bytes of zeroed anonymous memory.
func sysAlloc(n int) unsafe.Pointer {
	b, err := mmap(n)
	if err != nil { // blocks of other sizes may be waiting
		Trim()
		b, err = mmap(n)
	}
	if err != nil {
		panic(fmt.Errorf("mem: the system refused %d bytes (%d in use): %w", n, inUse.Load(), err))
	}
	return unsafe.Pointer(unsafe.SliceData(b))
}

func mmap(n int) ([]byte, error) {
	return syscall.Mmap(-1, 0, n, syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE)
}

func sysFree(p unsafe.Pointer, n int) {
	_ = syscall.Munmap(unsafe.Slice((*byte)(p), n))
}
