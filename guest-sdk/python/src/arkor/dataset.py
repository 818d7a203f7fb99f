"""The data that the spec declared, as the host prepared it."""

from __future__ import annotations

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import DatasetInfo, Example, Split


def info() -> DatasetInfo:
    """How much there is."""
    return _host.call("dataset", "info")


def read(split: Split, start: int, count: int) -> list[Example]:
    """Up to ``count`` (1 to 4096) examples from place ``start`` on, in the order of the file."""
    return _host.call("dataset", "read", split, start, count)


def batch(step: int) -> list[Example]:
    """The training examples of one optimizer step (from 0), as the host's loop would see them."""
    return _host.call("dataset", "batch", step)
