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
func PretrainedModel(name string) ModelSource { return ModelSourceHub{HubRepository{Name: name}} }

// BPE is a tokenizer that is trained on the data.
func BPE(vocabulary uint32) TokenizerSource { return TokenizerSourceBpe{vocabulary} }

// Bytes is a tokenizer of one token a byte.
func Bytes() TokenizerSource { return TokenizerSourceBytes{} }

// PretrainedTokenizer is that of a model of the Hugging Face hub, as it is now.
func PretrainedTokenizer(name string) TokenizerSource {
	return TokenizerSourceHub{HubRepository{Name: name}}
}

// File is a file of the project, as one text of which a twentieth is held out.
func File(path string) *DatasetSpec { return &DatasetSpec{Source: DatasetSourceFile{path}} }

// URL is a file behind an http or https address, with the defaults of File.
func URL(url string) *DatasetSpec {
	return &DatasetSpec{Source: DatasetSourceURL{URLDataset{URL: url}}}
}

// Hub is a dataset of the Hugging Face hub, as it is now, with the defaults of File.
func Hub(name string) *DatasetSpec {
	return &DatasetSpec{Source: DatasetSourceHub{HubDataset{Name: name}}}
}

// WithHeldOut is the same data with this held out for evaluation.
func (d DatasetSpec) WithHeldOut(heldOut HeldOut) *DatasetSpec {
	d.HeldOut = heldOut
	return &d
}

// WithFormat is the same data, made of this.
func (d DatasetSpec) WithFormat(format DatasetFormat) *DatasetSpec {
	d.Format = format
	return &d
}

// Share holds out a part of the data, taken from its end.
func Share(share float64) HeldOut { return HeldOutShare{share} }

// HeldOutData holds out data of its own, in the same format: HeldOutData(File("test.txt").Source).
func HeldOutData(source DatasetSource) HeldOut { return HeldOutSource{source} }

// Rows have a text each, in the field `text`.
func Rows() DatasetFormat { return DatasetFormatRows{"text"} }

// Conversations are rows with the field `messages`.
func Conversations() DatasetFormat { return DatasetFormatConversations{"messages"} }

// Completions are rows with the fields `prompt` and `completion`.
func Completions() DatasetFormat {
	return DatasetFormatCompletions{CompletionFields{Prompt: "prompt", Completion: "completion"}}
}

// Preferences are rows with the fields `prompt`, `chosen` and `rejected`.
func Preferences() DatasetFormat {
	return DatasetFormatPreferences{PreferenceFields{Prompt: String("prompt"), Chosen: "chosen", Rejected: "rejected"}}
}

// Labels are rows with the fields `prompt`, `completion` and `label`.
func Labels() DatasetFormat {
	return DatasetFormatLabels{LabelFields{Prompt: "prompt", Completion: "completion", Label: "label"}}
}

// Prompts are rows with the field `prompt`.
func Prompts() DatasetFormat { return DatasetFormatPrompts{"prompt"} }

// Scheduler is a shape of the learning rate, to be pointed to.
func Scheduler(v LRSchedulerType) *LRSchedulerType { return &v }

// What a callback may ask for.

// Stop ends the run after a checkpoint, with this reason.
func Stop(reason string) Action { return ActionStop{reason} }

// Save writes a checkpoint.
func Save() Action { return ActionSave{} }

// Evaluate scores the held-out data.
func Evaluate() Action { return ActionEvaluate{} }

// Evaluated records what the trainer measured itself, as an evaluation.
func Evaluated(measurement Measurement) Action { return ActionEvaluated{measurement} }

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

// NextTokenData learns the tokens of the examples, each by its weight there; the sum of all weights becomes 1.
func NextTokenData(examples []Example) []Datum {
	data := make([]Datum, len(examples))
	total := 0.0
	for i, example := range examples {
		weights := append([]float32(nil), example.Weights...)
		for len(weights) < len(example.Tokens) {
			weights = append(weights, 1)
		}
		for _, weight := range weights {
			total += float64(weight)
		}
		data[i] = Datum{
			Tokens:     example.Tokens,
			Targets:    example.Targets,
			Weights:    weights,
			Additional: example.Additional,
		}
	}
	// There may be nothing to learn in any of them.
	if total > 0 {
		for _, datum := range data {
			for j := range datum.Weights {
				datum.Weights[j] /= float32(total)
			}
		}
	}
	return data
}

// CrossEntropy is the usual loss.
func CrossEntropy() Loss { return LossCrossEntropy{} }
