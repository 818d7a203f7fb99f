"""Makes the bindings speak the SDK's classes, so that what comes in needs no conversion.

The bindings find the classes of the contract in their modules once, after this package was evaluated. They
call them with the fields in order, and read fields by their names. So each record is replaced by the
dataclass of the same name in ``arkor.types``, and each case of a variant by a :class:`arkor.Case` that
knows its tag.
"""

import dataclasses
import enum
import typing

import arkor.types
import wit_world.exports.callbacks
import wit_world.exports.definition
import wit_world.imports.artifacts
import wit_world.imports.dataset
import wit_world.imports.diagnostics
import wit_world.imports.hooks
import wit_world.imports.inference
import wit_world.imports.run
import wit_world.imports.session
import wit_world.imports.source
import wit_world.imports.types
from arkor import Case
from arkor.hooks import ResumePoint

MODULES = (
    wit_world.imports.types,
    wit_world.imports.hooks,
    wit_world.imports.dataset,
    wit_world.imports.inference,
    wit_world.imports.artifacts,
    wit_world.imports.run,
    wit_world.imports.session,
    wit_world.exports.definition,
    wit_world.exports.callbacks,
)

# Names that differ.
RENAMED = {
    (wit_world.imports.session, "Evaluation"): arkor.types.SessionEvaluation,
    (wit_world.imports.session, "Sequence"): arkor.types.SampledSequence,
    (wit_world.imports.hooks, "ResumeInfo"): ResumePoint,
}

# Class of the bindings -> what takes its place; enumerations keep theirs, which have the numbers.
REPLACED: dict[type, typing.Any] = {}

# Class of the bindings -> the tag of the case that it is.
TAGS: dict[type, str] = {}


def _kebab(name: str) -> str:
    parts = "".join("-" + letter if letter.isupper() else letter for letter in name)
    return parts.removeprefix("-").lower()


def _case(tag: str) -> type:
    class One(Case):
        def __init__(self, value=None):
            # Others cannot change it.
            self.__dict__["value"] = value

    One.__name__ = One.__qualname__ = "Case"
    One.tag = tag
    return One


def _in_order(record: type, names: list[str]) -> typing.Any:
    """A record with the fields in the contract's order, where the SDK wants them by name."""

    def make(*values):
        return record(**dict(zip(names, values)))

    return make


def install() -> None:
    for module in MODULES:
        for name, value in list(vars(module).items()):
            if not isinstance(value, type) or value.__module__ != module.__name__:
                continue
            if issubclass(value, enum.Enum):
                tags = [member.name.lower().replace("_", "-") for member in value]
                REPLACED[value] = tags.__getitem__
            elif name.partition("_")[2]:
                TAGS[value] = tag = _kebab(name.partition("_")[2])
                REPLACED[value] = _case(tag)
            elif dataclasses.is_dataclass(value):
                record = RENAMED.get((module, name)) or getattr(arkor.types, name)
                names = [field.name for field in dataclasses.fields(value)]
                known = [field.name for field in dataclasses.fields(record)]
                assert names == known, f"{record} has {known}, and the contract {names}"
                by_name = any(field.kw_only for field in dataclasses.fields(record))
                REPLACED[value] = _in_order(record, names) if by_name else record
    from . import values

    values.learn()
    for module in MODULES:
        for name, value in list(vars(module).items()):
            if isinstance(value, type) and value in REPLACED:
                setattr(module, name, REPLACED[value])
