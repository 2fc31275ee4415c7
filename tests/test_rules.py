"""The rules of the house that a reader of the code relies on, each held by reading the code."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator

import networkx
import pytest

from tests.helpers.sources import FILES, imports, parse

DIALECTS = "one function a dialect: the text of a kernel calls it by this name in each"
TWINS = {
    "load": "one reader a kind of thing, called through its own folder: library.load, tasks.load",
    "compile_kernel": "the door of a dialect",
    "printed": "a kernel's text in a dialect",
    **dict.fromkeys(("write", "runner"), "one a format of graphs, called through the module of the format"),
    **dict.fromkeys(("choose", "mean", "root"), DIALECTS),
    **dict.fromkeys(("relu_back", "leaky_back", "max_back", "softplus_back", "silu_back"), DIALECTS),
}
"""Names that may be defined in several modules, each with its reason."""

MOST_POSITIONAL = 5
MANY_PARAMETERS = 3
ARRAYS = re.compile(r"\b(Tensor|ndarray|NDArray)\b")
SHAPE = re.compile(r"[Ss]hape|\((?:[\w·*+ ]+,\s*)+[\w·*+ ]*\)|\[(?:[\w·*+ ]+,\s*)*[\w·*+ ]+\]|scalar")


def module_of(file: str) -> str:
    """Return the dotted name of a file of the package."""
    return ".".join(["archsearch", *file.removesuffix(".py").split("/")]).removesuffix(".__init__")


MODULES = {module_of(file): file for file in FILES}


def imported_modules(file: str) -> Iterator[str]:
    """Yield the modules of the package that a file imports, wherever and however it does."""
    lazy = "__getattr__" if file.endswith("__init__.py") else None
    for found in imports(file):
        if found.function is not None and found.function == lazy:
            continue
        target = found.target
        while target.startswith("archsearch") and target not in MODULES:
            target = target.rpartition(".")[0]
        if target in MODULES:
            yield target
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value in MODULES:
            yield node.value


def functions(file: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
    """Yield every function of a file with its qualified name, and whether it is a method."""

    def inside(
        node: ast.AST, name: str, method: bool
    ) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.ClassDef):
                yield from inside(child, f"{name}{child.name}.", True)
            elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{name}{child.name}", child, method
            elif isinstance(child, ast.If | ast.Try):
                yield from inside(child, name, method)

    yield from inside(parse(file), "", False)


def is_public(name: str) -> bool:
    """Whether no part of a qualified name is private."""
    return not any(part.startswith("_") for part in name.split("."))


def parameters(function: ast.FunctionDef | ast.AsyncFunctionDef, method: bool) -> list[ast.arg]:
    """Return a function's parameters without `self` and `cls`."""
    spec = function.args
    every = [*spec.posonlyargs, *spec.args, *spec.kwonlyargs]
    return [argument for argument in every if not (method and argument.arg in {"self", "cls"})]


def is_overload(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function only declares types."""
    return any(
        isinstance(decorator, ast.Name) and decorator.id == "overload"
        for decorator in function.decorator_list
    )


def is_command(function: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Whether a function is a command of the command line, whose options say what its parameters are."""
    return any("command" in ast.unparse(decorator) for decorator in function.decorator_list)


def names(text: str, parameter: str) -> bool:
    """Whether a docstring names a parameter or attribute, as `name:`, `*name:` or in backticks."""
    return (
        re.search(rf"(^|[\s,(]){re.escape(parameter)}(, [\w, ]+)?:|`{re.escape(parameter)}`", text)
        is not None
    )


def test_no_imports_go_in_a_circle() -> None:
    graph = networkx.DiGraph()
    for file in FILES:
        here = module_of(file)
        graph.add_edges_from(
            (here, there) for there in imported_modules(file) if there not in (here, "archsearch")
        )
    assert not [circle for circle in networkx.strongly_connected_components(graph) if len(circle) > 1]


def public_definitions(file: str) -> Iterator[str]:
    """Yield the public classes and functions of a file that are no commands."""
    for node in parse(file).body:
        if isinstance(node, ast.FunctionDef) and (is_overload(node) or is_command(node)):
            continue
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and is_public(node.name):
            yield node.name


def test_no_name_is_defined_in_two_modules() -> None:
    homes = defaultdict(list)
    for file in FILES:
        for name in public_definitions(file):
            homes[name].append(file)
    assert not {name: files for name, files in homes.items() if len(files) > 1 and name not in TWINS}


def test_every_twin_is_still_needed() -> None:
    defined = [name for file in FILES for name in public_definitions(file)]
    assert all(defined.count(name) > 1 for name in TWINS)


@pytest.mark.parametrize("file", FILES)
def test_no_call_has_six_positional_arguments(file: str) -> None:
    calls = [
        node
        for node in ast.walk(parse(file))
        if isinstance(node, ast.Call) and len(node.args) > MOST_POSITIONAL
    ]
    long = [node for node in calls if not any(isinstance(argument, ast.Starred) for argument in node.args)]
    assert not [f"archsearch/{file}:{node.lineno}: {ast.unparse(node.func)}" for node in long]


@pytest.mark.parametrize("file", FILES)
def test_every_attribute_is_documented(file: str) -> None:
    missing = []
    for node in ast.walk(parse(file)):
        if isinstance(node, ast.ClassDef):
            text = ast.get_docstring(node) or ""
            unnamed = [name for name in attributes(node) if not names(text, name)]
            missing += [f"archsearch/{file}:{node.lineno}: {node.name}.{name}" for name in unnamed]
    assert not missing


def attributes(owner: ast.ClassDef) -> list[str]:
    """Return the attributes that a class makes on `self` in its `__init__`, in order."""
    stores = [
        node.attr
        for function in owner.body
        if isinstance(function, ast.FunctionDef) and function.name == "__init__"
        for node in ast.walk(function)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
        if isinstance(node.value, ast.Name) and node.value.id == "self"
    ]
    return list(dict.fromkeys(stores))


@pytest.mark.parametrize("file", FILES)
def test_public_functions_of_three_parameters_document_them(file: str) -> None:
    missing = []
    for name, function, method in functions(file):
        given = parameters(function, method)
        if (
            not is_public(name)
            or len(given) < MANY_PARAMETERS
            or is_overload(function)
            or is_command(function)
        ):
            continue
        text = ast.get_docstring(function) or ""
        unnamed = [argument.arg for argument in given if not names(text, argument.arg)]
        missing += [f"archsearch/{file}:{function.lineno}: {name}: {', '.join(unnamed)}"] if unnamed else []
    assert not missing


@pytest.mark.parametrize("file", FILES)
def test_public_signatures_with_arrays_state_shapes(file: str) -> None:
    missing = []
    for name, function, method in functions(file):
        annotations = [argument.annotation for argument in parameters(function, method)] + [function.returns]
        arrays = any(ARRAYS.search(ast.unparse(one)) for one in annotations if one is not None)
        if (
            is_public(name)
            and arrays
            and not is_overload(function)
            and not SHAPE.search(ast.get_docstring(function) or "")
        ):
            missing.append(f"archsearch/{file}:{function.lineno}: {name}")
    assert not missing
