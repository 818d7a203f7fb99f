// Package loop is for trainers with a training loop of their own: they import it, and it makes a component that
// exports one.
package loop

import "arkor"

// Trainer is a trainer with a loop. Run drives arkor.Session until the work is done or
// arkor.Hooks.Checkpoint says to end, in an instance of its own: it shares no memory with the callbacks.
type Trainer interface {
	arkor.Trainer
	Run(spec arkor.Spec) error
}

// Export makes a value the trainer of this program; an init function calls it.
func Export(trainer Trainer) { arkor.Export(trainer) }
