// What a trainer in TypeScript or JavaScript gets from arkor-host: the module "arkor".
//
// Made from wit/ and api.d.ts by `cargo run --package generate` in guest-sdk/rust.

/**
 * A named number of the trainer's own, `reward` for one.
 *
 * A name has 1 to 100 letters, digits or any of `-_./:@`. A value that is not
 * finite is refused.
 */
export interface Metric {
  name: string;
  value: number;
}

/** A setting by name, where the contract has no field for it. */
export interface Setting {
  /** With the record it belongs to: `hyperparameters.packing` for one. */
  name: string;
  /** As JSON: `true`, `0.5`, `"text"`. */
  value: string;
}

/** What was measured on data that is not trained on. */
export interface Measurement {
  /** Mean loss in nats per token; absent where the measurement is not a loss. */
  loss?: number | undefined;
  /** What else was measured, `accuracy` for one; at most 1000. */
  metrics?: Metrics | undefined;
}

/** What was measured on data that is not trained on. */
export interface Measured {
  /** Mean loss in nats per token; absent where the measurement is not a loss. */
  loss?: number | undefined;
  /** What else was measured, `accuracy` for one; at most 1000. */
  metrics: Metric[];
}

/** How to generate text from the model. */
export interface Sampling {
  /**
   * Most tokens to generate, from 1 on; what the model's context does not hold is not
   * generated. Absent: 64.
   */
  maxTokens?: number | undefined;
  /** At least 0; 0 always takes the likeliest token. Absent: 1. */
  temperature?: number | undefined;
  /** Choose among the k likeliest tokens; 0 among all. Absent: 0. */
  topK?: number | undefined;
  /**
   * Choose among the likeliest tokens whose probabilities add up to p, above 0
   * and at most 1. Absent: 1.
   */
  topP?: number | undefined;
  /** Generation ends before any of these texts: the tokens that wrote one are left out. */
  stop?: readonly string[] | undefined;
  /** Whether a text of `stop` stays at the end, with the tokens that wrote it. Absent: false. */
  keepStop?: boolean | undefined;
  /** Generation ends with any of these tokens, which is kept, like an end of sequence. */
  stopTokenIds?: Numbers | undefined;
  /**
   * Equal seed, weights, prompt and place of the sequence within its call give equal
   * text; two calls with one seed repeat each other. Absent: one that the host derives
   * from the run's seed, its step and the number of calls, so that a resumed run
   * repeats it.
   */
  seed?: number | undefined;
  /**
   * Settings that this version of the contract has no field for. One that the host
   * does not know is an error.
   */
  additional?: Settings | undefined;
}

/** Why a generated text ended. */
export type StopReason = "length" | "stop" | "other";

/** How much a message matters; the host can be told to show only some. */
export type Level = "debug" | "info" | "warn" | "error";

export type Split = "train" | "eval";

export interface DatasetInfo {
  trainExamples: number;
  evalExamples: number;
  /** Tokens in the training split; a whole number. */
  trainTokens: number;
  /**
   * Entropy of the evaluation tokens under the training split's token frequencies, in
   * nats per token: the loss of a model that ignores all context. Absent if nothing
   * is held out.
   */
  unigramEntropy?: number | undefined;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** A value for each position of a sequence. */
export interface Column {
  name: string;
  /**
   * One value per position, or `shape` says how many there are to each: their product
   * times the number of positions is the length of `values`.
   */
  shape?: Numbers | undefined;
  values?: Numbers | undefined;
}

/** A value for each position of a sequence. */
export interface ExampleColumn {
  name: string;
  /**
   * One value per position, or `shape` says how many there are to each: their product
   * times the number of positions is the length of `values`.
   */
  shape: number[];
  values: number[];
}

/** One example for next-token prediction: `targets` is `tokens` moved on by one. */
export interface Example {
  tokens: number[];
  targets: number[];
  /** Weight of each target's loss, 0 for what is not to be learned. Empty: 1 everywhere. */
  weights: number[];
  /** Further values of each position. */
  additional: ExampleColumn[];
}

/**
 * One sequence. `tokens` and `targets` are not empty, the policy losses need advantages
 * and old log-probabilities, and all lists that are not empty have the same length, at
 * most the model's context. All numbers are finite.
 */
export interface Datum {
  /** Input ids. */
  tokens?: Numbers | undefined;
  /** The id to be predicted at each position. */
  targets?: Numbers | undefined;
  /** Weight of each position's loss. Empty: 1 everywhere. */
  weights?: Numbers | undefined;
  /** Advantage of each position; for the policy losses. */
  advantages?: Numbers | undefined;
  /**
   * Log-probability of each target under the policy that sampled it, as `sequence` or
   * `forward` gave it; for the policy losses.
   */
  oldLogProbs?: Numbers | undefined;
  /** Further values of each position, for losses by name. */
  additional?: readonly Column[] | undefined;
}

/** Bounds of the probability ratio in `ppo`. */
export interface PpoClip {
  /** Usually 0.8. */
  low: number;
  /** Usually 1.2. */
  high: number;
}

export interface NamedLoss {
  name: string;
  parameters?: Settings | undefined;
}

/**
 * Loss of a position with weight w, target log-probability l, advantage a, old
 * log-probability o and ratio r = exp(l - o).
 */
export type Loss =
  /** -w * l */
  | { tag: "cross-entropy" }
  /** -w * r * a */
  | { tag: "importance-sampling" }
  /** -w * min(r * a, clamp(r, low, high) * a) */
  | { tag: "ppo"; val: PpoClip }
  /**
   * One that this version of the contract has no case for, by the name the engine has
   * for it. One that the engine does not know: `unsupported`.
   */
  | { tag: "other"; val: NamedLoss };

/** Whether the log-probability of each target is wanted back. */
export type LogProbs = "omit" | "give";

export interface ForwardOutput {
  /** Sum of the weighted losses, in nats; not a number if the engine does not tell it. */
  lossSum: number;
  /** Sum of the weights. */
  weightSum: number;
  /** One list per datum, one value per position; empty unless asked for. */
  logProbs: number[][];
  /** What else the engine measured, by names of its own. */
  metrics: Metric[];
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/**
 * One AdamW step. The learning rate and the weight decay are finite and at least 0, the
 * betas at least 0 and below 1, eps at least 1e-30.
 */
export interface Adam {
  learningRate: number;
  /** Absent: 0.9. */
  beta1?: number | undefined;
  /** Absent: 0.999. */
  beta2?: number | undefined;
  /** Absent: 1e-8. */
  eps?: number | undefined;
  /** Decoupled, of matrices only. Absent: 0. */
  weightDecay?: number | undefined;
  /** Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1. */
  maxGradNorm?: number | undefined;
  /**
   * Settings that this version of the contract has no field for. One that the engine
   * does not know: `unsupported`.
   */
  additional?: Settings | undefined;
}

export interface OptimOutput {
  /** Optimizer steps finished. */
  step: number;
  /**
   * Global L2 norm of the gradients, before clipping; absent if the engine does not
   * tell it.
   */
  gradNorm?: number | undefined;
  /** What else the engine measured, by names of its own. */
  metrics: Metric[];
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

export interface SessionEvaluation {
  measured: Measured;
  /** Tokens scored, a whole number; absent if the engine does not tell it. */
  tokens?: number | undefined;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** A generated sequence, without its prompt. */
export interface Sequence {
  /** With the end of sequence or stop token that ended it; without a stop text. */
  tokens: number[];
  /** Log-probability of each token under the model, before temperature, top-k and top-p. */
  logProbs: number[];
  /**
   * Log-probability of each token under the distribution that it was drawn from, after
   * temperature, top-k and top-p: what a ratio of policies needs (`oldLogProbs` of
   * what is trained with `importance-sampling`). 0 at temperature 0.
   */
  samplingLogProbs: number[];
  stopReason: StopReason;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** A conversation as the model sees it. */
export interface RenderedChat {
  tokens: number[];
  /**
   * 1 at each token that the assistant says, 0 elsewhere; as long as tokens. Moved on by
   * one like the targets, it is a datum's weights.
   */
  assistantMask: number[];
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** What an engine does not know of its model is absent. */
export interface ModelInfo {
  /** What it is called, `HuggingFaceTB/SmolLM2-135M` for one; absent for a new model. */
  name?: string | undefined;
  /** `llama` for one. */
  architecture?: string | undefined;
  /** Number of weights; a whole number. */
  parameters?: number | undefined;
  /** How many of them are trained; a whole number. */
  trainableParameters?: number | undefined;
  vocabSize?: number | undefined;
  /** Longest sequence, in tokens. */
  contextLength?: number | undefined;
  /** Token that begins a sequence. */
  bosTokenId?: number | undefined;
  /** Tokens that end a sequence; empty if the tokenizer has none. */
  eosTokenIds: number[];
  /** Token that fills up a batch. */
  padTokenId?: number | undefined;
  /** Whether `renderChat` can be used. */
  hasChatTemplate: boolean;
  /**
   * What this engine can do with this model, by name: ask here, do not try.
   * `cross-entropy`, `importance-sampling` and `ppo` are losses; `log-probs`,
   * `sampling-log-probs`, `stop-text`, `save-state`, `load-state`, `evaluate`,
   * `deterministic` (equal calls give equal bits) are others. More may come.
   */
  features: string[];
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** What a loop is to do after a checkpoint hook. */
export type Directive = "proceed" | "stop" | "hand-over";

/** What the host would like of a loop, as of the last finished request. */
export interface Wishes {
  /**
   * A checkpoint is due or waited for (`saveSteps`, a stop, a pause, new code): call
   * `checkpoint` as soon as the loop can be continued from there. A loop whose state
   * is costly to write need not call it before.
   */
  checkpoint: boolean;
  /**
   * A callback asked for an evaluation: call `session.evaluate`, or `evaluated` with what
   * the loop measured itself. If neither was called by the next `checkpoint`, the host
   * scores the held-out data there, if there is any.
   */
  evaluate: boolean;
  /** The learning rate that a callback or a user asked for. */
  learningRate?: number | undefined;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** How far training is. An absent field is left empty in the log event. */
export interface Progress {
  /** In nats per token. */
  loss?: number | undefined;
  learningRate?: number | undefined;
  /** Global L2 norm before clipping. */
  gradNorm?: number | undefined;
  /** Passes over the training split. */
  epoch?: number | undefined;
}

export interface Generation {
  /** What the model wrote after the prompt. */
  text: string;
  /** Tokens generated. */
  tokens: number;
  stopReason: StopReason;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

export interface Artifact {
  name: string;
  /** In bytes. */
  size: number;
  /** blake3 of the content, in hex. */
  digest: string;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

export interface RunInfo {
  /** Identifies the run. */
  id: string;
  /** The name that the spec gave it. */
  name: string;
  /** The run whose place this one took when its configuration was changed. */
  parent?: string | undefined;
  /**
   * Counts the callback instances of this attempt at the run, from 1: that of the
   * instance which asks. In a loop, of the callbacks at work.
   */
  generation: number;
  /** Counts the attempts at the run, from 1. */
  attempt: number;
  /** Optimizer steps finished. */
  step: number;
  /** Number of steps planned; absent if the trainer's own loop decides. */
  totalSteps?: number | undefined;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** A source by the name that a host has for it. */
export interface NamedSource {
  name: string;
  parameters?: Settings | undefined;
}

export interface HubRepository {
  /** `HuggingFaceTB/SmolLM2-135M` for one. */
  name: string;
  /** Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`. */
  revision?: string | undefined;
}

/** A decoder-only transformer of the Llama architecture. */
export interface ModelShape {
  /** Width of the residual stream. */
  hiddenSize: number;
  /** Number of blocks. */
  numHiddenLayers: number;
  /** Number of query heads. Divides hidden-size; the quotient is even. */
  numAttentionHeads: number;
  /**
   * Number of key and value heads. Divides num-attention-heads.
   * Absent: num-attention-heads.
   */
  numKeyValueHeads?: number | undefined;
  /**
   * Width inside the SwiGLU feed-forward.
   * Absent: 8/3 of hidden-size, rounded up to a multiple of 32.
   */
  intermediateSize?: number | undefined;
  /** Base of the rotary position embedding. Absent: 10000. */
  ropeTheta?: number | undefined;
  /** Added to the mean square in RMSNorm. Absent: 1e-5. */
  rmsNormEps?: number | undefined;
  /** Whether the output layer shares its weights with the embedding. Absent: true. */
  tieWordEmbeddings?: boolean | undefined;
}

/** Where the model comes from. */
export type ModelSource =
  /** New weights in this shape. */
  | { tag: "scratch"; val: ModelShape }
  /**
   * A pretrained model in a file or folder, relative to the project's folder and
   * inside it.
   */
  | { tag: "file"; val: string }
  /** A pretrained model of the Hugging Face hub. */
  | { tag: "hub"; val: HubRepository }
  /** One that this version of the contract has no case for. */
  | { tag: "other"; val: NamedSource };

export interface NamedModel {
  /** 1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit. */
  name: string;
  source: ModelSource;
}

/** How text becomes token ids. */
export type TokenizerSource =
  /** One token a byte (ids 0 to 255), and id 256 for the end of a text. */
  | { tag: "bytes" }
  /**
   * A byte-level BPE vocabulary of this size, 300 to 262144, trained on the
   * training split.
   */
  | { tag: "bpe"; val: number }
  /** A `tokenizer.json` of the Hugging Face tokenizers library, relative to the project. */
  | { tag: "file"; val: string }
  /** The one that belongs to the pretrained model. */
  | { tag: "model" }
  /** That of a model of the Hugging Face hub. */
  | { tag: "hub"; val: HubRepository }
  /** One that this version of the contract has no case for. */
  | { tag: "other"; val: NamedSource };

export interface CompletionFields {
  /** Usually `prompt`. */
  prompt: string;
  /** Usually `completion`. */
  completion: string;
}

export interface PreferenceFields {
  /** Usually `prompt`; absent if both answers begin with it. */
  prompt?: string | undefined;
  /** Usually `chosen`. */
  chosen: string;
  /** Usually `rejected`. */
  rejected: string;
}

export interface LabelFields {
  /** Usually `prompt`. */
  prompt: string;
  /** Usually `completion`. */
  completion: string;
  /** Usually `label`. */
  label: string;
}

/**
 * What the data is made of. Rows are those of a JSON Lines file, a table or a hub's
 * dataset; the names of their fields have the defaults of TRL.
 */
export type DatasetFormat =
  /** One text from beginning to end. */
  | { tag: "text" }
  /** Rows with a text each, in the field of this name; usually `text`. */
  | { tag: "rows"; val: string }
  /** Rows with a conversation each, in the field of this name; usually `messages`. */
  | { tag: "conversations"; val: string }
  /** Rows with a prompt and what is to follow it. */
  | { tag: "completions"; val: CompletionFields }
  /** Rows with a prompt, a chosen and a rejected answer. */
  | { tag: "preferences"; val: PreferenceFields }
  /** Rows with a prompt, an answer and whether it is a good one. */
  | { tag: "labels"; val: LabelFields }
  /** Rows with a prompt each, in the field of this name; usually `prompt`. */
  | { tag: "prompts"; val: string }
  /** One that this version of the contract has no case for. */
  | { tag: "other"; val: NamedSource };

export interface HubDataset {
  name: string;
  /** Absent: the only one there is. */
  config?: string | undefined;
  /** Absent: `train`. */
  split?: string | undefined;
  /** Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`. */
  revision?: string | undefined;
}

export interface UrlDataset {
  url: string;
  /** What the file must hash to, in hex. Absent: not checked. */
  sha256?: string | undefined;
}

/** Where the data comes from. */
export type DatasetSource =
  /**
   * A file of UTF-8 text, relative to the project's folder and inside it. It is one text,
   * whatever its ending.
   */
  | { tag: "file"; val: string }
  /** A dataset of the Hugging Face hub. */
  | { tag: "hub"; val: HubDataset }
  /** A file behind an http or https address. */
  | { tag: "url"; val: UrlDataset }
  /** One that this version of the contract has no case for. */
  | { tag: "other"; val: NamedSource };

/** What is not trained on, but evaluated. */
export type HeldOut =
  /**
   * A share of the data, taken from its end: at least 0, below 1. With 0 there are no
   * evaluations.
   */
  | { tag: "share"; val: number }
  /** Data of its own, in the same format. */
  | { tag: "source"; val: DatasetSource };

/** What to train on. */
export interface Dataset {
  source: DatasetSource;
  /** Absent: text. */
  format?: DatasetFormat | undefined;
  /** What is held out for evaluation. Absent: a share of 0.05. */
  heldOut?: HeldOut | DatasetSource | number | undefined;
  /**
   * Settings that this version of the contract has no field for and a host may know.
   * One that the host does not know is an error.
   */
  additional?: Settings | undefined;
}

/** Low-rank adaptation. */
export interface Lora {
  /** Rank of the update, 1 to 4096. */
  r: number;
  /** The update is scaled by lora-alpha / r. Absent: r. */
  loraAlpha?: number | undefined;
  /**
   * Share of the adapter's inputs set to zero while training: at least 0, below 1.
   * Absent: 0.
   */
  loraDropout?: number | undefined;
  /**
   * Layers that get an adapter, by the last part of their name, `q_proj` for one.
   * Empty: all linear layers of the blocks.
   */
  targetModules?: readonly string[] | undefined;
  /**
   * Settings that this version of the contract has no field for and a host may know.
   * One that the host does not know is an error.
   */
  additional?: Settings | undefined;
}

/**
 * Shape of the learning rate after the warm-up. Another one is named in
 * `hyperparameters.additional` as `lr-scheduler-type`, by the name that Transformers has for
 * it, if the host knows it; so with other enums.
 */
export type LrSchedulerType = "linear" | "cosine" | "constant";

/**
 * How to train.
 *
 * A trainer's own loop is free to use them or not, but for those that the host has part
 * in there too: max-length (the model's context), save-steps, save-total-limit, seed,
 * metric-for-best-model and early stopping.
 */
export interface Hyperparameters {
  /** Optimizer steps; 0 leaves the length to num-train-epochs. Absent: 0. */
  maxSteps?: number | undefined;
  /** Passes over the training split, if max-steps is 0. Absent: 3. */
  numTrainEpochs?: number | undefined;
  /** Peak learning rate, 0 to 10. Absent: 2e-5. */
  learningRate?: number | undefined;
  /** Sequences in one forward and backward pass, 1 to 65536. Absent: 8. */
  perDeviceTrainBatchSize?: number | undefined;
  /**
   * Passes whose gradients add up to one optimizer step; the loss is the mean
   * over all their tokens. 1 to 65536. Absent: 1.
   */
  gradientAccumulationSteps?: number | undefined;
  /** Tokens in one sequence, and the context of a new model: 2 to 131072. Absent: 1024. */
  maxLength?: number | undefined;
  /** Absent: linear. */
  lrSchedulerType?: LrSchedulerType | undefined;
  /** Steps over which the learning rate rises from 0 in a straight line. Absent: 0. */
  warmupSteps?: number | undefined;
  /** Decoupled weight decay of matrices, 0 to 10. Absent: 0. */
  weightDecay?: number | undefined;
  /** Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1. */
  maxGradNorm?: number | undefined;
  /** Absent: 0.9. */
  adamBeta1?: number | undefined;
  /** Absent: 0.999. */
  adamBeta2?: number | undefined;
  /** At least 1e-30. Absent: 1e-8. */
  adamEpsilon?: number | undefined;
  /** Steps between two log events, at least 1. Absent: 10. */
  loggingSteps?: number | undefined;
  /** Steps between two evaluations; 0 evaluates at the end only. Absent: 0. */
  evalSteps?: number | undefined;
  /** Steps between two checkpoints; 0 saves at the end only. Absent: 500. */
  saveSteps?: number | undefined;
  /**
   * Checkpoints kept, the best and the newest always among them; 0 keeps all.
   * Absent: 0.
   */
  saveTotalLimit?: number | undefined;
  /**
   * Seed of the weights, the order of the data and all else that is random.
   * Absent: 42.
   */
  seed?: number | undefined;
  /**
   * Evaluations in a row without an improvement after which the run stops early;
   * 0 never stops it. Absent: 0.
   */
  earlyStoppingPatience?: number | undefined;
  /**
   * An evaluation improves if its score is better than the best by more than this.
   * Absent: 0.
   */
  earlyStoppingThreshold?: number | undefined;
  /** What evaluations are compared by: `loss`, or the name of a metric. Absent: `loss`. */
  metricForBestModel?: string | undefined;
  /** Whether a higher score is better. Absent: true, but for a name that ends in `loss`. */
  greaterIsBetter?: boolean | undefined;
  /**
   * Settings that this version of the contract has no field for and a host may know.
   * One that the host does not know is an error.
   */
  additional?: Settings | undefined;
}

/** A training job. */
export interface Spec {
  /** 1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit. */
  name: string;
  /** For people. Changing it does not restart a run. */
  description?: string | undefined;
  /** For people. Changing them does not restart a run. */
  tags?: readonly string[] | undefined;
  model: ModelSource;
  /** Absent: that of a pretrained model; bytes for a new one. */
  tokenizer?: TokenizerSource | undefined;
  /** Absent: the trainer's loop makes its own data, and `dataset` answers `not-ready`. */
  dataset?: Dataset | DatasetSource | undefined;
  /**
   * Further models by name: a reference, a teacher, a judge. A host that has no use for
   * one refuses the spec.
   */
  models?: Models | undefined;
  /** Train low-rank adapters instead of all weights; needs a pretrained model. */
  lora?: Lora | undefined;
  hyperparameters?: Hyperparameters | undefined;
  /**
   * Settings that this version of the contract has no field for and a host may know.
   * One that the host does not know is an error.
   */
  additional?: Settings | undefined;
  /**
   * Values of the trainer's own: a JSON object as text. The host keeps them
   * with the run and reads none of them. They count as configuration:
   * changing one restarts a run. Absent: an empty object.
   */
  extras?: string | undefined;
  /**
   * Check everything (dataset, tokenizer, model, callbacks' start) and train no
   * step. Absent: false.
   */
  dryRun?: boolean | undefined;
  /**
   * Whether `training-loop` trains, or the host's loop. Absent: `training-loop` if the
   * trainer exports it.
   */
  ownLoop?: boolean | undefined;
}

/** Where in the run an event stands. In every event. */
export interface Position {
  /**
   * Sequence number of the event in the run's log, from 1, without gaps. Messages and
   * actions have numbers too, so not every number is handed to a callback.
   */
  seq: number;
  /** Optimizer steps finished. */
  step: number;
}

/** The run begins, or goes on after an interruption. */
export interface Started {
  at: Position;
  /** Identifies the run. */
  run: string;
  /** Counts the callback instances of this attempt at the run, from 1. */
  generation: number;
  /** The step of the checkpoint the run goes on from; absent for a new run. */
  resumedFrom?: number | undefined;
  /** Number of steps planned; absent if the trainer's own loop decides. */
  totalSteps?: number | undefined;
  /** The run whose place this one took when its configuration was changed. */
  parent?: string | undefined;
  /** What this version of the contract has no field for; so in every event. */
  additional: Setting[];
}

/** Progress, every `loggingSteps` steps; for a loop trainer, whenever its loop logs. */
export interface LogRecord {
  at: Position;
  /** Passes over the training split so far. */
  epoch?: number | undefined;
  /** Mean loss of the steps since the last log event, in nats per token. */
  loss?: number | undefined;
  /** Learning rate of the last step. */
  learningRate?: number | undefined;
  /** Global L2 norm of the last step's gradients, before clipping. */
  gradNorm?: number | undefined;
  /** Tokens trained on so far; a whole number. */
  tokens: number;
  /** What the loop logged besides, and what `log-metric` actions left. */
  metrics: Metric[];
  additional: Setting[];
}

/**
 * The model was evaluated: by the host on the held-out data, or by the trainer itself
 * (the action `evaluated`, `hooks.evaluated`).
 */
export interface Evaluation {
  at: Position;
  /** Mean loss in nats per token; absent where something else was measured. */
  loss?: number | undefined;
  /** exp(loss), at most the largest finite number. */
  perplexity?: number | undefined;
  /** Lowest evaluation loss of the run so far, this one included. */
  bestLoss?: number | undefined;
  /**
   * The value of `metricForBestModel`, by which checkpoints are compared and early
   * stopping counts; absent if it was not measured here.
   */
  score?: Metric | undefined;
  /** Best score of the run so far, this one included. */
  bestScore?: number | undefined;
  /** Whether this score is the best so far. */
  isBest: boolean;
  /** Evaluations with a score, in a row, up to this one, that were no improvement. */
  evaluationsWithoutImprovement: number;
  /** What else was measured. */
  metrics: Metric[];
  additional: Setting[];
}

/**
 * A checkpoint was written. While this is handled, `inference` answers with
 * exactly these weights.
 */
export interface Checkpoint {
  at: Position;
  /** Identifies the checkpoint within the store. */
  id: string;
  /** The evaluation loss of these weights, if they were evaluated. */
  evalLoss?: number | undefined;
  /** The score of these weights, if they were evaluated. */
  score?: Metric | undefined;
  /** What was measured of these weights. */
  metrics: Metric[];
  additional: Setting[];
}

/** Why a run ended. */
export type EndReason =
  /** All planned steps were done, or the trainer's loop returned. */
  | { tag: "finished" }
  /** `earlyStoppingPatience` was used up. */
  | { tag: "early-stopping" }
  /** A callback asked for it; with its reason. */
  | { tag: "trainer"; val: string }
  /** A user asked for it. */
  | { tag: "user" }
  /** A run of new code with another configuration takes over. */
  | { tag: "replaced" }
  /** One that this version of the contract has no case for, by its name. */
  | { tag: "other"; val: string };

/** The run ended well; its last checkpoint is written. */
export interface Completed {
  at: Position;
  reason: EndReason;
  /** The last checkpoint; absent after a dry run. */
  checkpoint?: string | undefined;
  /** The last logged loss. */
  loss?: number | undefined;
  /** The last evaluation loss. */
  evalLoss?: number | undefined;
  /** Best score of the run. */
  bestScore?: number | undefined;
  /** The checkpoint whose weights have it, if one was kept. */
  bestCheckpoint?: string | undefined;
  /** What the last evaluation measured. */
  metrics: Metric[];
  additional: Setting[];
}

/** The run ended badly. */
export interface Failed {
  at: Position;
  /** What happened, for people. */
  message: string;
  /**
   * What kind of failure it is, for programs: `diverged`, `data`, `engine`, `engine-lost`,
   * `engine-rejected`, `engine-unavailable`, `out-of-memory`, `store`, `store-full`,
   * `trainer`, `unsupported`, `internal`. More may come: one that a trainer does not know
   * is to be treated like `internal`.
   */
  code: string;
  /** What to do about it, for people. */
  hint?: string | undefined;
  /** The last checkpoint, from which the run can be resumed; absent if there is none. */
  checkpoint?: string | undefined;
  additional: Setting[];
}

/**
 * What a callback may ask for; at most 1000 at once.
 *
 * They are done in the order log, evaluate, save, stop, pause. If one of them is not
 * valid, none of the answer's is done, and it counts as an error of the callback.
 * While a trainer's own loop runs, `stop`, `save` and `pause` wait for its next
 * `hooks.checkpoint`, and `evaluate` is handed to it as `wishes.evaluate`.
 */
export type Action =
  /**
   * End the run after a checkpoint at this step, with this reason. The run
   * counts as stopped early, not as failed. The first reason counts.
   */
  | { tag: "stop"; val: string }
  /**
   * Write a checkpoint at this step; at the next one if asked for by
   * `onCheckpoint`.
   */
  | { tag: "save" }
  /**
   * Score the held-out data at this step; at the next one if asked for by
   * `onEvaluate` or `onCheckpoint`. With nothing held out it is not valid, unless the
   * trainer's own loop runs.
   */
  | { tag: "evaluate" }
  /**
   * The trainer has evaluated the model itself. Becomes an evaluation event of this
   * step, handed to `onEvaluate` too; asked for there, it is not valid, since it would
   * never end. At most one in an answer.
   */
  | { tag: "evaluated"; val: Measurement }
  /**
   * Train with exactly this rate, 0 to 10, from the next step on, instead of the
   * schedule. A trainer's own loop finds it in the answer of `hooks.log` and decides
   * itself.
   */
  | { tag: "set-learning-rate"; val: number }
  /** Train with the schedule's rate again. */
  | { tag: "follow-schedule" }
  /** Wait, after this step, until a user lets the run go on. */
  | { tag: "pause" }
  /**
   * Record a number. It is in the run's log at once, and in the metrics of the next
   * log event.
   */
  | { tag: "log-metric"; val: Metric }
  /**
   * One that this version of the contract has no case for. If the host does not know
   * it, it is left undone, with a warning in the run's log.
   */
  | { tag: "other"; val: Setting };

/** A list of numbers: an array, or a typed array. */
export type Numbers =
  | readonly number[]
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | Float32Array
  | Float64Array;

/** What JSON can hold. */
export type Json =
  | string
  | number
  | boolean
  | null
  | readonly Json[]
  | { readonly [name: string]: Json | undefined };

/** Settings by name, or as the list that the contract has. A property that is undefined is left out. */
export type Settings = readonly Setting[] | { readonly [name: string]: Json | undefined };

/** Numbers by name, `{ accuracy: 0.5 }`, or as the list that the contract has. */
export type Metrics = readonly Metric[] | { readonly [name: string]: number | undefined };

/** Models by name, `{ teacher: hub("x/y") }`, or as the list that the contract has. */
export type Models = readonly NamedModel[] | { readonly [name: string]: ModelSource | undefined };

/** A spec as `run` gets it: in the contract's form, with all defaults filled in. */
export interface RunSpec extends Spec {
  description: string;
  tags: string[];
  tokenizer: TokenizerSource;
  dataset?: RunDataset | undefined;
  models: NamedModel[];
  lora?: RunLora | undefined;
  hyperparameters: RunHyperparameters;
  additional: Setting[];
  extras: string;
  dryRun: boolean;
  ownLoop: boolean;
}

export interface RunDataset extends Dataset {
  format: DatasetFormat;
  heldOut: HeldOut;
  additional: Setting[];
}

export interface RunLora extends Lora {
  loraAlpha: number;
  loraDropout: number;
  targetModules: string[];
  additional: Setting[];
}

export type RunHyperparameters = {
  [Name in Exclude<keyof Hyperparameters, "additional">]-?: NonNullable<Hyperparameters[Name]>;
} & { additional: Setting[] };

/** What a callback may return: nothing, one action, or several. */
export type Actions = Action | readonly Action[] | undefined | void;

type Awaitable<T> = T | Promise<T>;

/**
 * A trainer. Its state is handed to every callback, saved with every checkpoint, and carried over when
 * its code is replaced while a run goes on; variables of a module are not.
 */
export interface Trainer<State = undefined> {
  /**
   * What the trainer remembers: anything that JSON can hold. After a reload, what was saved takes the
   * place of the properties named here; properties that the new code adds begin as they are here.
   */
  state?: State;

  /** What to train. Must be a function of the code alone. */
  describe(state: State): Awaitable<Spec>;

  /** Before the first step of every attempt: of a new run, and after an interruption. */
  onStarted?(event: Started, state: State): Awaitable<Actions>;

  /** Progress, every `loggingSteps` steps. */
  onLog?(event: LogRecord, state: State): Awaitable<Actions>;

  /** The model was evaluated: by the host on the held-out data, or by the trainer itself. */
  onEvaluate?(event: Evaluation, state: State): Awaitable<Actions>;

  /** A checkpoint was written; `inference` answers with exactly its weights. */
  onCheckpoint?(event: Checkpoint, state: State): Awaitable<Actions>;

  /** The last call of a run that ended well. Only `logMetric` still has an effect. */
  onCompleted?(event: Completed, state: State): Awaitable<Actions>;

  /** The last call of a run that ended badly. Only `logMetric` still has an effect. */
  onFailed?(event: Failed, state: State): Awaitable<Actions>;

  /** A training loop of the trainer's own, instead of the host's. Not the `run` that this module exports. */
  run?(spec: RunSpec, state: State): Awaitable<void>;

  /** The trainer's memory in a form of its own, instead of `state` as JSON. */
  saveState?(state: State): Awaitable<string | Uint8Array | undefined>;

  /** Takes up what `saveState` returned, perhaps in an older version of the code. */
  loadState?(saved: Uint8Array, state: State): Awaitable<void>;
}

/** Makes a trainer; the default export of its file. Gives types to what stands inside. */
export function defineTrainer<State = undefined>(
  trainer: Trainer<State> & ThisType<Trainer<State>>,
): Trainer<State>;

/** A new model with random weights. */
export function scratch(shape: ModelShape): { tag: "scratch"; val: ModelShape };

/** A file of the project: data to train on, a tokenizer, a model. */
export function file(path: string): { tag: "file"; val: string };

/** Something on the Hugging Face hub: a model, a dataset, the tokenizer of a model. */
export function hub<More extends object = object>(
  name: string,
  more?: More,
): { tag: "hub"; val: { name: string } & More };

/** A file behind an http or https address. */
export function url(
  url: string,
  more?: { sha256?: string },
): { tag: "url"; val: { url: string; sha256?: string } };

/** A model, a tokenizer or data by the name that the host has for it. */
export function other(name: string, parameters?: Settings): { tag: "other"; val: NamedSource };

/** A byte-level BPE vocabulary of this size, trained on the data. */
export function bpe(vocabSize: number): { tag: "bpe"; val: number };

/** One token a byte, and one for the end of a text. */
export function bytes(): { tag: "bytes" };

/** What data is made of: `dataset.format` of a spec. */
export const format: {
  /** One text from beginning to end. */
  text(): DatasetFormat;
  /** Rows with a text each, in the field of this name (`text`). */
  rows(field?: string): DatasetFormat;
  /** Rows with a conversation each, in the field of this name (`messages`). */
  conversations(field?: string): DatasetFormat;
  /** Rows with a prompt and what is to follow it, in `prompt` and `completion` or in the fields of these names. */
  completions(fields?: Partial<CompletionFields>): DatasetFormat;
  /**
   * Rows with a prompt, a chosen and a rejected answer, in `prompt`, `chosen` and `rejected` or in the fields of
   * these names. If both answers begin with the prompt: `{ prompt: undefined }`.
   */
  preferences(fields?: Partial<PreferenceFields>): DatasetFormat;
  /** Rows with a prompt, an answer and whether it is a good one, in `prompt`, `completion` and `label` or as named. */
  labels(fields?: Partial<LabelFields>): DatasetFormat;
  /** Rows with a prompt each, in the field of this name (`prompt`). */
  prompts(field?: string): DatasetFormat;
  /** One by the name that the host has for it. */
  named(name: string, parameters?: Settings): DatasetFormat;
};

/** What a callback may ask for; to be returned. */
export const action: {
  /** End the run after a checkpoint at this step, with this reason. */
  stop(reason: string): Action;
  /** Write a checkpoint at this step; at the next one if asked for by `onCheckpoint`. */
  save(): Action;
  /** Score the held-out data at this step; at the next one from `onEvaluate` or `onCheckpoint`. */
  evaluate(): Action;
  /** The trainer has evaluated the model itself: becomes an evaluation event. Not from `onEvaluate`. */
  evaluated(measurement: Measurement): Action;
  /** Train with exactly this rate, 0 to 10, from the next step on, instead of the schedule. */
  setLearningRate(rate: number): Action;
  /** Train with the schedule's rate again. */
  followSchedule(): Action;
  /** Wait, after this step, until a user lets the run go on. */
  pause(): Action;
  /** Record a number, in the run's log and in the metrics of the next log event. */
  logMetric(name: string, value: number): Action;
};

/** Thrown by everything below when the host cannot do it. */
export class HostError extends Error {
  /** The contract's name of the error: `not-ready` or `invalid`, for two. */
  readonly code: string;
}

/** The data that the spec declared, as the host prepared it. */
export const dataset: {
  info(): DatasetInfo;
  /** Up to `count` (1 to 4096) examples from place `start` on, in the order of the file. */
  read(split: Split, start: number, count: number): Example[];
  /** The training examples of one optimizer step (from 0), as the host's loop would see them. */
  batch(step: number): Example[];
};

/** Text from the model that is being trained. */
export const inference: {
  /** Continues a prompt, with the weights as they are. */
  generate(prompt: string, sampling?: Sampling): Generation;
};

/** Named files that belong to the run. */
export const artifacts: {
  /** Writes a file of the run, whole or not at all. */
  write(name: string, content: string | Uint8Array | ArrayBuffer): Artifact;
};

/** What the trainer is part of, whenever it asks. Not the loop of a trainer, which is called `run` too. */
export const run: {
  info(): RunInfo;
};

/** Where a loop goes on. */
export interface ResumePoint {
  /** The step of the checkpoint. */
  step: number;
  /** What the loop gave to `checkpoint` there. */
  state: Uint8Array;
  /** The learning rate that a callback or a user had asked for by then. */
  learningRate?: number | undefined;
  /** What this version of the contract has no field for. */
  additional: Setting[];
}

/** Where a running loop meets its host. All but `message` are for `run`. */
export const hooks: {
  /** Offers a point at which the loop could be stopped and continued; return from `run` unless it says `proceed`. */
  checkpoint(step: number, state?: string | Uint8Array): Directive;
  /** Reports progress: becomes a log event, which `onLog` gets before this returns. */
  log(step: number, progress?: Progress, metrics?: Metrics): Wishes;
  /** Reports an evaluation that the loop made itself: becomes an evaluation event. */
  evaluated(step: number, measurement: Measurement): Wishes;
  /** Where to go on; nothing at the start of a new run. */
  resumePoint(): ResumePoint | undefined;
  /** Leaves a line for people in the run's log. */
  message(level: Level, text: string): void;
};

/** Losses of `session.forwardBackward`. */
export const loss: {
  crossEntropy(): Loss;
  importanceSampling(): Loss;
  ppo(clip?: PpoClip): Loss;
  /** One by the name that the engine has for it. */
  named(name: string, parameters?: Settings): Loss;
};

/** The training session that a loop drives, in the shape of the Tinker API. Only for `run`. */
export const session: {
  model(): ModelInfo;
  /** Adds the gradients of a weighted loss. */
  forwardBackward(data: readonly Datum[], loss: Loss, logProbs?: LogProbs): ForwardOutput;
  /** The same, without gradients. */
  forward(data: readonly Datum[], loss: Loss, logProbs?: LogProbs): ForwardOutput;
  /** Applies the gradients, and clears them. */
  optimStep(adam: Adam): OptimOutput;
  /** Scores the held-out data: becomes an evaluation event. */
  evaluate(): SessionEvaluation;
  /** `count` sequences for each prompt. */
  sample(prompts: readonly Numbers[], count: number, sampling?: Sampling): Sequence[][];
  /** Keeps weights and optimizer under a name. */
  saveState(name: string): void;
  /** Goes back to them. */
  loadState(name: string): void;
  tokenize(text: string): number[];
  detokenize(tokens: Numbers): string;
  /** A conversation, as objects or as their JSON, as the model sees it. */
  renderChat(
    messages: string | readonly { role: string; content: unknown; [more: string]: unknown }[],
    options?: Settings,
  ): RenderedChat;
};
