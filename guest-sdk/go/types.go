// Code generated from wit/ by `cargo run --package generate` in guest-sdk/rust. DO NOT EDIT.

package arkor

// A named number of the trainer's own, Reward for one.
//
// A name has 1 to 100 letters, digits or any of -_./:@. A value that is not
// finite is refused.
type Metric struct {
	Name string

	Value float64
}

// A setting by name, where the contract has no field for it.
type Setting struct {
	// With the record it belongs to: `hyperparameters.packing` for one.
	Name string

	// As JSON: `true`, `0.5`, `"text"`.
	Value string
}

// What was measured on data that is not trained on.
type Measurement struct {
	// Mean loss in nats per token; absent where the measurement is not a loss.
	Loss *float64

	// What else was measured, Accuracy for one; at most 1000.
	Metrics []Metric
}

// How to generate text from the model.
type Sampling struct {
	// Most tokens to generate, from 1 on; what the model's context does not hold is not
	// generated. Absent: 64.
	MaxTokens *uint32

	// At least 0; 0 always takes the likeliest token. Absent: 1.
	Temperature *float64

	// Choose among the k likeliest tokens; 0 among all. Absent: 0.
	TopK *uint32

	// Choose among the likeliest tokens whose probabilities add up to p, above 0
	// and at most 1. Absent: 1.
	TopP *float64

	// Generation ends before any of these texts: the tokens that wrote one are left out.
	Stop []string

	// Whether a text of Stop stays at the end, with the tokens that wrote it. Absent: false.
	KeepStop *bool

	// Generation ends with any of these tokens, which is kept, like an end of sequence.
	StopTokenIDs []uint32

	// Equal seed, weights, prompt and place of the sequence within its call give equal
	// text; two calls with one seed repeat each other. Absent: one that the host derives
	// from the run's seed, its step and the number of calls, so that a resumed run
	// repeats it.
	Seed *uint32

	// Settings that this version of the contract has no field for. One that the host
	// does not know is an error.
	Additional []Setting
}

// Why a generated text ended.
type StopReason uint8

// MaxTokens were generated, or the model's context is full.
const StopReasonLength StopReason = 0

// An end of sequence, a stop token or a stop text came.
const StopReasonStop StopReason = 1

// Something that this version of the contract has no case for.
const StopReasonOther StopReason = 2

// How much a message matters; the host can be told to show only some.
type Level uint8

const LevelDebug Level = 0

const LevelInfo Level = 1

const LevelWarn Level = 2

const LevelError Level = 3

type Split uint8

const SplitTrain Split = 0

// The held-out part.
const SplitEval Split = 1

type DatasetInfo struct {
	TrainExamples uint32

	EvalExamples uint32

	// Tokens in the training split; a whole number.
	TrainTokens float64

	// Entropy of the evaluation tokens under the training split's token frequencies, in
	// nats per token: the loss of a model that ignores all context. Absent if nothing
	// is held out.
	UnigramEntropy *float64

	// What this version of the contract has no field for.
	Additional []Setting
}

// A value for each position of a sequence.
type Column struct {
	Name string

	// One value per position, or Shape says how many there are to each: their product
	// times the number of positions is the length of Values.
	Shape []uint32

	Values []float32
}

// One example for next-token prediction: Targets is Tokens moved on by one.
type Example struct {
	Tokens []uint32

	Targets []uint32

	// Weight of each target's loss, 0 for what is not to be learned. Empty: 1 everywhere.
	Weights []float32

	// Further values of each position.
	Additional []Column
}

// One sequence. Tokens and Targets are not empty, the policy losses need advantages
// and old log-probabilities, and all lists that are not empty have the same length, at
// most the model's context. All numbers are finite.
type Datum struct {
	// Input ids.
	Tokens []uint32

	// The id to be predicted at each position.
	Targets []uint32

	// Weight of each position's loss. Empty: 1 everywhere.
	Weights []float32

	// Advantage of each position; for the policy losses.
	Advantages []float32

	// Log-probability of each target under the policy that sampled it, as Sequence or
	// Forward gave it; for the policy losses.
	OldLogProbs []float32

	// Further values of each position, for losses by name.
	Additional []Column
}

// Bounds of the probability ratio in Ppo.
type PpoClip struct {
	// Usually 0.8.
	Low float32

	// Usually 1.2.
	High float32
}

type NamedLoss struct {
	Name string

	Parameters []Setting
}

// Loss of a position with weight w, target log-probability l, advantage a, old
// log-probability o and ratio r = exp(l - o).
//
// One of the types that follow, whose names begin with Loss.
type Loss interface{ isLoss() }

// -w * l
type LossCrossEntropy struct{}

func (LossCrossEntropy) isLoss() {}

// -w * r * a
type LossImportanceSampling struct{}

func (LossImportanceSampling) isLoss() {}

// -w * min(r * a, clamp(r, low, high) * a)
type LossPpo struct{ Value PpoClip }

func (LossPpo) isLoss() {}

// One that this version of the contract has no case for, by the name the engine has
// for it. One that the engine does not know: Unsupported.
type LossOther struct{ Value NamedLoss }

func (LossOther) isLoss() {}

// Whether the log-probability of each target is wanted back.
type LogProbs uint8

const LogProbsOmit LogProbs = 0

const LogProbsGive LogProbs = 1

type ForwardOutput struct {
	// Sum of the weighted losses, in nats; not a number if the engine does not tell it.
	LossSum float64

	// Sum of the weights.
	WeightSum float64

	// One list per datum, one value per position; empty unless asked for.
	LogProbs [][]float32

	// What else the engine measured, by names of its own.
	Metrics []Metric

	// What this version of the contract has no field for.
	Additional []Setting
}

// One AdamW step. The learning rate and the weight decay are finite and at least 0, the
// betas at least 0 and below 1, eps at least 1e-30.
type Adam struct {
	LearningRate float64

	// Absent: 0.9.
	Beta1 *float64

	// Absent: 0.999.
	Beta2 *float64

	// Absent: 1e-8.
	Eps *float64

	// Decoupled, of matrices only. Absent: 0.
	WeightDecay *float64

	// Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1.
	MaxGradNorm *float64

	// Settings that this version of the contract has no field for. One that the engine
	// does not know: Unsupported.
	Additional []Setting
}

type OptimOutput struct {
	// Optimizer steps finished.
	Step uint32

	// Global L2 norm of the gradients, before clipping; absent if the engine does not
	// tell it.
	GradNorm *float64

	// What else the engine measured, by names of its own.
	Metrics []Metric

	// What this version of the contract has no field for.
	Additional []Setting
}

type SessionEvaluation struct {
	Measured Measurement

	// Tokens scored, a whole number; absent if the engine does not tell it.
	Tokens *float64

	// What this version of the contract has no field for.
	Additional []Setting
}

// A generated sequence, without its prompt.
type Sequence struct {
	// With the end of sequence or stop token that ended it; without a stop text.
	Tokens []uint32

	// Log-probability of each token under the model, before temperature, top-k and top-p.
	LogProbs []float32

	// Log-probability of each token under the distribution that it was drawn from, after
	// temperature, top-k and top-p: what a ratio of policies needs (OldLogProbs of
	// what is trained with ImportanceSampling). 0 at temperature 0.
	SamplingLogProbs []float32

	StopReason StopReason

	// What this version of the contract has no field for.
	Additional []Setting
}

// A conversation as the model sees it.
type RenderedChat struct {
	Tokens []uint32

	// 1 at each token that the assistant says, 0 elsewhere; as long as tokens. Moved on by
	// one like the targets, it is a datum's weights.
	AssistantMask []float32

	// What this version of the contract has no field for.
	Additional []Setting
}

// What an engine does not know of its model is absent.
type ModelInfo struct {
	// What it is called, `HuggingFaceTB/SmolLM2-135M` for one; absent for a new model.
	Name *string

	// `llama` for one.
	Architecture *string

	// Number of weights; a whole number.
	Parameters *float64

	// How many of them are trained; a whole number.
	TrainableParameters *float64

	VocabSize *uint32

	// Longest sequence, in tokens.
	ContextLength *uint32

	// Token that begins a sequence.
	BosTokenID *uint32

	// Tokens that end a sequence; empty if the tokenizer has none.
	EosTokenIDs []uint32

	// Token that fills up a batch.
	PadTokenID *uint32

	// Whether RenderChat can be used.
	HasChatTemplate bool

	// What this engine can do with this model, by name: ask here, do not try.
	// `cross-entropy`, `importance-sampling` and `ppo` are losses; `log-probs`,
	// `sampling-log-probs`, `stop-text`, `save-state`, `load-state`, `evaluate`,
	// `deterministic` (equal calls give equal bits) are others. More may come.
	Features []string

	// What this version of the contract has no field for.
	Additional []Setting
}

// What a loop is to do after a checkpoint hook.
type Directive uint8

// Go on.
const DirectiveProceed Directive = 0

// The run is to end: a checkpoint with the given state is written. Return from Run.
const DirectiveStop Directive = 1

// New code takes over from the checkpoint just written. Return from Run.
const DirectiveHandOver Directive = 2

// What the host would like of a loop, as of the last finished request.
type Wishes struct {
	// A checkpoint is due or waited for (SaveSteps, a stop, a pause, new code): call
	// Checkpoint as soon as the loop can be continued from there. A loop whose state
	// is costly to write need not call it before.
	Checkpoint bool

	// A callback asked for an evaluation: call Session.Evaluate, or Evaluated with what
	// the loop measured itself. If neither was called by the next Checkpoint, the host
	// scores the held-out data there, if there is any.
	Evaluate bool

	// The learning rate that a callback or a user asked for.
	LearningRate *float64

	// What this version of the contract has no field for.
	Additional []Setting
}

// How far training is. An absent field is left empty in the log event.
type Progress struct {
	// In nats per token.
	Loss *float64

	LearningRate *float64

	// Global L2 norm before clipping.
	GradNorm *float64

	// Passes over the training split.
	Epoch *float64
}

// Where a loop goes on.
type ResumeInfo struct {
	// The step of the checkpoint.
	Step uint32

	// What the loop gave to Checkpoint there.
	State []byte

	// The learning rate that a callback or a user had asked for by then.
	LearningRate *float64

	// What this version of the contract has no field for.
	Additional []Setting
}

type Generation struct {
	// What the model wrote after the prompt.
	Text string

	// Tokens generated.
	Tokens uint32

	StopReason StopReason

	// What this version of the contract has no field for.
	Additional []Setting
}

type Artifact struct {
	Name string

	// In bytes.
	Size uint32

	// blake3 of the content, in hex.
	Digest string

	// What this version of the contract has no field for.
	Additional []Setting
}

type RunInfo struct {
	// Identifies the run.
	ID string

	// The name that the spec gave it.
	Name string

	// The run whose place this one took when its configuration was changed.
	Parent *string

	// Counts the callback instances of this attempt at the run, from 1: that of the
	// instance which asks. In a loop, of the callbacks at work.
	Generation uint32

	// Counts the attempts at the run, from 1.
	Attempt uint32

	// Optimizer steps finished.
	Step uint32

	// Number of steps planned; absent if the trainer's own loop decides.
	TotalSteps *uint32

	// What this version of the contract has no field for.
	Additional []Setting
}

// A source by the name that a host has for it.
type NamedSource struct {
	Name string

	Parameters []Setting
}

type HubRepository struct {
	// `HuggingFaceTB/SmolLM2-135M` for one.
	Name string

	// Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`.
	Revision *string
}

// A decoder-only transformer of the Llama architecture.
type ModelShape struct {
	// Width of the residual stream.
	HiddenSize uint32

	// Number of blocks.
	NumHiddenLayers uint32

	// Number of query heads. Divides hidden-size; the quotient is even.
	NumAttentionHeads uint32

	// Number of key and value heads. Divides num-attention-heads.
	// Absent: num-attention-heads.
	NumKeyValueHeads *uint32

	// Width inside the SwiGLU feed-forward.
	// Absent: 8/3 of hidden-size, rounded up to a multiple of 32.
	IntermediateSize *uint32

	// Base of the rotary position embedding. Absent: 10000.
	RopeTheta *float64

	// Added to the mean square in RMSNorm. Absent: 1e-5.
	RmsNormEps *float64

	// Whether the output layer shares its weights with the embedding. Absent: true.
	TieWordEmbeddings *bool
}

// Where the model comes from.
//
// One of the types that follow, whose names begin with ModelSource.
type ModelSource interface{ isModelSource() }

// New weights in this shape.
type ModelSourceScratch struct{ Value ModelShape }

func (ModelSourceScratch) isModelSource() {}

// A pretrained model in a file or folder, relative to the project's folder and
// inside it.
type ModelSourceFile struct{ Value string }

func (ModelSourceFile) isModelSource() {}

// A pretrained model of the Hugging Face hub.
type ModelSourceHub struct{ Value HubRepository }

func (ModelSourceHub) isModelSource() {}

// One that this version of the contract has no case for.
type ModelSourceOther struct{ Value NamedSource }

func (ModelSourceOther) isModelSource() {}

type NamedModel struct {
	// 1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit.
	Name string

	Source ModelSource
}

// How text becomes token ids.
//
// One of the types that follow, whose names begin with TokenizerSource.
type TokenizerSource interface{ isTokenizerSource() }

// One token a byte (ids 0 to 255), and id 256 for the end of a text.
type TokenizerSourceBytes struct{}

func (TokenizerSourceBytes) isTokenizerSource() {}

// A byte-level BPE vocabulary of this size, 300 to 262144, trained on the
// training split.
type TokenizerSourceBpe struct{ Value uint32 }

func (TokenizerSourceBpe) isTokenizerSource() {}

// A `tokenizer.json` of the Hugging Face tokenizers library, relative to the project.
type TokenizerSourceFile struct{ Value string }

func (TokenizerSourceFile) isTokenizerSource() {}

// The one that belongs to the pretrained model.
type TokenizerSourceModel struct{}

func (TokenizerSourceModel) isTokenizerSource() {}

// That of a model of the Hugging Face hub.
type TokenizerSourceHub struct{ Value HubRepository }

func (TokenizerSourceHub) isTokenizerSource() {}

// One that this version of the contract has no case for.
type TokenizerSourceOther struct{ Value NamedSource }

func (TokenizerSourceOther) isTokenizerSource() {}

type CompletionFields struct {
	// Usually `prompt`.
	Prompt string

	// Usually `completion`.
	Completion string
}

type PreferenceFields struct {
	// Usually `prompt`; absent if both answers begin with it.
	Prompt *string

	// Usually `chosen`.
	Chosen string

	// Usually `rejected`.
	Rejected string
}

type LabelFields struct {
	// Usually `prompt`.
	Prompt string

	// Usually `completion`.
	Completion string

	// Usually `label`.
	Label string
}

// What the data is made of. Rows are those of a JSON Lines file, a table or a hub's
// dataset; the names of their fields have the defaults of TRL.
//
// One of the types that follow, whose names begin with DatasetFormat.
type DatasetFormat interface{ isDatasetFormat() }

// One text from beginning to end.
type DatasetFormatText struct{}

func (DatasetFormatText) isDatasetFormat() {}

// Rows with a text each, in the field of this name; usually `text`.
type DatasetFormatRows struct{ Value string }

func (DatasetFormatRows) isDatasetFormat() {}

// Rows with a conversation each, in the field of this name; usually `messages`.
type DatasetFormatConversations struct{ Value string }

func (DatasetFormatConversations) isDatasetFormat() {}

// Rows with a prompt and what is to follow it.
type DatasetFormatCompletions struct{ Value CompletionFields }

func (DatasetFormatCompletions) isDatasetFormat() {}

// Rows with a prompt, a chosen and a rejected answer.
type DatasetFormatPreferences struct{ Value PreferenceFields }

func (DatasetFormatPreferences) isDatasetFormat() {}

// Rows with a prompt, an answer and whether it is a good one.
type DatasetFormatLabels struct{ Value LabelFields }

func (DatasetFormatLabels) isDatasetFormat() {}

// Rows with a prompt each, in the field of this name; usually `prompt`.
type DatasetFormatPrompts struct{ Value string }

func (DatasetFormatPrompts) isDatasetFormat() {}

// One that this version of the contract has no case for.
type DatasetFormatOther struct{ Value NamedSource }

func (DatasetFormatOther) isDatasetFormat() {}

type HubDataset struct {
	Name string

	// Absent: the only one there is.
	Config *string

	// Absent: `train`.
	Split *string

	// Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`.
	Revision *string
}

type URLDataset struct {
	URL string

	// What the file must hash to, in hex. Absent: not checked.
	Sha256 *string
}

// Where the data comes from.
//
// One of the types that follow, whose names begin with DatasetSource.
type DatasetSource interface{ isDatasetSource() }

// A file of UTF-8 text, relative to the project's folder and inside it. It is one text,
// whatever its ending.
type DatasetSourceFile struct{ Value string }

func (DatasetSourceFile) isDatasetSource() {}

// A dataset of the Hugging Face hub.
type DatasetSourceHub struct{ Value HubDataset }

func (DatasetSourceHub) isDatasetSource() {}

// A file behind an http or https address.
type DatasetSourceURL struct{ Value URLDataset }

func (DatasetSourceURL) isDatasetSource() {}

// One that this version of the contract has no case for.
type DatasetSourceOther struct{ Value NamedSource }

func (DatasetSourceOther) isDatasetSource() {}

// What is not trained on, but evaluated.
//
// One of the types that follow, whose names begin with HeldOut.
type HeldOut interface{ isHeldOut() }

// A share of the data, taken from its end: at least 0, below 1. With 0 there are no
// evaluations.
type HeldOutShare struct{ Value float64 }

func (HeldOutShare) isHeldOut() {}

// Data of its own, in the same format.
type HeldOutSource struct{ Value DatasetSource }

func (HeldOutSource) isHeldOut() {}

// What to train on.
type DatasetSpec struct {
	Source DatasetSource

	// Absent: text.
	Format DatasetFormat

	// What is held out for evaluation. Absent: a share of 0.05.
	HeldOut HeldOut

	// Settings that this version of the contract has no field for and a host may know.
	// One that the host does not know is an error.
	Additional []Setting
}

// Low-rank adaptation.
type Lora struct {
	// Rank of the update, 1 to 4096.
	R uint32

	// The update is scaled by lora-alpha / r. Absent: r.
	LoraAlpha *float64

	// Share of the adapter's inputs set to zero while training: at least 0, below 1.
	// Absent: 0.
	LoraDropout *float64

	// Layers that get an adapter, by the last part of their name, `q_proj` for one.
	// Empty: all linear layers of the blocks.
	TargetModules []string

	// Settings that this version of the contract has no field for and a host may know.
	// One that the host does not know is an error.
	Additional []Setting
}

// Shape of the learning rate after the warm-up. Another one is named in
// Hyperparameters.Additional as LRSchedulerType, by the name that Transformers has for
// it, if the host knows it; so with other enums.
type LRSchedulerType uint8

// Falls in a straight line to 0 at the last step.
const LRSchedulerTypeLinear LRSchedulerType = 0

// Falls along half a cosine to 0 at the last step.
const LRSchedulerTypeCosine LRSchedulerType = 1

// Stays, after the warm-up like the others.
const LRSchedulerTypeConstant LRSchedulerType = 2

// How to train.
//
// A trainer's own loop is free to use them or not, but for those that the host has part
// in there too: max-length (the model's context), save-steps, save-total-limit, seed,
// metric-for-best-model and early stopping.
type Hyperparameters struct {
	// Optimizer steps; 0 leaves the length to num-train-epochs. Absent: 0.
	MaxSteps *uint32

	// Passes over the training split, if max-steps is 0. Absent: 3.
	NumTrainEpochs *float64

	// Peak learning rate, 0 to 10. Absent: 2e-5.
	LearningRate *float64

	// Sequences in one forward and backward pass, 1 to 65536. Absent: 8.
	PerDeviceTrainBatchSize *uint32

	// Passes whose gradients add up to one optimizer step; the loss is the mean
	// over all their tokens. 1 to 65536. Absent: 1.
	GradientAccumulationSteps *uint32

	// Tokens in one sequence, and the context of a new model: 2 to 131072. Absent: 1024.
	MaxLength *uint32

	// Absent: linear.
	LRSchedulerType *LRSchedulerType

	// Steps over which the learning rate rises from 0 in a straight line. Absent: 0.
	WarmupSteps *uint32

	// Decoupled weight decay of matrices, 0 to 10. Absent: 0.
	WeightDecay *float64

	// Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1.
	MaxGradNorm *float64

	// Absent: 0.9.
	AdamBeta1 *float64

	// Absent: 0.999.
	AdamBeta2 *float64

	// At least 1e-30. Absent: 1e-8.
	AdamEpsilon *float64

	// Steps between two log events, at least 1. Absent: 10.
	LoggingSteps *uint32

	// Steps between two evaluations; 0 evaluates at the end only. Absent: 0.
	EvalSteps *uint32

	// Steps between two checkpoints; 0 saves at the end only. Absent: 500.
	SaveSteps *uint32

	// Checkpoints kept, the best and the newest always among them; 0 keeps all.
	// Absent: 0.
	SaveTotalLimit *uint32

	// Seed of the weights, the order of the data and all else that is random.
	// Absent: 42.
	Seed *uint32

	// Evaluations in a row without an improvement after which the run stops early;
	// 0 never stops it. Absent: 0.
	EarlyStoppingPatience *uint32

	// An evaluation improves if its score is better than the best by more than this.
	// Absent: 0.
	EarlyStoppingThreshold *float64

	// What evaluations are compared by: `loss`, or the name of a metric. Absent: `loss`.
	MetricForBestModel *string

	// Whether a higher score is better. Absent: true, but for a name that ends in Loss.
	GreaterIsBetter *bool

	// Settings that this version of the contract has no field for and a host may know.
	// One that the host does not know is an error.
	Additional []Setting
}

// A training job.
type Spec struct {
	// 1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit.
	Name string

	// For people. Changing it does not restart a run.
	Description *string

	// For people. Changing them does not restart a run.
	Tags []string

	Model ModelSource

	// Absent: that of a pretrained model; bytes for a new one.
	Tokenizer TokenizerSource

	// Absent: the trainer's loop makes its own data, and Dataset answers NotReady.
	Dataset *DatasetSpec

	// Further models by name: a reference, a teacher, a judge. A host that has no use for
	// one refuses the spec.
	Models []NamedModel

	// Train low-rank adapters instead of all weights; needs a pretrained model.
	Lora *Lora

	Hyperparameters Hyperparameters

	// Settings that this version of the contract has no field for and a host may know.
	// One that the host does not know is an error.
	Additional []Setting

	// Values of the trainer's own: a JSON object as text. The host keeps them
	// with the run and reads none of them. They count as configuration:
	// changing one restarts a run. Absent: an empty object.
	Extras *string

	// Check everything (dataset, tokenizer, model, callbacks' start) and train no
	// step. Absent: false.
	DryRun *bool

	// Whether TrainingLoop trains, or the host's loop. Absent: TrainingLoop if the
	// trainer exports it.
	OwnLoop *bool
}

// Where in the run an event stands. In every event.
type Position struct {
	// Sequence number of the event in the run's log, from 1, without gaps. Messages and
	// actions have numbers too, so not every number is handed to a callback.
	Seq uint32

	// Optimizer steps finished.
	Step uint32
}

// The run begins, or goes on after an interruption.
type Started struct {
	At Position

	// Identifies the run.
	Run string

	// Counts the callback instances of this attempt at the run, from 1.
	Generation uint32

	// The step of the checkpoint the run goes on from; absent for a new run.
	ResumedFrom *uint32

	// Number of steps planned; absent if the trainer's own loop decides.
	TotalSteps *uint32

	// The run whose place this one took when its configuration was changed.
	Parent *string

	// What this version of the contract has no field for; so in every event.
	Additional []Setting
}

// Progress, every LoggingSteps steps; for a loop trainer, whenever its loop logs.
type LogRecord struct {
	At Position

	// Passes over the training split so far.
	Epoch *float64

	// Mean loss of the steps since the last log event, in nats per token.
	Loss *float64

	// Learning rate of the last step.
	LearningRate *float64

	// Global L2 norm of the last step's gradients, before clipping.
	GradNorm *float64

	// Tokens trained on so far; a whole number.
	Tokens float64

	// What the loop logged besides, and what LogMetric actions left.
	Metrics []Metric

	Additional []Setting
}

// The model was evaluated: by the host on the held-out data, or by the trainer itself
// (the action Evaluated, Hooks.Evaluated).
type Evaluation struct {
	At Position

	// Mean loss in nats per token; absent where something else was measured.
	Loss *float64

	// exp(loss), at most the largest finite number.
	Perplexity *float64

	// Lowest evaluation loss of the run so far, this one included.
	BestLoss *float64

	// The value of MetricForBestModel, by which checkpoints are compared and early
	// stopping counts; absent if it was not measured here.
	Score *Metric

	// Best score of the run so far, this one included.
	BestScore *float64

	// Whether this score is the best so far.
	IsBest bool

	// Evaluations with a score, in a row, up to this one, that were no improvement.
	EvaluationsWithoutImprovement uint32

	// What else was measured.
	Metrics []Metric

	Additional []Setting
}

// A checkpoint was written. While this is handled, Inference answers with
// exactly these weights.
type Checkpoint struct {
	At Position

	// Identifies the checkpoint within the store.
	ID string

	// The evaluation loss of these weights, if they were evaluated.
	EvalLoss *float64

	// The score of these weights, if they were evaluated.
	Score *Metric

	// What was measured of these weights.
	Metrics []Metric

	Additional []Setting
}

// Why a run ended.
//
// One of the types that follow, whose names begin with EndReason.
type EndReason interface{ isEndReason() }

// All planned steps were done, or the trainer's loop returned.
type EndReasonFinished struct{}

func (EndReasonFinished) isEndReason() {}

// EarlyStoppingPatience was used up.
type EndReasonEarlyStopping struct{}

func (EndReasonEarlyStopping) isEndReason() {}

// A callback asked for it; with its reason.
type EndReasonTrainer struct{ Value string }

func (EndReasonTrainer) isEndReason() {}

// A user asked for it.
type EndReasonUser struct{}

func (EndReasonUser) isEndReason() {}

// A run of new code with another configuration takes over.
type EndReasonReplaced struct{}

func (EndReasonReplaced) isEndReason() {}

// One that this version of the contract has no case for, by its name.
type EndReasonOther struct{ Value string }

func (EndReasonOther) isEndReason() {}

// The run ended well; its last checkpoint is written.
type Completed struct {
	At Position

	Reason EndReason

	// The last checkpoint; absent after a dry run.
	Checkpoint *string

	// The last logged loss.
	Loss *float64

	// The last evaluation loss.
	EvalLoss *float64

	// Best score of the run.
	BestScore *float64

	// The checkpoint whose weights have it, if one was kept.
	BestCheckpoint *string

	// What the last evaluation measured.
	Metrics []Metric

	Additional []Setting
}

// The run ended badly.
type Failed struct {
	At Position

	// What happened, for people.
	Message string

	// What kind of failure it is, for programs: `diverged`, `data`, `engine`, `engine-lost`,
	// `engine-rejected`, `engine-unavailable`, `out-of-memory`, `store`, `store-full`,
	// `trainer`, `unsupported`, `internal`. More may come: one that a trainer does not know
	// is to be treated like `internal`.
	Code string

	// What to do about it, for people.
	Hint *string

	// The last checkpoint, from which the run can be resumed; absent if there is none.
	Checkpoint *string

	Additional []Setting
}

// What a callback may ask for; at most 1000 at once.
//
// They are done in the order log, evaluate, save, stop, pause. If one of them is not
// valid, none of the answer's is done, and it counts as an error of the callback.
// While a trainer's own loop runs, Stop, Save and Pause wait for its next
// Hooks.Checkpoint, and Evaluate is handed to it as Wishes.Evaluate.
//
// One of the types that follow, whose names begin with Action.
type Action interface{ isAction() }

// End the run after a checkpoint at this step, with this reason. The run
// counts as stopped early, not as failed. The first reason counts.
type ActionStop struct{ Value string }

func (ActionStop) isAction() {}

// Write a checkpoint at this step; at the next one if asked for by
// OnCheckpoint.
type ActionSave struct{}

func (ActionSave) isAction() {}

// Score the held-out data at this step; at the next one if asked for by
// OnEvaluate or OnCheckpoint. With nothing held out it is not valid, unless the
// trainer's own loop runs.
type ActionEvaluate struct{}

func (ActionEvaluate) isAction() {}

// The trainer has evaluated the model itself. Becomes an evaluation event of this
// step, handed to OnEvaluate too; asked for there, it is not valid, since it would
// never end. At most one in an answer.
type ActionEvaluated struct{ Value Measurement }

func (ActionEvaluated) isAction() {}

// Train with exactly this rate, 0 to 10, from the next step on, instead of the
// schedule. A trainer's own loop finds it in the answer of Hooks.Log and decides
// itself.
type ActionSetLearningRate struct{ Value float64 }

func (ActionSetLearningRate) isAction() {}

// Train with the schedule's rate again.
type ActionFollowSchedule struct{}

func (ActionFollowSchedule) isAction() {}

// Wait, after this step, until a user lets the run go on.
type ActionPause struct{}

func (ActionPause) isAction() {}

// Record a number. It is in the run's log at once, and in the metrics of the next
// log event.
type ActionLogMetric struct{ Value Metric }

func (ActionLogMetric) isAction() {}

// One that this version of the contract has no case for. If the host does not know
// it, it is left undone, with a warning in the run's log.
type ActionOther struct{ Value Setting }

func (ActionOther) isAction() {}
