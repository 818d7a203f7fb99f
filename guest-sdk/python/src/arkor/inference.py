"""Text from the model that is being trained."""

from __future__ import annotations

from typing import Sequence

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import Generation, Sampling, Settings


def generate(
    prompt: str,
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
) -> Generation:
    """Continues a prompt, with the weights as they are. See :class:`Sampling` for the settings."""
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
    return _host.call("inference", "generate", prompt, sampling)
