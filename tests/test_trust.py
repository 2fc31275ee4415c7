"""No code of the package runs what it reads, unpickles anything, or lets the wall clock decide."""

import ast
from collections.abc import Iterator

import pytest

from tests.helpers.sources import FILES, imports, parse

UNPICKLERS = {"pickle", "_pickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "yaml", "runpy"}
CALLS = {"eval", "exec", "__import__"}
ATTRIBUTES = {
    "torch.load": "unpickles",
    "torch.jit.load": "runs what it reads",
    "os.system": "starts a shell",
    "os.popen": "starts a shell",
    "subprocess.getoutput": "starts a shell",
    "subprocess.getstatusoutput": "starts a shell",
}
METHODS = {
    "recv": "unpickles: pipes carry bytes, use recv_bytes",
    "exec_module": "executes a file",
    "load_module": "executes a file",
}
CLOCKS = {"time.time", "time.time_ns"}  # time.monotonic cannot jump
# file -> what it may do, and why
EXCEPTIONS = {
    ("tasks/own.py", "exec_module"): "FILE.py:NAME is the user's own code, named on the command line",
    (
        "compiler/source_function.py",
        "exec",
    ): "printed in memory: functions of canonical numbers and the op table, the exported class of a parsed cell",
}


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a chain of attributes, and "" for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute) and (base := dotted(node.value)):
        return f"{base}.{node.attr}"
    return ""


def unsafe(file: str) -> Iterator[tuple[str, int]]:
    """Yield what in `file` unpickles or executes data or starts a shell, with its line."""
    for found in imports(file):
        if found.target.split(".")[0] in UNPICKLERS or found.target in ATTRIBUTES:
            yield found.target, found.line
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Attribute):
            if dotted(node) in ATTRIBUTES:
                yield dotted(node), node.lineno
            elif node.attr in METHODS:
                yield node.attr, node.lineno
        elif isinstance(node, ast.Call):
            if dotted(node.func).removeprefix("builtins.") in CALLS:
                yield dotted(node.func), node.lineno
            for option in node.keywords:
                if option.arg in {"shell", "allow_pickle"} and ast.unparse(option.value) != "False":
                    yield f"{option.arg}=", node.lineno


@pytest.mark.parametrize("file", FILES)
def test_nothing_read_from_disk_is_unpickled_or_executed(file: str) -> None:
    found = [(what, line) for what, line in unsafe(file) if (file, what) not in EXCEPTIONS]
    assert not found, f"archsearch/{file}: {found}"


def test_every_exception_is_still_needed() -> None:
    needed = {(file, what) for file in FILES for what, _ in unsafe(file)}
    assert set(EXCEPTIONS) <= needed


@pytest.mark.parametrize("file", FILES)
def test_the_wall_clock_decides_nothing(file: str) -> None:
    used = [found.target for found in imports(file) if found.target in CLOCKS]
    used += [dotted(node) for node in ast.walk(parse(file)) if dotted(node) in CLOCKS]
    assert not used, f"archsearch/{file}: {used}; a clock that jumps must not matter, use time.monotonic"
