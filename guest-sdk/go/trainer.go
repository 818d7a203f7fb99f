// Package arkor is for trainers in Go that arkor-host runs.
//
// A trainer is a value with a method Describe, and with methods for the events that it cares about:
//
//	type Mine struct {
//		Logs int
//	}
//
//	func (t *Mine) Describe() (arkor.Spec, error) {
//		return arkor.Spec{
//			Name:      "mine",
//			Model:     arkor.Scratch(192, 4, 6),
//			Tokenizer: arkor.BPE(1024),
//			Dataset:   arkor.File("data/text.txt"),
//			Hyperparameters: arkor.Hyperparameters{
//				MaxSteps:     arkor.Uint32(300),
//				LearningRate: arkor.Float64(1e-3),
//			},
//		}, nil
//	}
//
//	func (t *Mine) OnLog(event arkor.LogRecord) (arkor.Actions, error) {
//		t.Logs++
//		return arkor.Actions{arkor.LogMetric("logs", float64(t.Logs))}, nil
//	}
//
//	func init() { arkor.Export(&Mine{}) }
//
//	func main() {}
//
// The others are OnStarted, OnEvaluate, OnCheckpoint, OnCompleted and OnFailed, each with the type of its
// event. The exported fields are the trainer's memory: they are saved with each checkpoint, as JSON, and come
// back when the run goes on or new code takes over. Methods SaveState and LoadState replace that with a form of
// your own. A trainer with a training loop of its own has a method Run and is exported by package arkor/loop.
//
// An error that a method returns is in the run's log, and so is a panic, with its place; the run goes on. What is
// printed is in the log too.
package arkor

import (
	"arkor/internal/entry"
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
)

// Trainer is what every trainer has. The methods that it may have besides are in the package's text.
type Trainer interface {
	// Describe says what to train. It is a function of the code alone.
	Describe() (Spec, error)
}

// Actions is what a callback asks for; nil is nothing.
type Actions = []Action

var (
	exported Trainer
	// Methods that look like callbacks and are none.
	mistaken []string
)

// Export makes a value the trainer of this program; an init function calls it. The value is a pointer.
func Export(trainer Trainer) {
	exported = trainer
	mistaken = mistakes(reflect.TypeOf(trainer))
	entry.Run = enterRun
}

type onStarted interface {
	OnStarted(event Started) (Actions, error)
}
type onLog interface {
	OnLog(event LogRecord) (Actions, error)
}
type onEvaluate interface {
	OnEvaluate(event Evaluation) (Actions, error)
}
type onCheckpoint interface {
	OnCheckpoint(event Checkpoint) (Actions, error)
}
type onCompleted interface {
	OnCompleted(event Completed) (Actions, error)
}
type onFailed interface {
	OnFailed(event Failed) (Actions, error)
}
type saveState interface {
	SaveState() ([]byte, error)
}
type loadState interface {
	LoadState(state []byte) error
}
type runner interface {
	Run(spec Spec) error
}

var callbacks = map[string]reflect.Type{
	"OnStarted":    reflect.TypeFor[onStarted](),
	"OnLog":        reflect.TypeFor[onLog](),
	"OnEvaluate":   reflect.TypeFor[onEvaluate](),
	"OnCheckpoint": reflect.TypeFor[onCheckpoint](),
	"OnCompleted":  reflect.TypeFor[onCompleted](),
	"OnFailed":     reflect.TypeFor[onFailed](),
	"SaveState":    reflect.TypeFor[saveState](),
	"LoadState":    reflect.TypeFor[loadState](),
}

// A method with a name or a type that is not quite a callback's would never be called, and nobody would tell.
func mistakes(trainer reflect.Type) (found []string) {
	for i := range trainer.NumMethod() {
		method := trainer.Method(i)
		wanted, isKnown := callbacks[method.Name]
		switch {
		case isKnown && !trainer.Implements(wanted):
			found = append(found, fmt.Sprintf("%s is to be a func%s", method.Name,
				strings.TrimPrefix(wanted.Method(0).Type.String(), "func")))
		case !isKnown && strings.HasPrefix(method.Name, "On"):
			found = append(found, fmt.Sprintf("%s is no callback", method.Name))
		}
	}
	return found
}

func describe() (Spec, error) {
	if exported == nil {
		return Spec{}, fmt.Errorf("no trainer was exported: call arkor.Export in an init function")
	}
	if len(mistaken) > 0 {
		return Spec{}, fmt.Errorf("%T: %s", exported, strings.Join(mistaken, "; "))
	}
	return exported.Describe()
}

func saved() ([]byte, error) {
	if own, ok := exported.(saveState); ok {
		return own.SaveState()
	}
	state, err := json.Marshal(exported)
	if bytes.Equal(state, []byte("{}")) {
		return nil, err
	}
	return state, err
}

func loaded(state []byte) error {
	if own, ok := exported.(loadState); ok {
		return own.LoadState(state)
	}
	return json.Unmarshal(state, exported)
}
