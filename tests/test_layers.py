"""The house stands: imports go down, never up and never sideways, and torch lives only where tensors do."""

import subprocess
import sys
from pathlib import PurePath

import pytest

from tests.helpers.sources import FILES, PACKAGE, imports

# A file may import from its own folder and from lower floors; -1 is the ground that all may stand on.
FLOORS = {
    "cache_folder": 0,
    "connections": -1,
    "errors": -1,
    "files": -1,
    "resources": -1,
    "toml_files": -1,
    "words": -1,
    "cell": 0,
    "genotypes": 1,
    "mutations": 1,
    "tasks": 1,
    "referee": 1,
    "compiler": 1,
    "protocol": 2,
    "exporters": 2,
    "search": 3,
    "training": 3,
    "store": 3,
    "workers": 4,
    "models": 4,
    "actions": 5,
    "bench": 6,
    "studies": 6,
    "reports": 6,
    "web": 6,
    "cli": 7,
    "__main__": 8,
}
WITHOUT_TORCH = [
    "cache_folder",
    "connections",
    "errors",
    "files",
    "resources",
    "toml_files",
    "words",
    "cell",
    "genotypes",
    "mutations",
    "tasks",
    "referee",
    "protocol",
    "search",
    "store",
]
PLANS = [  # the part of the compiler that does not know torch
    "compiler.program",
    "compiler.parameters",
    "compiler.source_function",
    "compiler.engine_names",
    "compiler.stacked.shape",
    "compiler.native.source",
    "compiler.native.toolchain",
    "compiler.native.build",
    "compiler.native.eviction",
    "compiler.native.limits",
]
INSTANT = [
    name
    for name in [*WITHOUT_TORCH, "compiler", "cli"]
    if (PACKAGE / name / "__init__.py").exists() or (PACKAGE / f"{name}.py").exists()
]


def unit_of(file: str) -> str:
    """Return the room of the house that `file` is in: a folder of the package, or a file beside them."""
    return PurePath(file).parts[0].removesuffix(".py")


def room(target: str) -> str:
    """Return the room that an imported name of the package comes from, `__version__` for the version."""
    return target.split(".")[1]


def is_torch_free(module: str) -> bool:
    """Return whether `module`, a path like `cell.graph`, belongs to a part that never imports torch."""
    return module.split(".")[0] in WITHOUT_TORCH or any(f"{module}.".startswith(f"{plan}.") for plan in PLANS)


HOUSE = [file for file in FILES if file != "__init__.py"]
TORCH_FREE = [file for file in HOUSE if is_torch_free(file.removesuffix(".py").replace("/", "."))]


@pytest.mark.parametrize("file", HOUSE)
def test_imports_go_down_only(file: str) -> None:
    unit = unit_of(file)
    assert unit in FLOORS, f"archsearch/{file}: {unit!r} has no floor; draw it in FLOORS"
    for found in imports(file):
        if not found.target.startswith("archsearch.") or found.target == "archsearch.__version__":
            continue
        target = room(found.target)
        where = f"archsearch/{file}:{found.line}"
        assert target in FLOORS, f"{where}: {found.target!r}: import it from the folder that defines it"
        assert target == unit or FLOORS[target] < FLOORS[unit], f"{where}: {unit} must not import {target}"


@pytest.mark.parametrize("file", HOUSE)
def test_no_import_hides_in_a_function(file: str) -> None:
    if unit_of(file) == "cli":
        return  # the roof imports the engine when a command is called, so that --help answers at once
    hidden = [found for found in imports(file) if found.function is not None]
    if PurePath(file).name == "__init__.py":
        hidden = [found for found in hidden if found.function != "__getattr__"]  # lazy names, PEP 562
    assert not hidden, f"archsearch/{file}: {hidden}"


@pytest.mark.parametrize("file", TORCH_FREE)
def test_torch_stays_out_of_graph_code_and_search(file: str) -> None:
    for found in imports(file):
        where = f"archsearch/{file}:{found.line}"
        assert found.target.split(".")[0] not in {"torch", "torchrecurrent"}, f"{where}: imports torch"
        if found.target.startswith("archsearch.") and found.target != "archsearch.__version__":
            inside = found.target.removeprefix("archsearch.")
            assert is_torch_free(inside), f"{where}: {found.target} may import torch"


def test_importing_the_instant_parts_leaves_torch_alone() -> None:
    modules = ["archsearch", *(f"archsearch.{name}" for name in INSTANT)]
    code = f"import sys, {', '.join(modules)}; sys.exit('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=PACKAGE.parent, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr or f"one of {modules} imports torch"
