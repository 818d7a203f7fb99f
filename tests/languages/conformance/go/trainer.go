// The trainer that every language has alike: it answers each event with all kinds of actions.
package main

import (
	"fmt"
	"strings"
	"unicode/utf8"

	"arkor"
)

type conformance struct {
	Logs uint32   `json:"logs"`
	Best *float64 `json:"best"`
}

func (t *conformance) Describe() (arkor.Spec, error) {
	return arkor.Spec{
		Name:        "conformance",
		Description: arkor.String("The same in every language"),
		Tags:        []string{"conformance", "ünïcödé 🚀"},
		Model:       arkor.Scratch(32, 1, 2),
		Tokenizer:   arkor.BPE(300),
		Dataset:     arkor.File("text.txt").WithHeldOut(arkor.Share(0.2)),
		Extras:      arkor.String(`{"answer": 42}`),
		Hyperparameters: arkor.Hyperparameters{
			MaxSteps:                arkor.Uint32(40),
			PerDeviceTrainBatchSize: arkor.Uint32(2),
			MaxLength:               arkor.Uint32(16),
			LearningRate:            arkor.Float64(1e-3),
			LRSchedulerType:         arkor.Scheduler(arkor.LRSchedulerTypeCosine),
			WarmupSteps:             arkor.Uint32(5),
			LoggingSteps:            arkor.Uint32(2),
			EvalSteps:               arkor.Uint32(5),
			SaveSteps:               arkor.Uint32(10),
			SaveTotalLimit:          arkor.Uint32(2),
			Seed:                    arkor.Uint32(7),
		},
	}, nil
}

func (t *conformance) OnStarted(event arkor.Started) (arkor.Actions, error) {
	var steps uint32
	if event.TotalSteps != nil {
		steps = *event.TotalSteps
	}
	fmt.Println(steps, "steps are planned")
	return arkor.Actions{arkor.LogMetric("generation", float64(event.Generation))}, nil
}

func (t *conformance) OnLog(event arkor.LogRecord) (arkor.Actions, error) {
	t.Logs++
	actions := arkor.Actions{arkor.LogMetric("logs", float64(t.Logs))}
	if event.Loss != nil {
		actions = append(actions, arkor.LogMetric("loss-per-log", *event.Loss/float64(t.Logs)))
	}
	switch event.At.Step {
	case 6:
		actions = append(actions, arkor.SetLearningRate(5e-4))
	case 12:
		actions = append(actions, arkor.FollowSchedule())
	case 14:
		actions = append(actions, arkor.Evaluate())
	case 18:
		actions = append(actions, arkor.Save())
	case 30:
		actions = append(actions, arkor.Stop("thirty steps — enough"))
	}
	return actions, nil
}

func (t *conformance) OnEvaluate(event arkor.Evaluation) (arkor.Actions, error) {
	if event.Loss == nil || event.BestLoss == nil {
		return nil, nil
	}
	if t.Best == nil || *event.Loss < *t.Best {
		t.Best = event.Loss
	}
	return arkor.Actions{
		arkor.LogMetric("best", *t.Best),
		arkor.LogMetric("gap", *event.Loss-*event.BestLoss),
	}, nil
}

func (t *conformance) OnCheckpoint(event arkor.Checkpoint) (arkor.Actions, error) {
	last := event.ID[strings.LastIndex(event.ID, ".")+1:]
	length := float64(len(last))
	accuracy := []arkor.Metric{{Name: "accuracy", Value: 1 / length}}
	return arkor.Actions{
		arkor.LogMetric("id-length", length),
		arkor.Evaluated(arkor.Measurement{Metrics: accuracy}),
	}, nil
}

func (t *conformance) OnCompleted(event arkor.Completed) (arkor.Actions, error) {
	told := 0
	if reason, ok := event.Reason.(arkor.EndReasonTrainer); ok {
		told = utf8.RuneCountInString(reason.Value)
	}
	return arkor.Actions{arkor.LogMetric("reason-length", float64(told))}, nil
}

func init() { arkor.Export(&conformance{}) }

func main() {}
