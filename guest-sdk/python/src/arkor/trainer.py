"""What every trainer is."""

from __future__ import annotations

import copy
from typing import Any, Awaitable, Iterable, Union

from .types import (
    Action,
    Checkpoint,
    Completed,
    Evaluation,
    Failed,
    LogRecord,
    Spec,
    Started,
)

Actions = Union[Action, Iterable[Action], None]
"""What a callback may return: nothing, one action, or several."""

Answer = Union[Actions, Awaitable[Actions]]


class Trainer:
    """A trainer: says what to train, and reacts to the run.

    Each method but :meth:`describe` may be left out. All may be ``async``.
    """

    state: Any = {}
    """What the trainer remembers: anything that JSON can hold.

    It is saved with every checkpoint, and carried over when the code is replaced while a run goes on;
    variables of a module and other attributes are not. What was saved takes the place of the entries
    named here; entries that the new code adds begin as they are here.
    """

    def __new__(cls, *_arguments: Any, **_named: Any) -> Any:
        # One that is named in the class belongs to the instance, as people expect of it.
        trainer = super().__new__(cls)
        trainer.state = copy.deepcopy(cls.state)
        return trainer

    def describe(self) -> Spec | Awaitable[Spec]:
        """What to train. Must be a function of the code alone."""
        raise NotImplementedError("the trainer has no describe(), which says what to train")

    def on_started(self, event: Started) -> Answer:
        """Before the first step of every attempt: of a new run, and after an interruption."""

    def on_log(self, event: LogRecord) -> Answer:
        """Progress, every ``logging_steps`` steps."""

    def on_evaluate(self, event: Evaluation) -> Answer:
        """The model was evaluated: by the host on the held-out data, or by the trainer itself."""

    def on_checkpoint(self, event: Checkpoint) -> Answer:
        """A checkpoint was written; ``inference`` answers with exactly its weights."""

    def on_completed(self, event: Completed) -> Answer:
        """The last call of a run that ended well. Only ``log_metric`` still has an effect."""

    def on_failed(self, event: Failed) -> Answer:
        """The last call of a run that ended badly. Only ``log_metric`` still has an effect."""

    def run(self, spec: Spec) -> None | Awaitable[None]:
        """A training loop of the trainer's own, instead of the host's."""
        raise NotImplementedError("the trainer has no run()")

    def save_state(self) -> bytes | str | None | Awaitable[bytes | str | None]:
        """The trainer's memory in a form of its own, instead of ``state`` as JSON."""

    def load_state(self, saved: bytes) -> None | Awaitable[None]:
        """Takes up what :meth:`save_state` returned, perhaps in an older version of the code."""
