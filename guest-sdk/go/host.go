// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

package arkor

// The data that the spec declared, as the host prepared it: tokenized, cut into examples
// of MaxLength tokens, split.
var Dataset datasetFunctions

type datasetFunctions struct{}

func (datasetFunctions) Info() (answer DatasetInfo, err error) {
	defer release(len(held))
	result := room(48)
	importDatasetInfo(uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("info", loadDatasetError(result.to(8)))
	}
	return loadDatasetInfo(result.to(8)), nil
}

// Up to Count (1 to 4096) examples from place Start on, in the order of the file.
func (datasetFunctions) Read(split Split, start uint32, count uint32) (answer []Example, err error) {
	defer release(len(held))
	at := room(12)
	storeSplit(at.to(0), split)
	putUint32(at.to(4), start)
	putUint32(at.to(8), count)
	result := room(16)
	importDatasetRead(uint32(getByte(at.to(0))), getUint32(at.to(4)), getUint32(at.to(8)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("read", loadDatasetError(result.to(4)))
	}
	return getList(result.to(4), 32, loadExample), nil
}

// The training examples of one optimizer step, as the managed loop would see them:
// shuffled anew each epoch, PerDeviceTrainBatchSize times
// GradientAccumulationSteps of them. A function of the spec's seed and Step
// (from 0) alone, so a resumed loop goes on with the right data.
func (datasetFunctions) Batch(step uint32) (answer []Example, err error) {
	defer release(len(held))
	at := room(4)
	putUint32(at.to(0), step)
	result := room(16)
	importDatasetBatch(getUint32(at.to(0)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("batch", loadDatasetError(result.to(4)))
	}
	return getList(result.to(4), 32, loadExample), nil
}

// The training session that a loop drives, in the shape of the Tinker API.
//
// Gradients add up over ForwardBackward calls until OptimStep applies them.
// Losses are weighted sums: a loop that wants the mean over n tokens gives each the
// weight 1/n. Weights may be negative, so any loss of log-probabilities can be trained,
// preferences for one: ask Forward for the log-probabilities, and give CrossEntropy
// as weight of each token the negative derivative of the loss with respect to its
// log-probability. Every function blocks until its work is done. Only for use within
// TrainingLoop.Run.
var Session sessionFunctions

type sessionFunctions struct{}

// What is being trained.
func (sessionFunctions) Model() (answer ModelInfo, err error) {
	defer release(len(held))
	result := room(128)
	importSessionModel(uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("model", loadSessionError(result.to(8)))
	}
	return loadModelInfo(result.to(8)), nil
}

// Adds the gradients of the summed loss of all data to those already there.
func (sessionFunctions) ForwardBackward(data []Datum, loss Loss, logProbs LogProbs) (answer ForwardOutput, err error) {
	defer release(len(held))
	at := room(32)
	putList(at.to(0), data, 48, storeDatum)
	storeLoss(at.to(8), loss)
	storeLogProbs(at.to(28), logProbs)
	result := room(48)
	importSessionForwardBackward(getUint32(at.to(0)), getUint32(at.to(4)), uint32(getByte(at.to(8))), getUint32(at.to(12)), getUint32(at.to(16)), getUint32(at.to(20)), getUint32(at.to(24)), uint32(getByte(at.to(28))), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("forward-backward", loadSessionError(result.to(8)))
	}
	return loadForwardOutput(result.to(8)), nil
}

// The same sums without gradients.
func (sessionFunctions) Forward(data []Datum, loss Loss, logProbs LogProbs) (answer ForwardOutput, err error) {
	defer release(len(held))
	at := room(32)
	putList(at.to(0), data, 48, storeDatum)
	storeLoss(at.to(8), loss)
	storeLogProbs(at.to(28), logProbs)
	result := room(48)
	importSessionForward(getUint32(at.to(0)), getUint32(at.to(4)), uint32(getByte(at.to(8))), getUint32(at.to(12)), getUint32(at.to(16)), getUint32(at.to(20)), getUint32(at.to(24)), uint32(getByte(at.to(28))), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("forward", loadSessionError(result.to(8)))
	}
	return loadForwardOutput(result.to(8)), nil
}

// Applies the gradients that have added up and sets them to zero. Without any
// ForwardBackward before it: Invalid.
func (sessionFunctions) OptimStep(adam Adam) (answer OptimOutput, err error) {
	defer release(len(held))
	at := room(96)
	storeAdam(at.to(0), adam)
	result := room(48)
	importSessionOptimStep(getFloat64(at.to(0)), uint32(getByte(at.to(8))), getFloat64(at.to(16)), uint32(getByte(at.to(24))), getFloat64(at.to(32)), uint32(getByte(at.to(40))), getFloat64(at.to(48)), uint32(getByte(at.to(56))), getFloat64(at.to(64)), uint32(getByte(at.to(72))), getFloat64(at.to(80)), getUint32(at.to(88)), getUint32(at.to(92)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("optim-step", loadSessionError(result.to(8)))
	}
	return loadOptimOutput(result.to(8)), nil
}

// Scores the held-out data with the weights as they are; becomes an evaluation event,
// which OnEvaluate gets before this returns, and answers Wishes.Evaluate. No data
// held out: Unsupported. If the engine fails at it, the run does.
func (sessionFunctions) Evaluate() (answer SessionEvaluation, err error) {
	defer release(len(held))
	result := room(56)
	importSessionEvaluate(uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("evaluate", loadSessionError(result.to(8)))
	}
	return loadSessionEvaluation(result.to(8)), nil
}

// Generates Count sequences after each of the prompts, which are answered in their
// order; 1 to 256 sequences in all. Each sequence has a random stream of its own.
func (sessionFunctions) Sample(prompts [][]uint32, count uint32, sampling Sampling) (answer [][]Sequence, err error) {
	defer release(len(held))
	at := room(104)
	putList(at.to(0), prompts, 8, func(at ptr, v []uint32) { putNumbers(at, v) })
	putUint32(at.to(8), count)
	storeSampling(at.to(16), sampling)
	result := room(16)
	importSessionSample(uint32(at), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("sample", loadSessionError(result.to(4)))
	}
	return getList(result.to(4), 8, func(at ptr) []Sequence { return getList(at, 36, loadSequence) }), nil
}

// Keeps weights and optimizer under a name, for LoadState in the same run. Names
// are made as those of artifacts; an existing one is replaced. A run that is resumed
// finds the states that it had at its checkpoint. Gradients that have not been
// applied: Invalid.
func (sessionFunctions) SaveState(name string) error {
	defer release(len(held))
	at := room(8)
	putText(at.to(0), name)
	result := room(16)
	importSessionSaveState(getUint32(at.to(0)), getUint32(at.to(4)), uint32(result))
	if getByte(result) != 0 {
		return hostError("save-state", loadSessionError(result.to(4)))
	}
	return nil
}

// Takes up weights and optimizer kept under a name. Gradients not yet applied are
// dropped. The number of finished steps stays what it is.
func (sessionFunctions) LoadState(name string) error {
	defer release(len(held))
	at := room(8)
	putText(at.to(0), name)
	result := room(16)
	importSessionLoadState(getUint32(at.to(0)), getUint32(at.to(4)), uint32(result))
	if getByte(result) != 0 {
		return hostError("load-state", loadSessionError(result.to(4)))
	}
	return nil
}

// Text to ids, without special tokens around it. Text that
// spells a special token becomes that token.
func (sessionFunctions) Tokenize(text string) (answer []uint32, err error) {
	defer release(len(held))
	at := room(8)
	putText(at.to(0), text)
	result := room(16)
	importSessionTokenize(getUint32(at.to(0)), getUint32(at.to(4)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("tokenize", loadSessionError(result.to(4)))
	}
	return getNumbers[uint32](result.to(4)), nil
}

// Ids to text, without special tokens; bytes that are not UTF-8 become U+FFFD.
func (sessionFunctions) Detokenize(tokens []uint32) (answer string, err error) {
	defer release(len(held))
	at := room(8)
	putNumbers(at.to(0), tokens)
	result := room(16)
	importSessionDetokenize(getUint32(at.to(0)), getUint32(at.to(4)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("detokenize", loadSessionError(result.to(4)))
	}
	return getText(result.to(4)), nil
}

// Renders a conversation with the model's chat template; a model without one:
// Unsupported.
//
// Messages is JSON as the Hugging Face chat templates take it: a list of objects with
// Role and Content, and what else the template reads. Options are those of
// apply_chat_template, add_generation_prompt for one.
func (sessionFunctions) RenderChat(messages string, options []Setting) (answer RenderedChat, err error) {
	defer release(len(held))
	at := room(16)
	putText(at.to(0), messages)
	putList(at.to(8), options, 16, storeSetting)
	result := room(28)
	importSessionRenderChat(getUint32(at.to(0)), getUint32(at.to(4)), getUint32(at.to(8)), getUint32(at.to(12)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("render-chat", loadSessionError(result.to(4)))
	}
	return loadRenderedChat(result.to(4)), nil
}

// Where a running loop meets its host, and where any trainer leaves messages.
//
// Checkpoint, Log, Evaluated and ResumePoint are for the training loop; called
// from anywhere else they fail with OutsideLoop.
var Hooks hooksFunctions

type hooksFunctions struct{}

// Offers a point at which the loop could be stopped and continued.
//
// Cheap enough to call after every step: the host writes a checkpoint (weights,
// optimizer, State) only if one is due by SaveSteps, asked for, or needed
// to stop. A pause is spent inside this call. Step counts finished optimizer steps
// and must be what the session counted; State is whatever the loop needs to go
// on from here, at most the StateSize limit of the project. Gradients that have
// not been applied by OptimStep make it fail with Invalid. A checkpoint that cannot be written, on
// a full disk for one, fails the run. Stop and HandOver are final: the session and
// the hooks answer Ended from then on.
func (hooksFunctions) Checkpoint(step uint32, state []byte) (answer Directive, err error) {
	defer release(len(held))
	at := room(12)
	putUint32(at.to(0), step)
	putNumbers(at.to(4), state)
	result := room(16)
	importHooksCheckpoint(getUint32(at.to(0)), getUint32(at.to(4)), getUint32(at.to(8)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("checkpoint", loadHookError(result.to(4)))
	}
	return loadDirective(result.to(4)), nil
}

// Reports progress: becomes a log event, which OnLog gets before this returns.
//
// At most 1000 metrics. A number that is not finite makes it fail with Invalid. Never
// dropped: a loop that logs faster than the log can be written waits here.
func (hooksFunctions) Log(step uint32, progress Progress, metrics []Metric) (answer Wishes, err error) {
	defer release(len(held))
	at := room(80)
	putUint32(at.to(0), step)
	storeProgress(at.to(8), progress)
	putList(at.to(72), metrics, 16, storeMetric)
	result := room(40)
	importHooksLog(getUint32(at.to(0)), uint32(getByte(at.to(8))), getFloat64(at.to(16)), uint32(getByte(at.to(24))), getFloat64(at.to(32)), uint32(getByte(at.to(40))), getFloat64(at.to(48)), uint32(getByte(at.to(56))), getFloat64(at.to(64)), getUint32(at.to(72)), getUint32(at.to(76)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("log", loadHookError(result.to(8)))
	}
	return loadWishes(result.to(8)), nil
}

// Reports an evaluation that the loop made itself: becomes an evaluation event, which
// OnEvaluate gets before this returns, and answers Wishes.Evaluate.
//
// A measurement without loss and metrics, or with a number that is not finite, makes it
// fail with Invalid.
func (hooksFunctions) Evaluated(step uint32, measurement Measurement) (answer Wishes, err error) {
	defer release(len(held))
	at := room(32)
	putUint32(at.to(0), step)
	storeMeasurement(at.to(8), measurement)
	result := room(40)
	importHooksEvaluated(getUint32(at.to(0)), uint32(getByte(at.to(8))), getFloat64(at.to(16)), getUint32(at.to(24)), getUint32(at.to(28)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("evaluated", loadHookError(result.to(8)))
	}
	return loadWishes(result.to(8)), nil
}

// Where to go on; absent at the start of a new run.
func (hooksFunctions) ResumePoint() (answer *ResumeInfo, err error) {
	defer release(len(held))
	result := room(56)
	importHooksResumePoint(uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("resume-point", loadHookError(result.to(8)))
	}
	return getOption(result.to(8), 8, loadResumeInfo), nil
}

// Leaves a line for people in the run's log. May be called from any function.
//
// Text over 64 KiB is cut; if the trainer's messages exceed the rate limit of the
// project, this call waits.
func (hooksFunctions) Message(level Level, text string) {
	defer release(len(held))
	at := room(12)
	storeLevel(at.to(0), level)
	putText(at.to(4), text)
	importHooksMessage(uint32(getByte(at.to(0))), getUint32(at.to(4)), getUint32(at.to(8)))
}

// Text from the model that is being trained.
var Inference inferenceFunctions

type inferenceFunctions struct{}

// Continues Prompt, with the weights as they are; within OnCheckpoint these are the
// checkpoint's. A prompt is cut at its beginning to leave room for MaxTokens in the
// model's context, but keeps half of the context; an empty one is an end of sequence.
// Training waits meanwhile. The time does not count towards the callback's deadline; the
// engine has a limit of its own. Does not touch the randomness of training.
func (inferenceFunctions) Generate(prompt string, sampling Sampling) (answer Generation, err error) {
	defer release(len(held))
	at := room(96)
	putText(at.to(0), prompt)
	storeSampling(at.to(8), sampling)
	result := room(28)
	importInferenceGenerate(uint32(at), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("generate", loadInferenceError(result.to(4)))
	}
	return loadGeneration(result.to(4)), nil
}

// Named files that belong to the run.
var Artifacts artifactsFunctions

type artifactsFunctions struct{}

// Writes a file of the run, whole or not at all. Writing a name again replaces what
// the name stands for; the event log keeps both digests.
func (artifactsFunctions) Write(name string, content []byte) (answer Artifact, err error) {
	defer release(len(held))
	at := room(16)
	putText(at.to(0), name)
	putNumbers(at.to(8), content)
	result := room(32)
	importArtifactsWrite(getUint32(at.to(0)), getUint32(at.to(4)), getUint32(at.to(8)), getUint32(at.to(12)), uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("write", loadArtifactError(result.to(4)))
	}
	return loadArtifact(result.to(4)), nil
}

// What a trainer is part of, whenever it asks.
//
// Answered when it is asked: right after a swap and after one that was taken back, where
// what OnStarted was told is no longer true.
var Run runFunctions

type runFunctions struct{}

func (runFunctions) Info() (answer RunInfo, err error) {
	defer release(len(held))
	result := room(60)
	importRunInfo(uint32(result))
	if getByte(result) != 0 {
		return answer, hostError("info", loadRunError(result.to(4)))
	}
	return loadRunInfo(result.to(4)), nil
}
