// A trainer that owns its training loop: cosine with warm restarts (Loshchilov and Hutter 2017), a
// schedule the host does not have.
package main

import (
	"fmt"
	"math"

	"arkor"
	"arkor/loop"
)

const (
	// Steps of the first cycle; each further one is twice as long.
	firstCycle = 30
	peak       = 2e-3
	floor      = 2e-4
)

type restarts struct {
	Logs int
}

// The rate of the step that follows step finished ones.
func learningRate(step uint32) float64 {
	begin, length := uint32(0), uint32(firstCycle)
	for step >= begin+length {
		begin += length
		length *= 2
	}
	share := float64(step-begin) / float64(length)
	return floor + (peak-floor)*0.5*(1+math.Cos(math.Pi*share))
}

// Whether a cycle ends with this step.
func endsCycle(step uint32) bool { return learningRate(step) > learningRate(step-1) }

func (*restarts) Describe() (arkor.Spec, error) {
	return arkor.Spec{
		Name:      "go-loop",
		Model:     arkor.Scratch(96, 2, 4),
		Tokenizer: arkor.BPE(512),
		Dataset:   arkor.File("data/gospels.txt"),
		Hyperparameters: arkor.Hyperparameters{
			MaxSteps:                arkor.Uint32(90),
			PerDeviceTrainBatchSize: arkor.Uint32(8),
			MaxLength:               arkor.Uint32(64),
			SaveSteps:               arkor.Uint32(30),
		},
	}, nil
}

func (t *restarts) OnLog(arkor.LogRecord) (arkor.Actions, error) {
	t.Logs++
	return arkor.Actions{arkor.LogMetric("logs-seen", float64(t.Logs))}, nil
}

func (t *restarts) Run(spec arkor.Spec) error {
	// Weights and optimizer are restored by the host; the rate's place in its cycle follows from the step
	// alone, so there is nothing else to take up.
	point, err := arkor.Hooks.ResumePoint()
	if err != nil {
		return err
	}
	step := uint32(0)
	if point != nil {
		step = point.Step
	}
	for step < *spec.Hyperparameters.MaxSteps {
		progress, err := train(step, learningRate(step))
		if err != nil {
			return err
		}
		step++
		if step%5 == 0 {
			if _, err := arkor.Hooks.Log(step, progress, nil); err != nil {
				return err
			}
		}
		if endsCycle(step) {
			scored, err := arkor.Session.Evaluate()
			if err != nil {
				return err
			}
			if loss := scored.Measured.Loss; loss != nil {
				fmt.Printf("a cycle ends at step %d: %.3f\n", step, *loss)
			}
		}
		directive, err := arkor.Hooks.Checkpoint(step, nil)
		if err != nil || directive != arkor.DirectiveProceed {
			return err
		}
	}
	return nil
}

// Trains one step with this rate.
func train(step uint32, rate float64) (progress arkor.Progress, err error) {
	batch, err := arkor.Dataset.Batch(step)
	if err != nil {
		return progress, err
	}
	data := arkor.NextTokenData(batch)
	output, err := arkor.Session.ForwardBackward(data, arkor.CrossEntropy(), arkor.LogProbsOmit)
	if err != nil {
		return progress, err
	}
	done, err := arkor.Session.OptimStep(arkor.Adam{LearningRate: rate})
	if err != nil {
		return progress, err
	}
	return arkor.Progress{Loss: &output.LossSum, LearningRate: &rate, GradNorm: done.GradNorm}, nil
}

func init() { loop.Export(&restarts{}) }

func main() {}
