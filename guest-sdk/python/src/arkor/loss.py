"""Losses of ``session.forward_backward``."""

from __future__ import annotations

from typing import Any, Mapping

from .types import Case, Loss, NamedLoss, PpoClip


def cross_entropy() -> Loss:
    """-weight * log-probability of the target."""
    return Case("cross-entropy", None)


def importance_sampling() -> Loss:
    """-weight * ratio * advantage."""
    return Case("importance-sampling", None)


def ppo(low: float = 0.8, high: float = 1.2) -> Loss:
    """The clipped loss of proximal policy optimization."""
    return Case("ppo", PpoClip(low, high))


def named(name: str, parameters: Mapping[str, Any] | None = None) -> Loss:
    """One by the name that the engine has for it."""
    return Case("other", NamedLoss(name=name, parameters=parameters or {}))
