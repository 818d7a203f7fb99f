// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

//go:build wasip1

package arkor

//go:wasmexport arkor:trainer/definition@0.1.0#describe
func exportDescribe() uint32 {
	return enterDescribe()
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-started
func exportOnStarted(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, a8 uint32, a9 uint32, a10 uint32, a11 uint32, a12 uint32, a13 uint32) uint32 {
	at := parameters(56)
	putUint32(at.to(0), a0)
	putUint32(at.to(4), a1)
	putUint32(at.to(8), a2)
	putUint32(at.to(12), a3)
	putUint32(at.to(16), a4)
	putByte(at.to(20), byte(a5))
	putUint32(at.to(24), a6)
	putByte(at.to(28), byte(a7))
	putUint32(at.to(32), a8)
	putByte(at.to(36), byte(a9))
	putUint32(at.to(40), a10)
	putUint32(at.to(44), a11)
	putUint32(at.to(48), a12)
	putUint32(at.to(52), a13)
	return enterOnStarted(at)
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-log
func exportOnLog(a0 uint32, a1 uint32, a2 uint32, a3 float64, a4 uint32, a5 float64, a6 uint32, a7 float64, a8 uint32, a9 float64, a10 float64, a11 uint32, a12 uint32, a13 uint32, a14 uint32) uint32 {
	at := parameters(96)
	putUint32(at.to(0), a0)
	putUint32(at.to(4), a1)
	putByte(at.to(8), byte(a2))
	putFloat64(at.to(16), a3)
	putByte(at.to(24), byte(a4))
	putFloat64(at.to(32), a5)
	putByte(at.to(40), byte(a6))
	putFloat64(at.to(48), a7)
	putByte(at.to(56), byte(a8))
	putFloat64(at.to(64), a9)
	putFloat64(at.to(72), a10)
	putUint32(at.to(80), a11)
	putUint32(at.to(84), a12)
	putUint32(at.to(88), a13)
	putUint32(at.to(92), a14)
	return enterOnLog(at)
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-evaluate
func exportOnEvaluate(at uint32) uint32 {
	begin()
	return enterOnEvaluate(ptr(at))
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-checkpoint
func exportOnCheckpoint(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 float64, a6 uint32, a7 uint32, a8 uint32, a9 float64, a10 uint32, a11 uint32, a12 uint32, a13 uint32) uint32 {
	at := parameters(72)
	putUint32(at.to(0), a0)
	putUint32(at.to(4), a1)
	putUint32(at.to(8), a2)
	putUint32(at.to(12), a3)
	putByte(at.to(16), byte(a4))
	putFloat64(at.to(24), a5)
	putByte(at.to(32), byte(a6))
	putUint32(at.to(40), a7)
	putUint32(at.to(44), a8)
	putFloat64(at.to(48), a9)
	putUint32(at.to(56), a10)
	putUint32(at.to(60), a11)
	putUint32(at.to(64), a12)
	putUint32(at.to(68), a13)
	return enterOnCheckpoint(at)
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-completed
func exportOnCompleted(at uint32) uint32 {
	begin()
	return enterOnCompleted(ptr(at))
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#on-failed
func exportOnFailed(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, a8 uint32, a9 uint32, a10 uint32, a11 uint32, a12 uint32, a13 uint32) uint32 {
	at := parameters(56)
	putUint32(at.to(0), a0)
	putUint32(at.to(4), a1)
	putUint32(at.to(8), a2)
	putUint32(at.to(12), a3)
	putUint32(at.to(16), a4)
	putUint32(at.to(20), a5)
	putByte(at.to(24), byte(a6))
	putUint32(at.to(28), a7)
	putUint32(at.to(32), a8)
	putByte(at.to(36), byte(a9))
	putUint32(at.to(40), a10)
	putUint32(at.to(44), a11)
	putUint32(at.to(48), a12)
	putUint32(at.to(52), a13)
	return enterOnFailed(at)
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#save-state
func exportSaveState() uint32 {
	return enterSaveState()
}

//go:wasmexport arkor:trainer/callbacks@0.1.0#load-state
func exportLoadState(a0 uint32, a1 uint32) uint32 {
	at := parameters(8)
	putUint32(at.to(0), a0)
	putUint32(at.to(4), a1)
	return enterLoadState(at)
}
