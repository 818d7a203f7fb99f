// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

//go:build !wasip1

package arkor

func importDatasetInfo(result uint32) {
	noHost()
}

func importDatasetRead(a0 uint32, a1 uint32, a2 uint32, result uint32) {
	noHost()
}

func importDatasetBatch(a0 uint32, result uint32) {
	noHost()
}

func importSessionModel(result uint32) {
	noHost()
}

func importSessionForwardBackward(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, result uint32) {
	noHost()
}

func importSessionForward(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, result uint32) {
	noHost()
}

func importSessionOptimStep(a0 float64, a1 uint32, a2 float64, a3 uint32, a4 float64, a5 uint32, a6 float64, a7 uint32, a8 float64, a9 uint32, a10 float64, a11 uint32, a12 uint32, result uint32) {
	noHost()
}

func importSessionEvaluate(result uint32) {
	noHost()
}

func importSessionSample(a0 uint32, result uint32) {
	noHost()
}

func importSessionSaveState(a0 uint32, a1 uint32, result uint32) {
	noHost()
}

func importSessionLoadState(a0 uint32, a1 uint32, result uint32) {
	noHost()
}

func importSessionTokenize(a0 uint32, a1 uint32, result uint32) {
	noHost()
}

func importSessionDetokenize(a0 uint32, a1 uint32, result uint32) {
	noHost()
}

func importSessionRenderChat(a0 uint32, a1 uint32, a2 uint32, a3 uint32, result uint32) {
	noHost()
}

func importHooksCheckpoint(a0 uint32, a1 uint32, a2 uint32, result uint32) {
	noHost()
}

func importHooksLog(a0 uint32, a1 uint32, a2 float64, a3 uint32, a4 float64, a5 uint32, a6 float64, a7 uint32, a8 float64, a9 uint32, a10 uint32, result uint32) {
	noHost()
}

func importHooksEvaluated(a0 uint32, a1 uint32, a2 float64, a3 uint32, a4 uint32, result uint32) {
	noHost()
}

func importHooksResumePoint(result uint32) {
	noHost()
}

func importHooksMessage(a0 uint32, a1 uint32, a2 uint32) {
	noHost()
}

func importInferenceGenerate(a0 uint32, result uint32) {
	noHost()
}

func importArtifactsWrite(a0 uint32, a1 uint32, a2 uint32, a3 uint32, result uint32) {
	noHost()
}

func importRunInfo(result uint32) {
	noHost()
}
