"""An event loop for a place without sockets and threads: it runs what is ready, or waits for a timer."""

import asyncio
import os
import time

from wit_world.imports import diagnostics

from . import failure

# A wait in pieces: between two of them the host can cut off what takes too long, and say where it was.
PIECE = 0.02

_sleep = time.sleep


def sleep(seconds):
    """Delays execution for a number of seconds, which may be a fraction."""
    seconds = float(seconds)
    if seconds < 0:
        raise ValueError("sleep length must be non-negative")
    end = time.monotonic() + seconds
    while True:
        left = end - time.monotonic()
        _sleep(max(0.0, min(left, PIECE)))
        if left <= PIECE:
            return


time.sleep = sleep


class NeverSettles(Exception):
    """A coroutine waits, and nothing is left that could wake it."""


class _Timers:
    """What an event loop selects on, with no files in it."""

    def select(self, timeout):
        if timeout is None:
            raise NeverSettles
        end = time.monotonic() + timeout
        while timeout > 0:
            _sleep(min(timeout, PIECE))
            timeout = end - time.monotonic()
            if timeout > 0 and diagnostics.is_overdue():
                # It is not on the interpreter's stack, where the host would find it.
                diagnostics.failed_at(failure.places_of(_suspended()))
                os.abort()
        return []

    def close(self):
        pass


class Loop(asyncio.base_events.BaseEventLoop):
    def __init__(self):
        super().__init__()
        self._selector = _Timers()

    def _process_events(self, events):
        pass

    def _write_to_self(self):
        # Nobody else could have woken it.
        pass


_loop: Loop | None = None
_task: asyncio.Task | None = None


def _suspended() -> list:
    """The frames in which the running callback waits, the innermost last."""
    frames = []
    waits = _task.get_coro() if _task else None
    while waits is not None:
        frame = getattr(waits, "cr_frame", None) or getattr(waits, "gi_frame", None)
        if frame is not None:
            frames.append(frame)
        waits = getattr(waits, "cr_await", None) or getattr(waits, "gi_yieldfrom", None)
    return frames


def settle(awaitable):
    """Waits for what a callback returned."""
    global _loop, _task
    if _loop is None:
        _loop = Loop()
        asyncio.set_event_loop(_loop)
    _task = asyncio.ensure_future(awaitable, loop=_loop)
    try:
        return _loop.run_until_complete(_task)
    except NeverSettles:
        _task._log_destroy_pending = False
        raise failure.Refused(
            "a coroutine waits for ever: nothing is left that could wake it", failure.places_of(_suspended())
        ) from None
