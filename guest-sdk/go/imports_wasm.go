// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

//go:build wasip1

package arkor

//go:wasmimport arkor:trainer/dataset@0.1.0 info
func importDatasetInfo(result uint32)

//go:wasmimport arkor:trainer/dataset@0.1.0 read
func importDatasetRead(a0 uint32, a1 uint32, a2 uint32, result uint32)

//go:wasmimport arkor:trainer/dataset@0.1.0 batch
func importDatasetBatch(a0 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 model
func importSessionModel(result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 forward-backward
func importSessionForwardBackward(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 forward
func importSessionForward(a0 uint32, a1 uint32, a2 uint32, a3 uint32, a4 uint32, a5 uint32, a6 uint32, a7 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 optim-step
func importSessionOptimStep(a0 float64, a1 uint32, a2 float64, a3 uint32, a4 float64, a5 uint32, a6 float64, a7 uint32, a8 float64, a9 uint32, a10 float64, a11 uint32, a12 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 evaluate
func importSessionEvaluate(result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 sample
func importSessionSample(a0 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 save-state
func importSessionSaveState(a0 uint32, a1 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 load-state
func importSessionLoadState(a0 uint32, a1 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 tokenize
func importSessionTokenize(a0 uint32, a1 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 detokenize
func importSessionDetokenize(a0 uint32, a1 uint32, result uint32)

//go:wasmimport arkor:trainer/session@0.1.0 render-chat
func importSessionRenderChat(a0 uint32, a1 uint32, a2 uint32, a3 uint32, result uint32)

//go:wasmimport arkor:trainer/hooks@0.1.0 checkpoint
func importHooksCheckpoint(a0 uint32, a1 uint32, a2 uint32, result uint32)

//go:wasmimport arkor:trainer/hooks@0.1.0 log
func importHooksLog(a0 uint32, a1 uint32, a2 float64, a3 uint32, a4 float64, a5 uint32, a6 float64, a7 uint32, a8 float64, a9 uint32, a10 uint32, result uint32)

//go:wasmimport arkor:trainer/hooks@0.1.0 evaluated
func importHooksEvaluated(a0 uint32, a1 uint32, a2 float64, a3 uint32, a4 uint32, result uint32)

//go:wasmimport arkor:trainer/hooks@0.1.0 resume-point
func importHooksResumePoint(result uint32)

//go:wasmimport arkor:trainer/hooks@0.1.0 message
func importHooksMessage(a0 uint32, a1 uint32, a2 uint32)

//go:wasmimport arkor:trainer/inference@0.1.0 generate
func importInferenceGenerate(a0 uint32, result uint32)

//go:wasmimport arkor:trainer/artifacts@0.1.0 write
func importArtifactsWrite(a0 uint32, a1 uint32, a2 uint32, a3 uint32, result uint32)

//go:wasmimport arkor:trainer/run@0.1.0 info
func importRunInfo(result uint32)
