"""What a callback may ask for; to be returned."""

from __future__ import annotations

from typing import Mapping, Sequence

from .types import Action, Case, Measurement, Metric


def stop(reason: str) -> Action:
    """End the run after a checkpoint at this step, with this reason."""
    if not isinstance(reason, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"stop: expected a string as reason, and got {reason!r}")
    return Case("stop", reason)


def save() -> Action:
    """Write a checkpoint at this step; at the next one if asked for by ``on_checkpoint``."""
    return Case("save", None)


def evaluate() -> Action:
    """Score the held-out data at this step; at the next one from ``on_evaluate`` or ``on_checkpoint``."""
    return Case("evaluate", None)


def evaluated(
    *, loss: float | None = None, metrics: Mapping[str, float] | Sequence[Metric] = ()
) -> Action:
    """Keep what the trainer measured itself: it becomes an evaluation event, which ``on_evaluate`` gets too."""
    if isinstance(metrics, Mapping):
        metrics = [Metric(name, value) for name, value in metrics.items()]
    return Case("evaluated", Measurement(loss=loss, metrics=metrics))


def set_learning_rate(rate: float) -> Action:
    """Train with exactly this rate, 0 to 10, from the next step on, instead of the schedule."""
    return Case("set-learning-rate", _number("set_learning_rate", rate))


def follow_schedule() -> Action:
    """Train with the schedule's rate again."""
    return Case("follow-schedule", None)


def pause() -> Action:
    """Wait, after this step, until a user lets the run go on."""
    return Case("pause", None)


def log_metric(name: str, value: float) -> Action:
    """Record a number, in the run's log and in the metrics of the next log event."""
    if not isinstance(name, str):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise TypeError(f"log_metric: expected a string as name, and got {name!r}")
    return Case("log-metric", Metric(name, _number("log_metric", value)))


def _number(function: str, value: float) -> float:
    # What numpy or decimal have as numbers is fine too; a text is none.
    if isinstance(value, (str, bytes)) or not hasattr(value, "__float__"):
        raise TypeError(f"{function}: expected a number, and got {value!r}")
    return float(value)
