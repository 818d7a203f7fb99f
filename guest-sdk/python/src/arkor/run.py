"""What a trainer is part of, whenever it asks."""

from __future__ import annotations

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import RunInfo


def info() -> RunInfo:
    """The run, as it is now: right after new code took over, and after it was taken back."""
    return _host.call("run", "info")
