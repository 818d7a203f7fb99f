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
