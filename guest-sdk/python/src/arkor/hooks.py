"""Where a running loop meets its host. All but :func:`message` are for ``run``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Mapping, Sequence

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import Directive, Level, Measurement, Metric, Progress, Setting, Wishes


@dataclass
class ResumePoint:
    """Where a loop goes on."""

    step: int
    """The step of the checkpoint."""
    state: bytes
    """What the loop gave to :func:`checkpoint` there."""
    learning_rate: float | None
    """The learning rate that a callback or a user had asked for by then."""
    additional: list[Setting]
    """What this version of the contract has no field for."""


def checkpoint(step: int, state: bytes | str = b"") -> Directive:
    """Offers a point at which the loop could be stopped and continued.

    Return from ``run`` unless the answer is ``"proceed"``.
    """
    return _host.call("hooks", "checkpoint", step, state)


def log(
    step: int,
    *,
    loss: float | None = None,
    learning_rate: float | None = None,
    grad_norm: float | None = None,
    epoch: float | None = None,
    metrics: Mapping[str, float] | Sequence[Metric] = (),
) -> Wishes:
    """Reports progress: becomes a log event, which ``on_log`` gets before this returns."""
    if isinstance(metrics, Mapping):
        metrics = [Metric(name, value) for name, value in metrics.items()]
    progress = Progress(loss=loss, learning_rate=learning_rate, grad_norm=grad_norm, epoch=epoch)
    return _host.call("hooks", "log", step, progress, metrics)


def evaluated(
    step: int,
    *,
    loss: float | None = None,
    metrics: Mapping[str, float] | Sequence[Metric] = (),
) -> Wishes:
    """Reports an evaluation of the loop's own, which ``on_evaluate`` gets before this returns."""
    if isinstance(metrics, Mapping):
        metrics = [Metric(name, value) for name, value in metrics.items()]
    return _host.call("hooks", "evaluated", step, Measurement(loss=loss, metrics=metrics))


def resume_point() -> ResumePoint | None:
    """Where to go on; nothing at the start of a new run."""
    return _host.call("hooks", "resume_point")


def message(level: Level, text: str) -> None:
    """Leaves a line for people in the run's log."""
    _host.call("hooks", "message", level, text)
