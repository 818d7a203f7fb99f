"""Named files that belong to the run."""

from __future__ import annotations

from . import _host  # pyright: ignore[reportPrivateUsage]
from .types import Artifact


def write(name: str, content: bytes | str) -> Artifact:
    """Writes a file of the run, whole or not at all."""
    return _host.call("artifacts", "write", name, content)
