// Package entry lets package loop, which exports the training loop, reach package arkor, which runs it.
package entry

// Run runs the exported trainer's loop, with the address of its spec, and returns that of its result.
var Run func(spec uint32) uint32
