// Trains a small language model on the gospels of the King James Bible, from nothing.
//
// At every checkpoint it shows what the model writes by now. It stops the run itself when three
// evaluations in a row are no better than the best one before.
package main

import (
	"fmt"
	"strings"

	"arkor"
)

// Evaluations without improvement before the run is stopped.
const patience = 3

type quickstart struct{}

func (*quickstart) Describe() (arkor.Spec, error) {
	return arkor.Spec{
		Name:        "go-quickstart",
		Description: arkor.String("A small Llama, trained on the four gospels"),
		Model:       arkor.Scratch(192, 4, 6),
		Tokenizer:   arkor.BPE(1024),
		Dataset:     arkor.File("data/gospels.txt").WithHeldOut(arkor.Share(0.1)),
		Hyperparameters: arkor.Hyperparameters{
			MaxSteps:                arkor.Uint32(400),
			PerDeviceTrainBatchSize: arkor.Uint32(16),
			MaxLength:               arkor.Uint32(128),
			LearningRate:            arkor.Float64(2e-3),
			LRSchedulerType:         arkor.Scheduler(arkor.LRSchedulerTypeCosine),
			WarmupSteps:             arkor.Uint32(30),
			WeightDecay:             arkor.Float64(0.1),
			LoggingSteps:            arkor.Uint32(10),
			EvalSteps:               arkor.Uint32(25),
			SaveSteps:               arkor.Uint32(100),
			SaveTotalLimit:          arkor.Uint32(3),
		},
	}, nil
}

func (*quickstart) OnStarted(event arkor.Started) (arkor.Actions, error) {
	data, err := arkor.Dataset.Info()
	if err != nil {
		return nil, err
	}
	fmt.Printf("%.0f tokens to train on, run %s\n", data.TrainTokens, event.Run)
	if data.UnigramEntropy != nil {
		fmt.Printf("a model that ignores all context would reach a loss of %.3f\n", *data.UnigramEntropy)
	}
	return nil, nil
}

func (*quickstart) OnEvaluate(event arkor.Evaluation) (arkor.Actions, error) {
	if event.EvaluationsWithoutImprovement < patience || event.BestScore == nil {
		return nil, nil
	}
	reason := fmt.Sprintf("no evaluation since the best loss, %.4f, was better", *event.BestScore)
	return arkor.Actions{arkor.Stop(reason)}, nil
}

func (*quickstart) OnCheckpoint(event arkor.Checkpoint) (arkor.Actions, error) {
	style := arkor.Sampling{
		MaxTokens:   arkor.Uint32(60),
		Temperature: arkor.Float64(0.8),
		TopP:        arkor.Float64(0.95),
	}
	var page strings.Builder
	for _, prompt := range []string{"And Jesus ", "Then said he unto them, "} {
		written, err := arkor.Inference.Generate(prompt, style)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&page, "%s%s\n\n", prompt, written.Text)
	}
	for _, line := range strings.Split(page.String(), "\n") {
		if line != "" {
			fmt.Println("  |", line)
		}
	}
	name := fmt.Sprintf("samples/step-%d.txt", event.At.Step)
	_, err := arkor.Artifacts.Write(name, []byte(page.String()))
	return nil, err
}

func (*quickstart) OnCompleted(event arkor.Completed) (arkor.Actions, error) {
	data, err := arkor.Dataset.Info()
	if err != nil {
		return nil, err
	}
	if event.EvalLoss != nil && data.UnigramEntropy != nil {
		fmt.Printf("evaluation loss %.3f, against %.3f without any context\n", *event.EvalLoss, *data.UnigramEntropy)
	}
	return nil, nil
}

func init() { arkor.Export(&quickstart{}) }

func main() {}
