"""What a dataset is made of. Rows are those of a JSON Lines file, a table or a hub's dataset."""

from __future__ import annotations

from typing import Any, Mapping

from .types import (
    Case,
    CompletionFields,
    DatasetFormat,
    LabelFields,
    NamedSource,
    PreferenceFields,
)


def text() -> DatasetFormat:
    """One text from beginning to end."""
    return Case("text", None)


def rows(field: str = "text") -> DatasetFormat:
    """Rows with a text each."""
    return Case("rows", field)


def conversations(field: str = "messages") -> DatasetFormat:
    """Rows with a conversation each."""
    return Case("conversations", field)


def completions(prompt: str = "prompt", completion: str = "completion") -> DatasetFormat:
    """Rows with a prompt and what is to follow it."""
    return Case("completions", CompletionFields(prompt, completion))


def preferences(
    prompt: str | None = "prompt", chosen: str = "chosen", rejected: str = "rejected"
) -> DatasetFormat:
    """Rows with a prompt, a chosen and a rejected answer."""
    fields = PreferenceFields(prompt=prompt, chosen=chosen, rejected=rejected)
    return Case("preferences", fields)


def labels(
    prompt: str = "prompt", completion: str = "completion", label: str = "label"
) -> DatasetFormat:
    """Rows with a prompt, an answer and whether it is a good one."""
    return Case("labels", LabelFields(prompt, completion, label))


def prompts(field: str = "prompt") -> DatasetFormat:
    """Rows with a prompt each."""
    return Case("prompts", field)


def named(name: str, parameters: Mapping[str, Any] | None = None) -> DatasetFormat:
    """One that the contract has no case for, by the name that the host has for it."""
    return Case("other", NamedSource(name=name, parameters=parameters or {}))
