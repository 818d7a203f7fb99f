package arkor

import "fmt"

// Fields that may be absent are pointers. These make them of a value.

func Uint32(v uint32) *uint32 { return &v }

func Float64(v float64) *float64 { return &v }

func Bool(v bool) *bool { return &v }

func String(v string) *string { return &v }

// Scratch is a new model: so wide, so many blocks, so many heads; the rest by default.
func Scratch(hiddenSize, numHiddenLayers, numAttentionHeads uint32) ModelSource {
	return ModelSourceScratch{ModelShape{
		HiddenSize:        hiddenSize,
		NumHiddenLayers:   numHiddenLayers,
		NumAttentionHeads: numAttentionHeads,
	}}
}

// PretrainedModel is a pretrained model of the Hugging Face hub, as it is now.
func PretrainedModel(name string) ModelSource { return ModelSourceHub{HubModel{Name: name}} }

// BPE is a tokenizer that is trained on the data.
func BPE(vocabulary uint32) TokenizerSource { return TokenizerSourceBpe{vocabulary} }

// Bytes is a tokenizer of one token a byte.
func Bytes() TokenizerSource { return TokenizerSourceBytes{} }

// File is a text file of the project.
func File(path string) DatasetSource { return DatasetSourceFile{path} }

// URL is a text file behind an http or https address.
func URL(url string) DatasetSource { return DatasetSourceURL{URLDataset{URL: url}} }

// Scheduler is a shape of the learning rate, to be pointed to.
func Scheduler(v LRSchedulerType) *LRSchedulerType { return &v }

// What a callback may ask for.

// Stop ends the run after a checkpoint, with this reason.
func Stop(reason string) Action { return ActionStop{reason} }

// Save writes a checkpoint.
func Save() Action { return ActionSave{} }

// Evaluate scores the held-out data.
func Evaluate() Action { return ActionEvaluate{} }

// SetLearningRate trains with exactly this rate from the next step on.
func SetLearningRate(rate float64) Action { return ActionSetLearningRate{rate} }

// FollowSchedule trains with the schedule's rate again.
func FollowSchedule() Action { return ActionFollowSchedule{} }

// Pause waits until a user lets the run go on.
func Pause() Action { return ActionPause{} }

// LogMetric records a number.
func LogMetric(name string, value float64) Action { return ActionLogMetric{Metric{name, value}} }

// Message leaves a line for people in the run's log.
func Message(level Level, format string, values ...any) {
	Hooks.Message(level, fmt.Sprintf(format, values...))
}

// NextTokenData learns every token of the examples, each with the same weight; their sum is 1.
func NextTokenData(examples []Example) []Datum {
	tokens := 0
	for _, example := range examples {
		tokens += len(example.Tokens)
	}
	data := make([]Datum, len(examples))
	for i, example := range examples {
		weights := make([]float32, len(example.Tokens))
		for j := range weights {
			weights[j] = 1 / float32(tokens)
		}
		data[i] = Datum{Tokens: example.Tokens, Targets: example.Targets, Weights: weights}
	}
	return data
}

// CrossEntropy is the usual loss.
func CrossEntropy() Loss { return LossCrossEntropy{} }
