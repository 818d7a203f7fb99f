"""Checks what a trainer gives to the host, and makes it what the bindings take.

Each type of the contract has a function ``(value, path) -> value``, made of the annotations that the
bindings have. A whole number is a u32 everywhere in the contract.
"""

import array
import collections.abc
import dataclasses
import difflib
import enum
import inspect
import json
import types as python_types
import typing

import arkor
from arkor import Case

from . import bind, failure

LARGEST = 2**32 - 1

# Class of the bindings -> function.
KNOWN: dict[typing.Any, typing.Callable] = {}

# (interface, function) -> functions of its arguments.
ARGUMENTS: dict[tuple[str, str], list[typing.Callable]] = {}

# (interface, function) -> function of the bindings.
FUNCTIONS: dict[tuple[str, str], typing.Callable] = {}


class WrongValue(Exception):
    """A value is not what the contract has there."""

    def __init__(self, path: str, expected: str, value: object) -> None:
        got = "nothing" if value is None else shown(value)
        self.path, self.expected = path, expected
        where = f"{path.lstrip('.')}: " if path else ""
        super().__init__(f"{where}expected {expected}, and got {got}")


def shown(value: object) -> str:
    try:
        text = repr(value)
    except Exception:
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= 100 else text[:97] + "..."


def whole_number(value, path):
    # Those of numpy are fine too; True is not 1.
    if isinstance(value, bool) or not hasattr(value, "__index__"):
        raise WrongValue(path, f"a whole number from 0 to {LARGEST}", value)
    number = value.__index__()
    if not 0 <= number <= LARGEST:
        raise WrongValue(path, f"a whole number from 0 to {LARGEST}", value)
    return number


def number(value, path):
    if type(value) is float:
        return value
    if isinstance(value, (bool, str, bytes)) or not hasattr(value, "__float__"):
        raise WrongValue(path, "a number", value)
    return float(value)


def text(value, path):
    if not isinstance(value, str):
        raise WrongValue(path, "a string", value)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise WrongValue(path, "a string without lone surrogates", value) from None
    return value


def boolean(value, path):
    if not isinstance(value, bool):
        raise WrongValue(path, "True or False", value)
    return value


def data(value, path):
    if isinstance(value, str):
        return text(value, path).encode()
    if not isinstance(value, (bytes, bytearray, memoryview)):
        raise WrongValue(path, "bytes or a string", value)
    return bytes(value)


def _items(value, path):
    is_text = isinstance(value, (str, bytes, bytearray))
    if is_text or not isinstance(value, collections.abc.Iterable):
        raise WrongValue(path, "a list", value)
    return value


def _numbers(code: str, item):
    """Lists of numbers are long: all at once, and one by one only to say which is wrong."""

    def check(value, path):
        values = list(_items(value, path))
        try:
            array.array(code, values)
        except (TypeError, OverflowError):
            pass
        else:
            if bool not in set(map(type, values)):
                return values
        return [item(one, f"{path}[{index}]") for index, one in enumerate(values)]

    return check


def _list(item):
    def check(value, path):
        return [item(one, f"{path}[{index}]") for index, one in enumerate(_items(value, path))]

    return check


def _json(value, path):
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)
    except (TypeError, ValueError, RecursionError):
        raise WrongValue(path, "a value that JSON can hold", value) from None


def _setting(name, value, path):
    return arkor.Setting(text(name, path), _json(value, f"{path}.{name}"))


# Lists that may be given as mappings, by the class of their items.
FROM_MAPPING = {
    "Setting": _setting,
    "NamedModel": lambda name, source, path: arkor.NamedModel(text(name, path), source),
}


def _list_or_mapping(item, make):
    plain = _list(item)

    def check(value, path):
        if isinstance(value, collections.abc.Mapping):
            return [item(make(name, one, path), f"{path}.{name}") for name, one in value.items()]
        return plain(value, path)

    return check


def _held_out(value):
    """A share may be given as a number, and data of its own as its source."""
    if hasattr(value, "__float__") and not isinstance(value, bool):
        return Case("share", float(value))
    if isinstance(value, Case) and value.tag not in ("share", "source"):
        return Case("source", value)
    return value


def _optional(inner):
    return lambda value, path: None if value is None else inner(value, path)


def _enumeration(cls):
    tags = {bind.REPLACED[cls](member.value): member for member in cls}
    names = ", ".join(f'"{tag}"' for tag in tags)

    def check(value, path):
        member = tags.get(value) if isinstance(value, str) else None
        if member is None:
            raise WrongValue(path, f"one of {names}", value)
        return member

    return check


def _record(cls):
    made = bind.REPLACED[cls]
    fields = []
    sdk = getattr(arkor, cls.__name__, None)
    KNOWN[cls] = check = lambda value, path: _checked(value, path)
    hints = typing.get_type_hints(cls)
    fields = [(field.name, function(hints[field.name])) for field in dataclasses.fields(cls)]

    def _checked(value, path):
        if sdk is arkor.Dataset and isinstance(value, Case):
            value = arkor.Dataset(source=value)
        if not isinstance(value, sdk):
            raise WrongValue(path, EXPECTED.get(sdk.__name__, f"arkor.{sdk.__name__}(...)"), value)
        extra = vars(value).keys() - {name for name, _ in fields}
        if extra:
            name = sorted(extra)[0]
            near = difflib.get_close_matches(name, [name for name, _ in fields], 1)
            meant = failure.GONE.get(name) or (f"is {near[0]} meant?" if near else "")
            meant = f"; {meant}" if meant else ""
            raise WrongValue(path, f"{sdk.__name__} without a field {name}{meant}", value)
        return made(*(inner(getattr(value, name), f"{path}.{name}") for name, inner in fields))

    return check


# How people make a value of a variant, or of a record that a function makes.
EXPECTED = {
    "Action": "an action, such as action.save()",
    "ModelSource": "scratch(...), file(...) or hub(...)",
    "TokenizerSource": "bpe(...), byte_tokens(), file(...), hub(...) or tokenizer_of_model()",
    "DatasetSource": "file(...), url(...) or hub_dataset(...)",
    "DatasetFormat": "a format, such as format.rows()",
    "HeldOut": "a share as a number, or a source, such as file(...)",
    "Loss": "a loss, such as loss.cross_entropy()",
    "Dataset": "a source, such as file(...), or arkor.Dataset(...)",
    "HubDataset": "hub_dataset(...)",
    "HubRepository": "hub(...)",
}


def _variant(classes):
    cases = {}
    for cls in classes:
        hints = typing.get_type_hints(cls)
        inner = function(hints["value"]) if "value" in hints else None
        cases[bind.TAGS[cls]] = (bind.REPLACED[cls], inner)
    made = frozenset(cls for cls, _ in cases.values())
    names_of_class = {cls.__name__.partition("_")[0] for cls in classes}
    name = "".join(names_of_class)
    expected = EXPECTED.get(name, "an arkor.Case")
    names = ", ".join(f'"{tag}"' for tag in cases)

    def check(value, path):
        if type(value) in made and type(value) in TRUSTED:
            return value
        if name == "HeldOut":
            value = _held_out(value)
        if not isinstance(value, Case):
            raise WrongValue(path, expected, value)
        case = cases.get(value.tag)
        if case is None:
            raise WrongValue(path, f"one of {names}", value.tag)
        cls, inner = case
        if inner is None:
            return cls()
        return cls(inner(value.value, f"{path}.{value.tag}" if path else value.tag))

    return check


# Cases that only functions of this runtime make, of values that were checked.
TRUSTED: set[type] = set()


def function(annotation) -> typing.Callable:
    """The function of a type, by its annotation in the bindings."""
    simple = {int: whole_number, float: number, str: text, bool: boolean, bytes: data}
    if annotation in simple:
        return simple[annotation]
    if annotation in KNOWN:
        return KNOWN[annotation]
    arguments = typing.get_args(annotation)
    origin = typing.get_origin(annotation)
    if origin is list:
        (item,) = arguments
        codes = {int: "I", float: "d"}
        make = FROM_MAPPING.get(getattr(item, "__name__", ""))
        if item in codes:
            made = _numbers(codes[item], function(item))
        elif make:
            made = _list_or_mapping(function(item), make)
        else:
            made = _list(function(item))
    elif origin in (typing.Union, python_types.UnionType):
        cases = [case for case in arguments if case is not type(None)]
        is_variant = all(case in bind.TAGS for case in cases)
        inner = _variant(cases) if is_variant else function(*cases)
        made = _optional(inner) if len(cases) < len(arguments) else inner
    elif isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        made = _enumeration(annotation)
    elif annotation in bind.REPLACED:
        return _record(annotation)
    else:
        raise TypeError(f"the contract has a type that is not known: {annotation}")
    KNOWN[annotation] = made
    return made


ACTION: typing.Callable
SPEC: typing.Callable


def learn() -> None:
    """Makes the functions, of the bindings as they are before their classes are replaced."""
    global ACTION, SPEC
    import wit_world.exports.callbacks as callbacks
    import wit_world.exports.definition as definition

    for name in ("artifacts", "dataset", "hooks", "inference", "run", "session"):
        module = next(m for m in bind.MODULES if m.__name__.endswith("imports." + name))
        for called, value in inspect.getmembers(module, inspect.isfunction):
            if value.__module__ == module.__name__:
                hints = typing.get_type_hints(value)
                hints.pop("return", None)
                ARGUMENTS[name, called] = [(argument, function(hint)) for argument, hint in hints.items()]
                FUNCTIONS[name, called] = value
    ACTION = function(callbacks.Action)
    SPEC = function(definition.Spec)
    _quick_actions(callbacks)


def _quick_actions(callbacks) -> None:
    """What callbacks return most often is made in the form that the bindings take."""
    made = {bind.TAGS[cls]: bind.REPLACED[cls] for cls in typing.get_args(callbacks.Action)}
    for tag in ("stop", "save", "evaluate", "set-learning-rate", "follow-schedule", "pause", "log-metric"):
        TRUSTED.add(made[tag])
    log_metric, set_learning_rate, stop = made["log-metric"], made["set-learning-rate"], made["stop"]
    plain = {tag: made[tag] for tag in ("save", "evaluate", "follow-schedule", "pause")}
    original = arkor.action
    convert, original_stop, original_log_metric = original._number, original.stop, original.log_metric
    metric = arkor.Metric

    def make_log_metric(name, value):
        if type(name) is not str or not name.isascii():
            name = original_log_metric(name, 0.0).value.name
            text(name, "log_metric")
        if type(value) is not float:
            value = convert("log_metric", value)
        return log_metric(metric(name, value))

    original.log_metric = make_log_metric
    original.set_learning_rate = lambda rate: set_learning_rate(convert("set_learning_rate", rate))
    original.stop = lambda reason: stop(text(original_stop(reason).value, "stop"))
    for tag, cls in plain.items():
        setattr(original, tag.replace("-", "_"), cls)
