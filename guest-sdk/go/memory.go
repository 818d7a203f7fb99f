package arkor

import "unsafe"

// ptr is an address in the module's memory, which has 32 bits there and 64 in Go.
type ptr uintptr

func (at ptr) to(offset ptr) ptr { return at + offset }

func pointer(at ptr) unsafe.Pointer { return unsafe.Add(unsafe.Pointer(nil), at) }

// held keeps alive what the host is to read: Go does not see the addresses in it.
var held [][]uint64

// room is zeroed memory until release.
func room(size int) ptr {
	words := make([]uint64, (size+7)/8+1)
	held = append(held, words)
	return ptr(uintptr(unsafe.Pointer(unsafe.SliceData(words))))
}

// release lets go of all that was held since, and of what the host has laid down.
func release(mark int) {
	clear(held[mark:])
	held = held[:mark]
	resetArena()
}

// begin begins a call of the host, which has read the answer to the one before.
func begin() {
	clear(held)
	held = held[:0]
}

// parameters is room for the arguments of a call that begins.
func parameters(size int) ptr {
	begin()
	return room(size)
}

func getByte(at ptr) byte       { return *(*byte)(pointer(at)) }
func getBool(at ptr) bool       { return getByte(at) != 0 }
func getUint32(at ptr) uint32   { return *(*uint32)(pointer(at)) }
func getFloat32(at ptr) float32 { return *(*float32)(pointer(at)) }
func getFloat64(at ptr) float64 { return *(*float64)(pointer(at)) }

func putByte(at ptr, v byte)       { *(*byte)(pointer(at)) = v }
func putUint32(at ptr, v uint32)   { *(*uint32)(pointer(at)) = v }
func putFloat32(at ptr, v float32) { *(*float32)(pointer(at)) = v }
func putFloat64(at ptr, v float64) { *(*float64)(pointer(at)) = v }

func putBool(at ptr, v bool) {
	if v {
		putByte(at, 1)
	}
}

// list is where a list's items are, and how many.
func list(at ptr) (ptr, int) { return ptr(getUint32(at)), int(getUint32(at + 4)) }

func putListAt(at ptr, items ptr, count int) {
	putUint32(at, uint32(items))
	putUint32(at+4, uint32(count))
}

func getText(at ptr) string {
	bytes, size := list(at)
	return string(unsafe.Slice((*byte)(pointer(bytes)), size))
}

func putText(at ptr, v string) {
	items := room(len(v))
	copy(unsafe.Slice((*byte)(pointer(items)), len(v)), v)
	putListAt(at, items, len(v))
}

func getNumbers[T byte | uint32 | float32 | float64](at ptr) []T {
	items, count := list(at)
	if count == 0 {
		return nil
	}
	return append([]T(nil), unsafe.Slice((*T)(pointer(items)), count)...)
}

func putNumbers[T byte | uint32 | float32 | float64](at ptr, v []T) {
	var item T
	items := room(len(v) * int(unsafe.Sizeof(item)))
	copy(unsafe.Slice((*T)(pointer(items)), len(v)), v)
	putListAt(at, items, len(v))
}

func getList[T any](at ptr, size ptr, load func(ptr) T) []T {
	items, count := list(at)
	if count == 0 {
		return nil
	}
	v := make([]T, count)
	for i := range v {
		v[i] = load(items + ptr(i)*size)
	}
	return v
}

func putList[T any](at ptr, v []T, size int, store func(ptr, T)) {
	items := room(len(v) * size)
	for i := range v {
		store(items+ptr(i*size), v[i])
	}
	putListAt(at, items, len(v))
}

func getOption[T any](at ptr, payload ptr, load func(ptr) T) *T {
	if getByte(at) == 0 {
		return nil
	}
	v := load(at + payload)
	return &v
}

func putOption[T any](at ptr, payload ptr, v *T, store func(ptr, T)) {
	if v != nil {
		putByte(at, 1)
		store(at+payload, *v)
	}
}

// A variant is an interface in Go: absent is nil.
func getVariant[T any](at ptr, payload ptr, load func(ptr) T) (none T) {
	if getByte(at) == 0 {
		return none
	}
	return load(at + payload)
}

func putVariant[T comparable](at ptr, payload ptr, v T, store func(ptr, T)) {
	var none T
	if v != none {
		putByte(at, 1)
		store(at+payload, v)
	}
}
