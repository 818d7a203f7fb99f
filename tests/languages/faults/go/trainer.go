// Does another wrong thing at each step. The line that does it has its name, for the test.
package main

import (
	"errors"
	"fmt"

	"arkor"
)

type faults struct {
	Logs  int
	names map[string]int
}

type node struct{ next *node }

func deep(depth int) int { return deep(depth+1) + 1 }

func (t *faults) Describe() (arkor.Spec, error) {
	return arkor.Spec{
		Name:      "faults",
		Model:     arkor.Scratch(32, 1, 2),
		Tokenizer: arkor.Bytes(),
		Dataset:   arkor.File("text.txt"),
		Hyperparameters: arkor.Hyperparameters{
			MaxSteps:     arkor.Uint32(10),
			MaxLength:    arkor.Uint32(16),
			LoggingSteps: arkor.Uint32(1),
		},
	}, nil
}

func (t *faults) OnLog(event arkor.LogRecord) (arkor.Actions, error) {
	t.Logs++
	var nothing *node
	switch event.At.Step {
	case 1:
		return nil, fmt.Errorf("reading: %w", errors.New("no such thing"))
	case 2:
		_, err := arkor.Artifacts.Write("../x", nil)
		return nil, err
	case 3:
		panic("too much") // PANIC
	case 4:
		fmt.Println([]int{1, 2}[t.Logs]) // INDEX
	case 5:
		fmt.Println(nothing.next) // NIL
	case 6:
		t.names["x"] = 1 // MAP
	case 7:
		fmt.Println(1 / (t.Logs - 7)) // DIVIDE
	case 8:
		return arkor.Actions{arkor.LogMetric("logs", float64(t.Logs))}, nil
	case 9:
		fmt.Println(deep(0))
	}
	return nil, nil
}

func init() { arkor.Export(&faults{}) }

func main() {}
