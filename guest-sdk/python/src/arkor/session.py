"""The training session that a loop drives, in the shape of the Tinker API. Only for ``run``."""

from __future__ import annotations

import json
from typing import Any, Mapping, Sequence

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import (
    Adam,
    Datum,
    ForwardOutput,
    LogProbs,
    Loss,
    ModelInfo,
    OptimOutput,
    RenderedChat,
    SampledSequence,
    Sampling,
    SessionEvaluation,
    Settings,
)


def model() -> ModelInfo:
    """What is being trained."""
    return _host.call("session", "model")


def forward_backward(data: Sequence[Datum], loss: Loss, log_probs: LogProbs = "omit") -> ForwardOutput:
    """Adds the gradients of the summed loss of all data to those already there."""
    return _host.call("session", "forward_backward", data, loss, log_probs)


def forward(data: Sequence[Datum], loss: Loss, log_probs: LogProbs = "omit") -> ForwardOutput:
    """The same sums without gradients."""
    return _host.call("session", "forward", data, loss, log_probs)


def optim_step(
    learning_rate: float,
    *,
    beta1: float | None = None,
    beta2: float | None = None,
    eps: float | None = None,
    weight_decay: float | None = None,
    max_grad_norm: float | None = None,
    additional: Settings = (),
) -> OptimOutput:
    """Applies the gradients and sets them to zero. See :class:`Adam` for the settings."""
    adam = Adam(
        learning_rate=learning_rate,
        beta1=beta1,
        beta2=beta2,
        eps=eps,
        weight_decay=weight_decay,
        max_grad_norm=max_grad_norm,
        additional=additional,
    )
    return _host.call("session", "optim_step", adam)


def evaluate() -> SessionEvaluation:
    """Scores the held-out data: becomes an evaluation event."""
    return _host.call("session", "evaluate")


def sample(
    prompts: Sequence[Sequence[int]],
    count: int,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: Sequence[str] = (),
    keep_stop: bool | None = None,
    stop_token_ids: Sequence[int] = (),
    seed: int | None = None,
    additional: Settings = (),
) -> list[list[SampledSequence]]:
    """``count`` sequences for each prompt. See :class:`Sampling` for the settings."""
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        keep_stop=keep_stop,
        stop_token_ids=stop_token_ids,
        seed=seed,
        additional=additional,
    )
    return _host.call("session", "sample", prompts, count, sampling)


def save_state(name: str) -> None:
    """Keeps weights and optimizer under a name."""
    _host.call("session", "save_state", name)


def load_state(name: str) -> None:
    """Goes back to them."""
    _host.call("session", "load_state", name)


def tokenize(text: str) -> list[int]:
    """Text to ids, without special tokens around it."""
    return _host.call("session", "tokenize", text)


def detokenize(tokens: Sequence[int]) -> str:
    """Ids to text, without special tokens."""
    return _host.call("session", "detokenize", tokens)


def render_chat(
    messages: str | Sequence[Mapping[str, Any]], options: Settings = ()
) -> RenderedChat:
    """A conversation, as objects or as their JSON, as the model sees it."""
    text = messages if isinstance(messages, str) else json.dumps(messages, ensure_ascii=False)
    return _host.call("session", "render_chat", text, options)
