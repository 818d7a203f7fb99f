"""What went wrong in the trainer's code, and where in the user's files."""

import traceback

from wit_world.imports import diagnostics

from . import program

# Most frames that are told.
FRAMES = 32

# What the contract no longer has, and what to write.
GONE = {"eval_fraction": "what is held out belongs to the dataset: Dataset(source=file(...), held_out=0.1)"}


class Refused(Exception):
    """The trainer is not what it must be; with a place in its files, if there is one."""

    def __init__(self, message: str, frames: list = []):
        super().__init__(message)
        self.frames = frames


def _column(file: str, line: int, offset: int) -> int:
    """Of an offset in bytes, in characters from 1."""
    before = program.text_of(file, line).encode()[:offset]
    return len(before.decode(errors="replace")) + 1


def _place(code, instruction: int):
    """A place in a user's file; none if the code is another's."""
    if code.co_filename not in program.FILES:
        return None
    places = list(code.co_positions())
    index = instruction // 2
    line, _, offset, _ = places[index] if 0 <= index < len(places) else (None, None, None, None)
    line = line or code.co_firstlineno
    column = _column(code.co_filename, line, offset or 0)
    return diagnostics.Frame(code.co_qualname, code.co_filename, line, column)


def _frames(error: BaseException) -> list:
    """The places in the user's files, innermost first."""
    found = []
    at = error.__traceback__
    frame = None
    while at is not None:
        # One that catches and raises again is there twice.
        if at.tb_frame is not frame:
            found.append(_place(at.tb_frame.f_code, at.tb_lasti))
        frame, at = at.tb_frame, at.tb_next
    return [place for place in reversed(found) if place][:FRAMES]


def places_of(frames: list) -> list:
    """The places of frames in the user's files, the last one first."""
    found = (_place(frame.f_code, frame.f_lasti) for frame in reversed(frames))
    return [place for place in found if place]


def _message(error: BaseException) -> str:
    lines = traceback.format_exception_only(error)
    if isinstance(error, SyntaxError):
        # What comes before is the place, which is told in another way.
        lines = lines[-1:]
    text = "".join(lines).rstrip("\n")
    native = _native(error)
    if native is not None:
        text += f" ({native})" if native is not error else ""
    elif isinstance(error, ModuleNotFoundError):
        text += " (packages are looked for in the project's .venv, or installed of its requirements.txt)"
    if isinstance(error, TypeError):
        for name, instead in GONE.items():
            if f"unexpected keyword argument '{name}'" in text:
                text += f" ({instead})"
    if isinstance(error, KeyError) and _is_of_environment(error):
        text += " (a variable that is granted is there: [capabilities] env = [...] in arkor.toml)"
    cause = error.__cause__
    return f"{text} (caused by {_message(cause)})" if cause else text


def _native(error: BaseException | None) -> program.NativeCode | None:
    """What a package may have hidden behind an error of its own."""
    for _ in range(FRAMES):
        if error is None or isinstance(error, program.NativeCode):
            return error
        error = error.__cause__ or error.__context__
    return None


def _is_of_environment(error: KeyError) -> bool:
    at = error.__traceback__
    while at is not None and at.tb_next is not None:
        at = at.tb_next
    return at is not None and at.tb_frame.f_globals.get("__name__") == "os"


def report(error: BaseException, within: str = "") -> str:
    """Tells the host where; returns what, with the innermost place at its beginning, as compilers do it."""
    if isinstance(error, Refused):
        frames, message = error.frames, str(error)
    else:
        frames, message = _frames(error), _message(error)
        if isinstance(error, SyntaxError) and error.filename in program.FILES:
            line = error.lineno or 1
            # Its offset is in characters, from 1.
            column = max(error.offset or 1, 1)
            frames.insert(0, diagnostics.Frame("<module>", error.filename, line, column))
    if within:
        message = f"{within}: {message}"
    if not frames:
        return message
    diagnostics.failed_at(frames)
    first = frames[0]
    return f"{first.file}:{first.line}:{first.column}: {message}"


def beginning_of(function) -> list:
    """Where a function or a method of the user's begins."""
    code = getattr(getattr(function, "__func__", function), "__code__", None)
    if code is None or code.co_filename not in program.FILES:
        return []
    text = program.text_of(code.co_filename, code.co_firstlineno)
    column = len(text) - len(text.lstrip()) + 1
    return [diagnostics.Frame(code.co_qualname, code.co_filename, code.co_firstlineno, column)]
