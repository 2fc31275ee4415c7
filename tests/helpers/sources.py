"""The package's source files, parsed, for the tests that read code instead of running it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "archsearch"
FILES = sorted(path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*.py"))


@dataclass(frozen=True, slots=True)
class Import:
    """One imported thing: `from archsearch.cell import Cell` is `archsearch.cell.Cell`."""

    target: str
    line: int
    function: str | None  # the innermost function around it, None at module level


@cache
def parse(file: str) -> ast.Module:
    """Return the syntax tree of `file`, a path inside the package; it is for reading."""
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"), filename=file)


@cache
def imports(file: str) -> tuple[Import, ...]:
    """Return all imports of `file`, wherever they stand in it."""
    return tuple(_imports(parse(file), _package_of(file), None))


def _package_of(file: str) -> list[str]:
    """Return the parts of the package that relative imports in `file` start from."""
    return ["archsearch", *Path(file).parent.parts]


def _imports(node: ast.AST, package: list[str], function: str | None) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, child.lineno, function)
        elif isinstance(child, ast.ImportFrom):
            start = package[: len(package) - child.level + 1] if child.level else []
            module = [*start, *([child.module] if child.module else [])]
            for alias in child.names:
                yield Import(".".join([*module, alias.name]), child.lineno, function)
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from _imports(child, package, child.name)
        elif isinstance(child, ast.Lambda):
            yield from _imports(child, package, "<lambda>")
        else:
            yield from _imports(child, package, function)
