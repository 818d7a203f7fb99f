// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

//go:build wasip1

package loop

import "arkor/internal/entry"

//go:wasmexport arkor:trainer/training-loop@0.1.0#run
func exportRun(at uint32) uint32 { return entry.Run(at) }
