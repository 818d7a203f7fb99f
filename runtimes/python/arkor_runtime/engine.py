"""The trainer of this instance, and calls into it."""

import importlib
import inspect
import json
import os
import random

import arkor
import arkor._host
from arkor import HostError, Trainer
from componentize_py_types import Err

from . import failure, program, values
from .failure import Refused
from .values import WrongValue
from .waiting import settle

CALLBACKS = ("on_started", "on_log", "on_evaluate", "on_checkpoint", "on_completed", "on_failed")

trainer: Trainer | None = None

# Why there is none; the modules are not evaluated a second time.
broken: str | None = None

# Name of a callback -> the trainer's method, for those that it has.
methods: dict = {}


def _call_host(interface: str, function: str, *arguments):
    key = (interface, function)
    names_and_checks = values.ARGUMENTS[key]
    called = f"{interface}.{function}"
    try:
        given = [check(value, "") for value, (_, check) in zip(arguments, names_and_checks)]
    except WrongValue:
        for value, (name, check) in zip(arguments, names_and_checks):
            try:
                check(value, name)
            except WrongValue as error:
                raise TypeError(f"{called}: {error}") from None
        raise
    try:
        return values.FUNCTIONS[key](*given)
    except Err as error:
        code, more = error.value.tag, error.value.value
    said = f"{code}: {more}" if more else code
    raise HostError(code, f"{called}: {said}")


arkor._host.call = _call_host


def _boot() -> Trainer:
    # The state that it had when the component was made is the same in each instance.
    random.seed(os.urandom(32))
    entry = program.read()
    module = importlib.import_module(entry)
    file = module.__spec__.origin
    found = getattr(module, "trainer", None)
    if found is None or inspect.ismodule(found):
        raise Refused(f"{file}: there is no trainer: end the file with `trainer = MyTrainer()`")
    if not isinstance(found, Trainer):
        what = "a class; make one: `trainer = MyTrainer()`" if inspect.isclass(found) else values.shown(found)
        raise Refused(f"{file}: `trainer` must be an instance of a class with arkor.Trainer as base, and is {what}")
    if type(found).describe is Trainer.describe:
        raise Refused(f"{file}: the trainer has no describe(), which says what to train")
    for name in CALLBACKS:
        method = getattr(found, name)
        if not callable(method):
            raise Refused(f"{file}: the trainer's {name} is no method, but {values.shown(method)}")
        if getattr(method, "__func__", method) is not getattr(Trainer, name):
            methods[name] = method
    # A callback whose name is a little off would never be called, in silence.
    for name in dir(found):
        if name.startswith("on_") and name not in CALLBACKS and callable(getattr(found, name)):
            raise Refused(
                f"{file}: the trainer has a callback {name}, and there is none of this name; there are "
                + ", ".join(CALLBACKS),
                failure.beginning_of(getattr(found, name)),
            )
    return found


def _with_trainer(work, *arguments):
    """Calls a function with the trainer, which is evaluated before if it has not been."""
    global trainer, broken
    if broken is not None:
        raise Err(broken)
    try:
        if trainer is None:
            try:
                trainer = _boot()
            except BaseException as error:
                broken = failure.report(error)
                raise Err(broken) from None
        return work(*arguments)
    except Err:
        raise
    # Also what is no Exception, SystemExit for one: all of it is the trainer's.
    except BaseException as error:
        raise Err(failure.report(error)) from None


def _settled(result):
    return settle(result) if inspect.isawaitable(result) else result


def _checked(check, method, value):
    """A value that a method returned, as the bindings take it."""
    try:
        return check(value, "")
    except WrongValue as error:
        message = f"what {method.__name__} returned is wrong: {error}"
        raise Refused(message, failure.beginning_of(method)) from None


def _describe():
    spec = _settled(trainer.describe())
    checked = _checked(values.SPEC, trainer.describe, spec)
    has_loop = type(trainer).run is not Trainer.run
    if checked.own_loop and not has_loop:
        raise Refused("the spec's own_loop is True, and the trainer has no run()")
    if checked.own_loop is None:
        checked.own_loop = has_loop
    return checked


def _actions(method, answer):
    if answer is None:
        return []
    if isinstance(answer, arkor.Case):
        return [_checked(values.ACTION, method, answer)]
    return _checked(_list_of_actions, method, answer)




def _list_of_actions(value, path):
    if isinstance(value, (str, bytes, dict)) or not hasattr(value, "__iter__"):
        raise WrongValue(path, "an action, a list of actions or None", value)
    return [values.ACTION(one, f"[{index}]") for index, one in enumerate(value)]


def _callback(method, event):
    answer = method(event)
    if type(answer) is list:
        # What most callbacks return, of what most of them return.
        for action in answer:
            if type(action) not in values.TRUSTED:
                break
        else:
            return answer
    return _actions(method, _settled(answer))


def _save_state():
    if type(trainer).save_state is not Trainer.save_state:
        saved = _settled(trainer.save_state())
        return b"" if saved is None else _checked(values.data, trainer.save_state, saved)
    state = trainer.state
    if state is None or state == {}:
        return b""
    try:
        return json.dumps(state, ensure_ascii=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise Refused(f"the trainer's state cannot be JSON: {error}") from None


def _load_state(saved):
    if type(trainer).load_state is not Trainer.load_state:
        _settled(trainer.load_state(saved))
        return
    try:
        found = json.loads(saved)
    except ValueError as error:
        raise Refused(f"the saved state is not what this trainer saves (JSON): {error}") from None
    if isinstance(trainer.state, dict) and isinstance(found, dict):
        trainer.state.update(found)
    else:
        trainer.state = found


def _run(spec):
    if type(trainer).run is Trainer.run:
        raise Refused("the trainer has no run()")
    _settled(trainer.run(spec))


def describe():
    return _with_trainer(_describe)


def callback(name, event):
    method = methods.get(name)
    if method is None:
        return [] if trainer else _with_trainer(lambda: [])
    try:
        return _callback(method, event)
    except BaseException as error:
        raise Err(failure.report(error)) from None


def save_state():
    return _with_trainer(_save_state)


def load_state(saved):
    _with_trainer(_load_state, saved)


def run(spec):
    _with_trainer(_run, spec)
