# Made from wit/ by `cargo run --package generate` in guest-sdk/rust.
"""What a trainer gets and gives, as the contract has it.

Names are the contract's with `_` for `-`. A field that is `None` is absent. An enumeration is a string,
and one of several cases is a :class:`Case`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Generic, Literal, Mapping, Sequence, TypeVar, Union

_Tag = TypeVar("_Tag", bound=str, covariant=True)
_Value = TypeVar("_Value", covariant=True)


@dataclass(frozen=True)
class Case(Generic[_Tag, _Value]):
    """One of several cases, with what belongs to it."""

    tag: _Tag
    value: _Value


@dataclass
class Metric:
    """A named number of the trainer's own, `reward` for one.

    A name has 1 to 100 letters, digits or any of `-_./:@`. A value that is not
    finite is refused.
    """

    name: str
    value: float


@dataclass
class Setting:
    """A setting by name, where the contract has no field for it."""

    name: str
    """With the record it belongs to: `hyperparameters.packing` for one."""
    value: str
    """As JSON: `true`, `0.5`, `"text"`."""


@dataclass(kw_only=True)
class Measurement:
    """What was measured on data that is not trained on."""

    loss: float | None = None
    """Mean loss in nats per token; absent where the measurement is not a loss."""
    metrics: Sequence[Metric] = ()
    """What else was measured, `accuracy` for one; at most 1000."""


@dataclass(kw_only=True)
class Sampling:
    """How to generate text from the model."""

    max_tokens: int | None = None
    """Most tokens to generate, from 1 on; what the model's context does not hold is not
    generated. Absent: 64.
    """
    temperature: float | None = None
    """At least 0; 0 always takes the likeliest token. Absent: 1."""
    top_k: int | None = None
    """Choose among the k likeliest tokens; 0 among all. Absent: 0."""
    top_p: float | None = None
    """Choose among the likeliest tokens whose probabilities add up to p, above 0
    and at most 1. Absent: 1.
    """
    stop: Sequence[str] = ()
    """Generation ends before any of these texts: the tokens that wrote one are left out."""
    keep_stop: bool | None = None
    """Whether a text of `stop` stays at the end, with the tokens that wrote it. Absent: false."""
    stop_token_ids: Sequence[int] = ()
    """Generation ends with any of these tokens, which is kept, like an end of sequence."""
    seed: int | None = None
    """Equal seed, weights, prompt and place of the sequence within its call give equal
    text; two calls with one seed repeat each other. Absent: one that the host derives
    from the run's seed, its step and the number of calls, so that a resumed run
    repeats it.
    """
    additional: Settings = ()
    """Settings that this version of the contract has no field for. One that the host
    does not know is an error.
    """


@dataclass
class DatasetInfo:
    train_examples: int
    eval_examples: int
    train_tokens: float
    """Tokens in the training split; a whole number."""
    unigram_entropy: float | None
    """Entropy of the evaluation tokens under the training split's token frequencies, in
    nats per token: the loss of a model that ignores all context. Absent if nothing
    is held out.
    """
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass(kw_only=True)
class Column:
    """A value for each position of a sequence."""

    name: str
    shape: Sequence[int] = ()
    """One value per position, or `shape` says how many there are to each: their product
    times the number of positions is the length of `values`.
    """
    values: Sequence[float] = ()


@dataclass
class Example:
    """One example for next-token prediction: `targets` is `tokens` moved on by one."""

    tokens: list[int]
    targets: list[int]
    weights: list[float]
    """Weight of each target's loss, 0 for what is not to be learned. Empty: 1 everywhere."""
    additional: list[Column]
    """Further values of each position."""


@dataclass(kw_only=True)
class Datum:
    """One sequence. `tokens` and `targets` are not empty, the policy losses need advantages
    and old log-probabilities, and all lists that are not empty have the same length, at
    most the model's context. All numbers are finite.
    """

    tokens: Sequence[int] = ()
    """Input ids."""
    targets: Sequence[int] = ()
    """The id to be predicted at each position."""
    weights: Sequence[float] = ()
    """Weight of each position's loss. Empty: 1 everywhere."""
    advantages: Sequence[float] = ()
    """Advantage of each position; for the policy losses."""
    old_log_probs: Sequence[float] = ()
    """Log-probability of each target under the policy that sampled it, as `sequence` or
    `forward` gave it; for the policy losses.
    """
    additional: Sequence[Column] = ()
    """Further values of each position, for losses by name."""


@dataclass
class PpoClip:
    """Bounds of the probability ratio in `ppo`."""

    low: float
    """Usually 0.8."""
    high: float
    """Usually 1.2."""


@dataclass(kw_only=True)
class NamedLoss:
    name: str
    parameters: Settings = ()


@dataclass
class ForwardOutput:
    loss_sum: float
    """Sum of the weighted losses, in nats; not a number if the engine does not tell it."""
    weight_sum: float
    """Sum of the weights."""
    log_probs: list[list[float]]
    """One list per datum, one value per position; empty unless asked for."""
    metrics: list[Metric]
    """What else the engine measured, by names of its own."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass(kw_only=True)
class Adam:
    """One AdamW step. The learning rate and the weight decay are finite and at least 0, the
    betas at least 0 and below 1, eps at least 1e-30.
    """

    learning_rate: float
    beta1: float | None = None
    """Absent: 0.9."""
    beta2: float | None = None
    """Absent: 0.999."""
    eps: float | None = None
    """Absent: 1e-8."""
    weight_decay: float | None = None
    """Decoupled, of matrices only. Absent: 0."""
    max_grad_norm: float | None = None
    """Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1."""
    additional: Settings = ()
    """Settings that this version of the contract has no field for. One that the engine
    does not know: `unsupported`.
    """


@dataclass
class OptimOutput:
    step: int
    """Optimizer steps finished."""
    grad_norm: float | None
    """Global L2 norm of the gradients, before clipping; absent if the engine does not
    tell it.
    """
    metrics: list[Metric]
    """What else the engine measured, by names of its own."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class SessionEvaluation:
    measured: Measurement
    tokens: float | None
    """Tokens scored, a whole number; absent if the engine does not tell it."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class SampledSequence:
    """A generated sequence, without its prompt."""

    tokens: list[int]
    """With the end of sequence or stop token that ended it; without a stop text."""
    log_probs: list[float]
    """Log-probability of each token under the model, before temperature, top-k and top-p."""
    sampling_log_probs: list[float]
    """Log-probability of each token under the distribution that it was drawn from, after
    temperature, top-k and top-p: what a ratio of policies needs (`old_log_probs` of
    what is trained with `importance_sampling`). 0 at temperature 0.
    """
    stop_reason: StopReason
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class RenderedChat:
    """A conversation as the model sees it."""

    tokens: list[int]
    assistant_mask: list[float]
    """1 at each token that the assistant says, 0 elsewhere; as long as tokens. Moved on by
    one like the targets, it is a datum's weights.
    """
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class ModelInfo:
    """What an engine does not know of its model is absent."""

    name: str | None
    """What it is called, `HuggingFaceTB/SmolLM2-135M` for one; absent for a new model."""
    architecture: str | None
    """`llama` for one."""
    parameters: float | None
    """Number of weights; a whole number."""
    trainable_parameters: float | None
    """How many of them are trained; a whole number."""
    vocab_size: int | None
    context_length: int | None
    """Longest sequence, in tokens."""
    bos_token_id: int | None
    """Token that begins a sequence."""
    eos_token_ids: list[int]
    """Tokens that end a sequence; empty if the tokenizer has none."""
    pad_token_id: int | None
    """Token that fills up a batch."""
    has_chat_template: bool
    """Whether `render_chat` can be used."""
    features: list[str]
    """What this engine can do with this model, by name: ask here, do not try.
    `cross-entropy`, `importance-sampling` and `ppo` are losses; `log-probs`,
    `sampling-log-probs`, `stop-text`, `save-state`, `load-state`, `evaluate`,
    `deterministic` (equal calls give equal bits) are others. More may come.
    """
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class Wishes:
    """What the host would like of a loop, as of the last finished request."""

    checkpoint: bool
    """A checkpoint is due or waited for (`save_steps`, a stop, a pause, new code): call
    `checkpoint` as soon as the loop can be continued from there. A loop whose state
    is costly to write need not call it before.
    """
    evaluate: bool
    """A callback asked for an evaluation: call `session.evaluate`, or `evaluated` with what
    the loop measured itself. If neither was called by the next `checkpoint`, the host
    scores the held-out data there, if there is any.
    """
    learning_rate: float | None
    """The learning rate that a callback or a user asked for."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass(kw_only=True)
class Progress:
    """How far training is. An absent field is left empty in the log event."""

    loss: float | None = None
    """In nats per token."""
    learning_rate: float | None = None
    grad_norm: float | None = None
    """Global L2 norm before clipping."""
    epoch: float | None = None
    """Passes over the training split."""


@dataclass
class Generation:
    text: str
    """What the model wrote after the prompt."""
    tokens: int
    """Tokens generated."""
    stop_reason: StopReason
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class Artifact:
    name: str
    size: int
    """In bytes."""
    digest: str
    """blake3 of the content, in hex."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass
class RunInfo:
    id: str
    """Identifies the run."""
    name: str
    """The name that the spec gave it."""
    parent: str | None
    """The run whose place this one took when its configuration was changed."""
    generation: int
    """Counts the callback instances of this attempt at the run, from 1: that of the
    instance which asks. In a loop, of the callbacks at work.
    """
    attempt: int
    """Counts the attempts at the run, from 1."""
    step: int
    """Optimizer steps finished."""
    total_steps: int | None
    """Number of steps planned; absent if the trainer's own loop decides."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


@dataclass(kw_only=True)
class NamedSource:
    """A source by the name that a host has for it."""

    name: str
    parameters: Settings = ()


@dataclass(kw_only=True)
class HubRepository:
    name: str
    """`HuggingFaceTB/SmolLM2-135M` for one."""
    revision: str | None = None
    """Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`."""


@dataclass(kw_only=True)
class ModelShape:
    """A decoder-only transformer of the Llama architecture."""

    hidden_size: int
    """Width of the residual stream."""
    num_hidden_layers: int
    """Number of blocks."""
    num_attention_heads: int
    """Number of query heads. Divides hidden-size; the quotient is even."""
    num_key_value_heads: int | None = None
    """Number of key and value heads. Divides num-attention-heads.
    Absent: num-attention-heads.
    """
    intermediate_size: int | None = None
    """Width inside the SwiGLU feed-forward.
    Absent: 8/3 of hidden-size, rounded up to a multiple of 32.
    """
    rope_theta: float | None = None
    """Base of the rotary position embedding. Absent: 10000."""
    rms_norm_eps: float | None = None
    """Added to the mean square in RMSNorm. Absent: 1e-5."""
    tie_word_embeddings: bool | None = None
    """Whether the output layer shares its weights with the embedding. Absent: true."""


@dataclass
class NamedModel:
    name: str
    """1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit."""
    source: ModelSource


@dataclass
class CompletionFields:
    prompt: str
    """Usually `prompt`."""
    completion: str
    """Usually `completion`."""


@dataclass(kw_only=True)
class PreferenceFields:
    prompt: str | None = None
    """Usually `prompt`; absent if both answers begin with it."""
    chosen: str
    """Usually `chosen`."""
    rejected: str
    """Usually `rejected`."""


@dataclass
class LabelFields:
    prompt: str
    """Usually `prompt`."""
    completion: str
    """Usually `completion`."""
    label: str
    """Usually `label`."""


@dataclass(kw_only=True)
class HubDataset:
    name: str
    config: str | None = None
    """Absent: the only one there is."""
    split: str | None = None
    """Absent: `train`."""
    revision: str | None = None
    """Branch, tag or commit; the run keeps the commit it stood for. Absent: `main`."""


@dataclass(kw_only=True)
class UrlDataset:
    url: str
    sha256: str | None = None
    """What the file must hash to, in hex. Absent: not checked."""


@dataclass(kw_only=True)
class Dataset:
    """What to train on."""

    source: DatasetSource
    format: DatasetFormat | None = None
    """Absent: text."""
    held_out: HeldOut | DatasetSource | float | None = None
    """What is held out for evaluation. Absent: a share of 0.05."""
    additional: Settings = ()
    """Settings that this version of the contract has no field for and a host may know.
    One that the host does not know is an error.
    """


@dataclass(kw_only=True)
class Lora:
    """Low-rank adaptation."""

    r: int
    """Rank of the update, 1 to 4096."""
    lora_alpha: float | None = None
    """The update is scaled by lora-alpha / r. Absent: r."""
    lora_dropout: float | None = None
    """Share of the adapter's inputs set to zero while training: at least 0, below 1.
    Absent: 0.
    """
    target_modules: Sequence[str] = ()
    """Layers that get an adapter, by the last part of their name, `q_proj` for one.
    Empty: all linear layers of the blocks.
    """
    additional: Settings = ()
    """Settings that this version of the contract has no field for and a host may know.
    One that the host does not know is an error.
    """


@dataclass(kw_only=True)
class Hyperparameters:
    """How to train.

    A trainer's own loop is free to use them or not, but for those that the host has part
    in there too: max-length (the model's context), save-steps, save-total-limit, seed,
    metric-for-best-model and early stopping.
    """

    max_steps: int | None = None
    """Optimizer steps; 0 leaves the length to num-train-epochs. Absent: 0."""
    num_train_epochs: float | None = None
    """Passes over the training split, if max-steps is 0. Absent: 3."""
    learning_rate: float | None = None
    """Peak learning rate, 0 to 10. Absent: 2e-5."""
    per_device_train_batch_size: int | None = None
    """Sequences in one forward and backward pass, 1 to 65536. Absent: 8."""
    gradient_accumulation_steps: int | None = None
    """Passes whose gradients add up to one optimizer step; the loss is the mean
    over all their tokens. 1 to 65536. Absent: 1.
    """
    max_length: int | None = None
    """Tokens in one sequence, and the context of a new model: 2 to 131072. Absent: 1024."""
    lr_scheduler_type: LrSchedulerType | None = None
    """Absent: linear."""
    warmup_steps: int | None = None
    """Steps over which the learning rate rises from 0 in a straight line. Absent: 0."""
    weight_decay: float | None = None
    """Decoupled weight decay of matrices, 0 to 10. Absent: 0."""
    max_grad_norm: float | None = None
    """Global L2 norm above which gradients are scaled down; 0 turns it off. Absent: 1."""
    adam_beta1: float | None = None
    """Absent: 0.9."""
    adam_beta2: float | None = None
    """Absent: 0.999."""
    adam_epsilon: float | None = None
    """At least 1e-30. Absent: 1e-8."""
    logging_steps: int | None = None
    """Steps between two log events, at least 1. Absent: 10."""
    eval_steps: int | None = None
    """Steps between two evaluations; 0 evaluates at the end only. Absent: 0."""
    save_steps: int | None = None
    """Steps between two checkpoints; 0 saves at the end only. Absent: 500."""
    save_total_limit: int | None = None
    """Checkpoints kept, the best and the newest always among them; 0 keeps all.
    Absent: 0.
    """
    seed: int | None = None
    """Seed of the weights, the order of the data and all else that is random.
    Absent: 42.
    """
    early_stopping_patience: int | None = None
    """Evaluations in a row without an improvement after which the run stops early;
    0 never stops it. Absent: 0.
    """
    early_stopping_threshold: float | None = None
    """An evaluation improves if its score is better than the best by more than this.
    Absent: 0.
    """
    metric_for_best_model: str | None = None
    """What evaluations are compared by: `loss`, or the name of a metric. Absent: `loss`."""
    greater_is_better: bool | None = None
    """Whether a higher score is better. Absent: true, but for a name that ends in `loss`."""
    additional: Settings = ()
    """Settings that this version of the contract has no field for and a host may know.
    One that the host does not know is an error.
    """


@dataclass(kw_only=True)
class Spec:
    """A training job."""

    name: str
    """1 to 100 letters, digits, `-`, `_` or `.`, the first a letter or digit."""
    description: str | None = None
    """For people. Changing it does not restart a run."""
    tags: Sequence[str] = ()
    """For people. Changing them does not restart a run."""
    model: ModelSource
    tokenizer: TokenizerSource | None = None
    """Absent: that of a pretrained model; bytes for a new one."""
    dataset: Dataset | DatasetSource | None = None
    """Absent: the trainer's loop makes its own data, and `dataset` answers `not_ready`."""
    models: Sequence[NamedModel] | Mapping[str, ModelSource] = ()
    """Further models by name: a reference, a teacher, a judge. A host that has no use for
    one refuses the spec.
    """
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights; needs a pretrained model."""
    hyperparameters: Hyperparameters = field(default_factory=lambda: Hyperparameters())
    additional: Settings = ()
    """Settings that this version of the contract has no field for and a host may know.
    One that the host does not know is an error.
    """
    extras: str | None = None
    """Values of the trainer's own: a JSON object as text. The host keeps them
    with the run and reads none of them. They count as configuration:
    changing one restarts a run. Absent: an empty object.
    """
    dry_run: bool | None = None
    """Check everything (dataset, tokenizer, model, callbacks' start) and train no
    step. Absent: false.
    """
    own_loop: bool | None = None
    """Whether `training_loop` trains, or the host's loop. Absent: `training_loop` if the
    trainer exports it.
    """


@dataclass
class Position:
    """Where in the run an event stands. In every event."""

    seq: int
    """Sequence number of the event in the run's log, from 1, without gaps. Messages and
    actions have numbers too, so not every number is handed to a callback.
    """
    step: int
    """Optimizer steps finished."""


@dataclass
class Started:
    """The run begins, or goes on after an interruption."""

    at: Position
    run: str
    """Identifies the run."""
    generation: int
    """Counts the callback instances of this attempt at the run, from 1."""
    resumed_from: int | None
    """The step of the checkpoint the run goes on from; absent for a new run."""
    total_steps: int | None
    """Number of steps planned; absent if the trainer's own loop decides."""
    parent: str | None
    """The run whose place this one took when its configuration was changed."""
    additional: list[Setting]
    """What this version of the contract has no field for; so in every event."""


@dataclass
class LogRecord:
    """Progress, every `logging_steps` steps; for a loop trainer, whenever its loop logs."""

    at: Position
    epoch: float | None
    """Passes over the training split so far."""
    loss: float | None
    """Mean loss of the steps since the last log event, in nats per token."""
    learning_rate: float | None
    """Learning rate of the last step."""
    grad_norm: float | None
    """Global L2 norm of the last step's gradients, before clipping."""
    tokens: float
    """Tokens trained on so far; a whole number."""
    metrics: list[Metric]
    """What the loop logged besides, and what `log_metric` actions left."""
    additional: list[Setting]


@dataclass
class Evaluation:
    """The model was evaluated: by the host on the held-out data, or by the trainer itself
    (the action `evaluated`, `hooks.evaluated`).
    """

    at: Position
    loss: float | None
    """Mean loss in nats per token; absent where something else was measured."""
    perplexity: float | None
    """exp(loss), at most the largest finite number."""
    best_loss: float | None
    """Lowest evaluation loss of the run so far, this one included."""
    score: Metric | None
    """The value of `metric_for_best_model`, by which checkpoints are compared and early
    stopping counts; absent if it was not measured here.
    """
    best_score: float | None
    """Best score of the run so far, this one included."""
    is_best: bool
    """Whether this score is the best so far."""
    evaluations_without_improvement: int
    """Evaluations with a score, in a row, up to this one, that were no improvement."""
    metrics: list[Metric]
    """What else was measured."""
    additional: list[Setting]


@dataclass
class Checkpoint:
    """A checkpoint was written. While this is handled, `inference` answers with
    exactly these weights.
    """

    at: Position
    id: str
    """Identifies the checkpoint within the store."""
    eval_loss: float | None
    """The evaluation loss of these weights, if they were evaluated."""
    score: Metric | None
    """The score of these weights, if they were evaluated."""
    metrics: list[Metric]
    """What was measured of these weights."""
    additional: list[Setting]


@dataclass
class Completed:
    """The run ended well; its last checkpoint is written."""

    at: Position
    reason: EndReason
    checkpoint: str | None
    """The last checkpoint; absent after a dry run."""
    loss: float | None
    """The last logged loss."""
    eval_loss: float | None
    """The last evaluation loss."""
    best_score: float | None
    """Best score of the run."""
    best_checkpoint: str | None
    """The checkpoint whose weights have it, if one was kept."""
    metrics: list[Metric]
    """What the last evaluation measured."""
    additional: list[Setting]


@dataclass
class Failed:
    """The run ended badly."""

    at: Position
    message: str
    """What happened, for people."""
    code: str
    """What kind of failure it is, for programs: `diverged`, `data`, `engine`, `engine-lost`,
    `engine-rejected`, `engine-unavailable`, `out-of-memory`, `store`, `store-full`,
    `trainer`, `unsupported`, `internal`. More may come: one that a trainer does not know
    is to be treated like `internal`.
    """
    hint: str | None
    """What to do about it, for people."""
    checkpoint: str | None
    """The last checkpoint, from which the run can be resumed; absent if there is none."""
    additional: list[Setting]


Settings = Union[Sequence["Setting"], Mapping[str, Any]]
"""Settings by name; the values of a mapping are what JSON can hold."""

StopReason = Literal["length", "stop", "other"]
"""Why a generated text ended."""

Level = Literal["debug", "info", "warn", "error"]
"""How much a message matters; the host can be told to show only some."""

Split = Literal["train", "eval"]

Loss = Union[
    # -w * l
    Case[Literal["cross-entropy"], None],
    # -w * r * a
    Case[Literal["importance-sampling"], None],
    # -w * min(r * a, clamp(r, low, high) * a)
    Case[Literal["ppo"], PpoClip],
    # One that this version of the contract has no case for, by the name the engine has
    # for it. One that the engine does not know: `unsupported`.
    Case[Literal["other"], NamedLoss],
]
"""Loss of a position with weight w, target log-probability l, advantage a, old
log-probability o and ratio r = exp(l - o).
"""

LogProbs = Literal["omit", "give"]
"""Whether the log-probability of each target is wanted back."""

Directive = Literal["proceed", "stop", "hand-over"]
"""What a loop is to do after a checkpoint hook."""

ModelSource = Union[
    # New weights in this shape.
    Case[Literal["scratch"], ModelShape],
    # A pretrained model in a file or folder, relative to the project's folder and
    # inside it.
    Case[Literal["file"], str],
    # A pretrained model of the Hugging Face hub.
    Case[Literal["hub"], HubRepository],
    # One that this version of the contract has no case for.
    Case[Literal["other"], NamedSource],
]
"""Where the model comes from."""

TokenizerSource = Union[
    # One token a byte (ids 0 to 255), and id 256 for the end of a text.
    Case[Literal["bytes"], None],
    # A byte-level BPE vocabulary of this size, 300 to 262144, trained on the
    # training split.
    Case[Literal["bpe"], int],
    # A `tokenizer.json` of the Hugging Face tokenizers library, relative to the project.
    Case[Literal["file"], str],
    # The one that belongs to the pretrained model.
    Case[Literal["model"], None],
    # That of a model of the Hugging Face hub.
    Case[Literal["hub"], HubRepository],
    # One that this version of the contract has no case for.
    Case[Literal["other"], NamedSource],
]
"""How text becomes token ids."""

DatasetFormat = Union[
    # One text from beginning to end.
    Case[Literal["text"], None],
    # Rows with a text each, in the field of this name; usually `text`.
    Case[Literal["rows"], str],
    # Rows with a conversation each, in the field of this name; usually `messages`.
    Case[Literal["conversations"], str],
    # Rows with a prompt and what is to follow it.
    Case[Literal["completions"], CompletionFields],
    # Rows with a prompt, a chosen and a rejected answer.
    Case[Literal["preferences"], PreferenceFields],
    # Rows with a prompt, an answer and whether it is a good one.
    Case[Literal["labels"], LabelFields],
    # Rows with a prompt each, in the field of this name; usually `prompt`.
    Case[Literal["prompts"], str],
    # One that this version of the contract has no case for.
    Case[Literal["other"], NamedSource],
]
"""What the data is made of. Rows are those of a JSON Lines file, a table or a hub's
dataset; the names of their fields have the defaults of TRL.
"""

DatasetSource = Union[
    # A file of UTF-8 text, relative to the project's folder and inside it. It is one text,
    # whatever its ending.
    Case[Literal["file"], str],
    # A dataset of the Hugging Face hub.
    Case[Literal["hub"], HubDataset],
    # A file behind an http or https address.
    Case[Literal["url"], UrlDataset],
    # One that this version of the contract has no case for.
    Case[Literal["other"], NamedSource],
]
"""Where the data comes from."""

HeldOut = Union[
    # A share of the data, taken from its end: at least 0, below 1. With 0 there are no
    # evaluations.
    Case[Literal["share"], float],
    # Data of its own, in the same format.
    Case[Literal["source"], DatasetSource],
]
"""What is not trained on, but evaluated."""

LrSchedulerType = Literal["linear", "cosine", "constant"]
"""Shape of the learning rate after the warm-up. Another one is named in
`hyperparameters.additional` as `lr_scheduler_type`, by the name that Transformers has for
it, if the host knows it; so with other enums.
"""

EndReason = Union[
    # All planned steps were done, or the trainer's loop returned.
    Case[Literal["finished"], None],
    # `early_stopping_patience` was used up.
    Case[Literal["early-stopping"], None],
    # A callback asked for it; with its reason.
    Case[Literal["trainer"], str],
    # A user asked for it.
    Case[Literal["user"], None],
    # A run of new code with another configuration takes over.
    Case[Literal["replaced"], None],
    # One that this version of the contract has no case for, by its name.
    Case[Literal["other"], str],
]
"""Why a run ended."""

Action = Union[
    # End the run after a checkpoint at this step, with this reason. The run
    # counts as stopped early, not as failed. The first reason counts.
    Case[Literal["stop"], str],
    # Write a checkpoint at this step; at the next one if asked for by
    # `on_checkpoint`.
    Case[Literal["save"], None],
    # Score the held-out data at this step; at the next one if asked for by
    # `on_evaluate` or `on_checkpoint`. With nothing held out it is not valid, unless the
    # trainer's own loop runs.
    Case[Literal["evaluate"], None],
    # The trainer has evaluated the model itself. Becomes an evaluation event of this
    # step, handed to `on_evaluate` too; asked for there, it is not valid, since it would
    # never end. At most one in an answer.
    Case[Literal["evaluated"], Measurement],
    # Train with exactly this rate, 0 to 10, from the next step on, instead of the
    # schedule. A trainer's own loop finds it in the answer of `hooks.log` and decides
    # itself.
    Case[Literal["set-learning-rate"], float],
    # Train with the schedule's rate again.
    Case[Literal["follow-schedule"], None],
    # Wait, after this step, until a user lets the run go on.
    Case[Literal["pause"], None],
    # Record a number. It is in the run's log at once, and in the metrics of the next
    # log event.
    Case[Literal["log-metric"], Metric],
    # One that this version of the contract has no case for. If the host does not know
    # it, it is left undone, with a warning in the run's log.
    Case[Literal["other"], Setting],
]
"""What a callback may ask for; at most 1000 at once.

They are done in the order log, evaluate, save, stop, pause. If one of them is not
valid, none of the answer's is done, and it counts as an error of the callback.
While a trainer's own loop runs, `stop`, `save` and `pause` wait for its next
`hooks.checkpoint`, and `evaluate` is handed to it as `wishes.evaluate`.
"""
