"""Where model, tokenizer and data come from."""

from __future__ import annotations

from typing import Any, Literal, Mapping

from .types import Case, HubDataset, HubRepository, ModelShape, NamedSource, UrlDataset


def scratch(
    *,
    hidden_size: int,
    num_hidden_layers: int,
    num_attention_heads: int,
    num_key_value_heads: int | None = None,
    intermediate_size: int | None = None,
    rope_theta: float | None = None,
    rms_norm_eps: float | None = None,
    tie_word_embeddings: bool | None = None,
) -> Case[Literal["scratch"], ModelShape]:
    """A new model with random weights; the shape's fields are those of :class:`ModelShape`."""
    shape = ModelShape(
        hidden_size=hidden_size,
        num_hidden_layers=num_hidden_layers,
        num_attention_heads=num_attention_heads,
        num_key_value_heads=num_key_value_heads,
        intermediate_size=intermediate_size,
        rope_theta=rope_theta,
        rms_norm_eps=rms_norm_eps,
        tie_word_embeddings=tie_word_embeddings,
    )
    return Case("scratch", shape)


def file(path: str) -> Case[Literal["file"], str]:
    """A file of the project: text to train on, a tokenizer, a model."""
    return Case("file", path)


def hub(name: str, *, revision: str | None = None) -> Case[Literal["hub"], HubRepository]:
    """A model of the Hugging Face hub, or its tokenizer. For a dataset see :func:`hub_dataset`."""
    return Case("hub", HubRepository(name=name, revision=revision))


def hub_dataset(
    name: str, *, config: str | None = None, split: str | None = None, revision: str | None = None
) -> Case[Literal["hub"], HubDataset]:
    """A dataset of the Hugging Face hub."""
    return Case("hub", HubDataset(name=name, config=config, split=split, revision=revision))


def other(
    name: str, parameters: Mapping[str, Any] | None = None
) -> Case[Literal["other"], NamedSource]:
    """A source that the contract has no case for, by the name that the host has for it."""
    return Case("other", NamedSource(name=name, parameters=parameters or {}))


def url(address: str, *, sha256: str | None = None) -> Case[Literal["url"], UrlDataset]:
    """A file behind an http or https address."""
    return Case("url", UrlDataset(url=address, sha256=sha256))


def bpe(vocab_size: int) -> Case[Literal["bpe"], int]:
    """A byte-level BPE vocabulary of this size, trained on the data."""
    return Case("bpe", vocab_size)


def byte_tokens() -> Case[Literal["bytes"], None]:
    """One token a byte, and one for the end of a text."""
    return Case("bytes", None)


def tokenizer_of_model() -> Case[Literal["model"], None]:
    """The tokenizer that belongs to the pretrained model."""
    return Case("model", None)
