//go:build wasip1

package arkor

import "unsafe"

// The host lays down what it gives in memory that it asks for here, in the middle of a call, when Go may
// neither collect garbage nor call the host itself. So it gets memory that Go knows nothing about: pieces that
// are used again and again, since all that lies there is copied at once.

// Of the runtime: more memory for the program, as the runtime itself gets it.
//
//go:linkname sbrk runtime.sbrk
func sbrk(size uintptr) unsafe.Pointer

const smallestPiece = 64 << 10

type piece struct{ begin, end uintptr }

var (
	// Each at least twice as large as the one before, so these are enough for all memory there is.
	pieces [24]piece
	// The piece in use, and its first free place.
	current int
	free    uintptr
	// Before Go runs, the adapter of the host asks for memory that it keeps.
	isStarted bool
)

func init() { isStarted = true }

//go:wasmexport cabi_realloc
//go:nosplit
func cabiRealloc(old, oldSize, align, size uint32) uint32 {
	at := allocate(uintptr(size), uintptr(align))
	for i := uintptr(0); old != 0 && i < uintptr(min(oldSize, size)); i++ {
		*(*byte)(unsafe.Add(unsafe.Pointer(nil), at+i)) = *(*byte)(unsafe.Add(unsafe.Pointer(nil), uintptr(old)+i))
	}
	return uint32(at)
}

//go:nosplit
func allocate(size, align uintptr) uintptr {
	if !isStarted {
		return uintptr(sbrk(size))
	}
	for ; current < len(pieces); current++ {
		p := &pieces[current]
		if p.end == 0 {
			length := uintptr(smallestPiece) << current
			if length < size {
				length = size
			}
			p.begin = uintptr(sbrk(length))
			if p.begin == 0 {
				break
			}
			p.end = p.begin + length
		}
		if free < p.begin || free > p.end {
			free = p.begin
		}
		at := (free + align - 1) &^ (align - 1)
		if at+size <= p.end {
			free = at + size
			return at
		}
		free = 0
	}
	// There is no more, and no Go code may run that could say so.
	*(*byte)(unsafe.Add(unsafe.Pointer(nil), ^uint32(0))) = 0
	return 0
}

func resetArena() { current, free = 0, 0 }
