# Made from wit/ by `cargo run --package generate` in guest-sdk/rust.
"""What a trainer gets and gives, as the contract has it.

Names are the contract's with `_` for `-`. A field that is `None` is absent. An enumeration is a string,
and one of several cases is a :class:`Case`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Generic, Literal, Sequence, TypeVar, Union

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

    A name has 1 to 100 letters, digits or any of `-_./`. A value that is not
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
class Sampling:
    """How to generate text from the model."""

    max_tokens: int | None = None
    """Most tokens to generate: 1 to 4096. Absent: 64."""
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
    stop_tokens: Sequence[int] = ()
    """Generation ends with any of these tokens, which is kept, like an end of sequence."""
    seed: int | None = None
    """Equal seed, weights, prompt and place of the sequence within its call give equal
    text; two calls with one seed repeat each other. Absent: one that the host derives
    from the run's seed, its step and the number of calls, so that a resumed run
    repeats it.
    """
    additional: Sequence[Setting] = ()
    """Settings that this version of the contract has no field for. One that the host
    does not know is an error.
    """


@dataclass(kw_only=True)
class Column:
    """A value for each position of a sequence."""

    name: str
    values: Sequence[float] = ()


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
    parameters: Sequence[Metric] = ()


@dataclass
class ForwardOutput:
    loss_sum: float
    """Sum of the weighted losses, in nats."""
    weight_sum: float
    """Sum of the weights."""
    log_probs: list[list[float]]
    """One list per datum, one value per position; empty unless asked for."""
    metrics: list[Metric]
    """What else the engine measured, by names of its own."""


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


@dataclass
class OptimOutput:
    step: int
    """Optimizer steps finished."""
    grad_norm: float
    """Global L2 norm of the gradients, before clipping."""
    metrics: list[Metric]
    """What else the engine measured, by names of its own."""


@dataclass
class SessionEvaluation:
    loss: float
    """Mean loss over the held-out data, in nats per token."""
    tokens: int
    """Tokens scored."""


@dataclass
class SampledSequence:
    """A generated sequence, without its prompt."""

    tokens: list[int]
    """With the end of sequence or stop token that ended it; without a stop text."""
    log_probs: list[float]
    """Log-probability of each token under the model, before temperature, top-k and top-p:
    that of the policy that sampled it only at temperature 1 with all tokens.
    """
    stop_reason: StopReason


@dataclass
class RenderedChat:
    """A conversation as the model sees it."""

    tokens: list[int]
    assistant_mask: list[float]
    """1 at each token that the assistant says, 0 elsewhere; as long as tokens. Moved on by
    one like the targets, it is a datum's weights.
    """


@dataclass
class ModelInfo:
    architecture: str
    """`llama` for one."""
    parameters: float
    """Number of weights; a whole number."""
    vocab_size: int
    context_length: int
    """Longest sequence, in tokens."""
    end_of_sequence: list[int]
    """Tokens that end a sequence; empty if the tokenizer has none."""


@dataclass
class Wishes:
    """What the host would like of a loop, as of the last finished request."""

    checkpoint: bool
    """A checkpoint is due or waited for (`save_steps`, a stop, a pause, new code): call
    `checkpoint` as soon as the loop can be continued from there. A loop whose state
    is costly to write need not call it before.
    """
    learning_rate: float | None
    """The learning rate that a callback or a user asked for."""


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


@dataclass
class Example:
    """One example for next-token prediction: `targets` is `tokens` moved on by one."""

    tokens: list[int]
    targets: list[int]
    weights: list[float]
    """Weight of each target's loss, 0 for what is not to be learned. Empty: 1 everywhere."""


@dataclass
class Generation:
    text: str
    """What the model wrote after the prompt."""
    tokens: int
    """Tokens generated."""
    stop_reason: StopReason


@dataclass
class Artifact:
    name: str
    size: int
    """In bytes."""
    digest: str
    """blake3 of the content, in hex."""


@dataclass(kw_only=True)
class HubModel:
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


@dataclass(kw_only=True)
class Hyperparameters:
    """How to train.

    A trainer's own loop is free to use them or not, but for those that the host has part
    in there too: max-length (the model's context), save-steps, save-total-limit, seed,
    and early stopping.
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
    """An evaluation improves if its loss is lower than the best by more than this.
    Absent: 0.
    """


@dataclass(kw_only=True)
class Spec:
    """A training job."""

    name: str
    """1 to 100 letters, digits, `_`, `_` or `.`, the first a letter or digit."""
    description: str | None = None
    """For people. Changing it does not restart a run."""
    tags: Sequence[str] = ()
    """For people. Changing them does not restart a run."""
    model: ModelSource
    tokenizer: TokenizerSource | None = None
    """Absent: that of a pretrained model; bytes for a new one."""
    dataset: DatasetSource | None = None
    """Absent: the trainer's loop makes its own data, and `dataset` answers `not_ready`."""
    eval_fraction: float | None = None
    """Share of the data, taken from its end, that is held out for evaluation:
    at least 0, below 1. Absent: 0.05. With 0 there are no evaluations.
    """
    lora: Lora | None = None
    """Train low-rank adapters instead of all weights; needs a pretrained model."""
    hyperparameters: Hyperparameters = field(default_factory=lambda: Hyperparameters())
    additional: Sequence[Setting] = ()
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


@dataclass
class Evaluation:
    """The held-out data was scored."""

    at: Position
    loss: float
    """Mean loss in nats per token."""
    perplexity: float
    """exp(loss), at most the largest finite number."""
    best_loss: float
    """Lowest evaluation loss of the run so far, this one included."""
    evaluations_without_improvement: int
    """Evaluations in a row, up to this one, that were no improvement."""
    metrics: list[Metric]
    """What else was measured on the held-out data, by names of the field."""


@dataclass
class Checkpoint:
    """A checkpoint was written. While this is handled, `inference` answers with
    exactly these weights.
    """

    at: Position
    id: str
    """Identifies the checkpoint within the store."""
    eval_loss: float | None
    """The evaluation loss of these weights, if they were scored."""


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


@dataclass
class Failed:
    """The run ended badly."""

    at: Position
    message: str
    """What happened, for people."""
    checkpoint: str | None
    """The last checkpoint, from which the run can be resumed; absent if there is none."""


StopReason = Literal["length", "stop"]
"""Why a generated text ended."""

Level = Literal["debug", "info", "warn", "error"]
"""How much a message matters; the host can be told to show only some."""

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

Split = Literal["train", "eval"]

ModelSource = Union[
    # New weights in this shape.
    Case[Literal["scratch"], ModelShape],
    # A pretrained model in a file or folder, relative to the project's folder and
    # inside it.
    Case[Literal["file"], str],
    # A pretrained model of the Hugging Face hub.
    Case[Literal["hub"], HubModel],
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
]
"""How text becomes token ids."""

DatasetSource = Union[
    # A file of UTF-8 text, relative to the project's folder and inside it. It is one text,
    # whatever its ending.
    Case[Literal["file"], str],
    # A dataset of the Hugging Face hub.
    Case[Literal["hub"], HubDataset],
    # A text file behind an http or https address.
    Case[Literal["url"], UrlDataset],
]
"""Where the data comes from."""

LrSchedulerType = Literal["linear", "cosine", "constant"]
"""Shape of the learning rate after the warm-up."""

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
    # `on_evaluate` or `on_checkpoint`.
    Case[Literal["evaluate"], None],
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
`hooks.checkpoint`.
"""
