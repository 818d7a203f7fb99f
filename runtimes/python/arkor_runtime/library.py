"""The standard library: there are no files once the component is made, so its modules are kept as code.

What trainers use most is imported here already, and costs a new instance nothing.
"""

import gc
import importlib.machinery
import importlib.util
import marshal
import os
import sys

# Folder of the library while the component is made.
FOLDER = "/python"

# Of no use without files, processes, a terminal or a network to listen on, or only for tests.
LEFT_OUT = {
    "__phello__",
    "ctypes",
    "curses",
    "dbm",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "sqlite3",
    "test",
    "tests",
    "tkinter",
    "turtle",
    "turtledemo",
    "venv",
}

WARM = (
    "abc argparse array ast asyncio base64 bisect builtins cmath collections.abc contextlib copy csv dataclasses "
    "datetime decimal difflib enum fractions functools gc hashlib heapq html importlib.resources inspect io "
    "itertools json linecache logging math numbers operator os pathlib pprint random re secrets shlex statistics "
    "string struct tempfile textwrap threading time traceback types typing unicodedata unittest.mock urllib.parse "
    "uuid warnings weakref zlib"
).split()

# Name of a module -> (its code, whether it is a package).
CODE: dict[str, tuple[bytes, bool]] = {}


class LibraryFinder:
    """Finds the modules that are kept here."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        kept = CODE.get(name)
        if kept is None:
            return None
        return importlib.machinery.ModuleSpec(name, LibraryFinder, origin="library", is_package=kept[1])

    @staticmethod
    def create_module(spec):
        return None

    @staticmethod
    def exec_module(module):
        exec(marshal.loads(CODE[module.__name__][0]), module.__dict__)

    @staticmethod
    def is_package(name):
        return CODE[name][1]

    @staticmethod
    def get_code(name):
        return marshal.loads(CODE[name][0])


def _collect(folder: str, prefix: str) -> None:
    for name in sorted(os.listdir(folder)):
        path = f"{folder}/{name}"
        stem, ending = os.path.splitext(name)
        if stem in LEFT_OUT or name == "__pycache__":
            continue
        if os.path.isdir(path):
            if os.path.exists(f"{path}/__init__.py"):
                _collect(path, f"{prefix}{name}.")
        elif ending == ".py":
            module = prefix.removesuffix(".") if stem == "__init__" else prefix + stem
            with open(path, "rb") as file:
                code = compile(file.read(), f"<python>/{module}", "exec", dont_inherit=True, optimize=2)
            CODE[module] = (marshal.dumps(code), stem == "__init__")


def install() -> None:
    _collect(FOLDER, "")
    for name in WARM:
        importlib.import_module(name)
    from . import program

    # The path based finder stays, for folders that a project grants and a trainer adds to sys.path.
    sys.path.clear()
    sys.path_importer_cache.clear()
    sys.meta_path[2:2] = [program.HOME, LibraryFinder, program.SITE]
    # What is here from the beginning stays: looking at it would copy its memory in each instance.
    gc.collect()
    gc.freeze()
