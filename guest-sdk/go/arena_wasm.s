// Lets arena_wasm.go declare a function without a body.
