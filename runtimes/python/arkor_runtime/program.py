"""The trainer's own modules, and the packages that it uses, as the host handed them over."""

import importlib.machinery
import importlib.util

from wit_world.imports import source

# Path -> content.
FILES: dict[str, bytes] = {}

# Folder of the installed packages.
PACKAGES = "site-packages"

# Endings of native code; a file with one of them has no content here.
NATIVE = (".so", ".pyd", ".dylib", ".dll")


class NativeCode(ImportError):
    """A module is there, and cannot run here."""


class ProgramFinder:
    """Finds modules in a folder of the program."""

    def __init__(self, root: str) -> None:
        self.root = root

    def find_spec(self, name, path=None, target=None):
        if path is None:
            path = [self.root]
        tail = name.rpartition(".")[2]
        stems = [f"{folder}/{tail}" if folder else tail for folder in path]
        for stem in stems:
            for file, is_package in ((f"{stem}/__init__.py", True), (f"{stem}.py", False)):
                if file in FILES:
                    loader = ProgramLoader(file)
                    spec = importlib.machinery.ModuleSpec(name, loader, origin=file, is_package=is_package)
                    spec.has_location = True
                    if is_package:
                        spec.submodule_search_locations = [stem]
                    return spec
        for stem in stems:
            # A folder without an __init__.py is a package too, of whatever is in it.
            if any(file.startswith(stem + "/") and file.endswith(".py") for file in FILES):
                spec = importlib.machinery.ModuleSpec(name, None, is_package=True)
                spec.submodule_search_locations = [stem]
                return spec
            if any(file.startswith(stem + ".") and file.endswith(NATIVE) for file in FILES):
                raise NativeCode(f"{name} is native code, which does not run in the sandbox", name=name)
        return None


# Before and after the standard library, as Python has it.
HOME = ProgramFinder("")
SITE = ProgramFinder(PACKAGES)


class ProgramLoader:
    """Loads a module from its file."""

    def __init__(self, file: str) -> None:
        self.file = file

    def create_module(self, spec):
        return None

    def get_code(self, name):
        return compile(FILES[self.file], self.file, "exec", dont_inherit=True)

    def exec_module(self, module):
        exec(self.get_code(module.__name__), module.__dict__)

    def get_source(self, name):
        return importlib.util.decode_source(FILES[self.file])

    def get_filename(self, name):
        return self.file

    def get_data(self, path):
        try:
            return FILES[path]
        except KeyError:
            raise FileNotFoundError(2, "not a file of the program", path) from None


def read() -> str:
    """Takes the files over; the name of the module to begin with."""
    program = source.read()
    for module in program.modules:
        FILES[module.name] = module.content
    folder, _, file = program.entry.rpartition("/")
    HOME.root = folder
    return file.removesuffix(".py")


def text_of(file: str, line: int) -> str:
    """A line of a file, from 1; empty if there is none."""
    lines = importlib.util.decode_source(FILES[file]).splitlines()
    return lines[line - 1] if 0 < line <= len(lines) else ""
