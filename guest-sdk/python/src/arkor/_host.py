"""The way to the host; the runtime puts its own in this place."""

from __future__ import annotations

from typing import Any


class HostError(Exception):
    """The host cannot do what was asked for.

    ``code`` is the contract's name of the error: ``not-ready`` or ``invalid``, for two.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def call(interface: str, function: str, *arguments: Any) -> Any:
    """Calls a function of the contract."""
    raise HostError("not-ready", f"{interface}.{function}: only a run of arkor-host can answer this")
