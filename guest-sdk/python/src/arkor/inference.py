"""Text from the model that is being trained."""

from __future__ import annotations

from typing import Sequence

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import Generation, Sampling


def generate(
    prompt: str,
    *,
    max_tokens: int | None = None,
    temperature: float | None = None,
    top_k: int | None = None,
    top_p: float | None = None,
    stop: Sequence[str] = (),
    stop_tokens: Sequence[int] = (),
    seed: int | None = None,
) -> Generation:
    """Continues a prompt, with the weights as they are. See :class:`Sampling` for the settings."""
    sampling = Sampling(
        max_tokens=max_tokens,
        temperature=temperature,
        top_k=top_k,
        top_p=top_p,
        stop=stop,
        stop_tokens=stop_tokens,
        seed=seed,
    )
    return _host.call("inference", "generate", prompt, sampling)
