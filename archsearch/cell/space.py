"""The search space: which ops, operators and start cells a search uses, and how large a cell may grow."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import msgspec
from msgspec import UNSET, UnsetType

from archsearch.cell import library
from archsearch.cell.cell import Cell
from archsearch.cell.language import MAX_STATES
from archsearch.cell.node import Node
from archsearch.cell.ops import OPS, Arguments
from archsearch.errors import CellError, SpaceError
from archsearch.resources import grammars
from archsearch.toml_files import read_toml
from archsearch.words import did_you_mean

KEYS_OF_PRESETS = ("rule", "search", "mutation", "filter", "grid", "training", "tasks", "own")
"""What tells that a preset was given instead."""

MOST_ENTRIES = 1_000
"""Entries of each list of a space."""

LEAST_WEIGHT = 0.001
"""The smallest weight of an operator, and the inverse of the largest; one that is never to be drawn is left out."""

LONGEST_ENTRY = 200
"""Characters of an activation."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How large a child may grow.

    Attributes:
        nodes: Nodes that compute.
        linears: Linear nodes among them.
        states: States; absent is no limit but the language's, so that records are what they were before there was one.
    """

    nodes: int = 60
    linears: int = 12
    states: int | UnsetType = UNSET


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A space as its TOML file writes it."""

    start: tuple[str, ...]
    activations: tuple[str, ...]
    elementwise: tuple[str, ...]
    mutations: tuple[str, ...]
    limits: Limits = Limits()
    weights: dict[str, float] | UnsetType = UNSET
    by_outputs: bool | UnsetType = UNSET
    note: str = ""


class Activation(msgspec.Struct, frozen=True):
    """A permissible unary op with its arguments."""

    op: str
    args: Arguments = ()


class SearchSpace(msgspec.Struct, frozen=True):
    """A search space.

    Attributes:
        name: The file's name without its ending.
        start: Cells that a search starts from, unless its preset says otherwise.
        activations: Permissible unary ops (Jozefowicz et al. 2015, section 3.2).
        elementwise: Permissible binary ops.
        mutations: Names of the operators, in the order in which they are drawn.
        limits: How large a child may grow.
        weights: How likely an operator is drawn beside others, 1 where it is not named; absent draws all alike, and other
            numbers from the same seed.
        by_outputs: Whether a search tells cells apart by their outputs too (`search.alike`).
    """

    name: str
    start: tuple[str, ...]
    activations: tuple[Activation, ...]
    elementwise: tuple[str, ...]
    mutations: tuple[str, ...]
    limits: Limits
    weights: dict[str, float] | UnsetType = UNSET
    by_outputs: bool | UnsetType = UNSET

    @property
    def tells_by_outputs(self) -> bool:
        """Whether cells with equal outputs are one."""
        return self.by_outputs is True

    @property
    def operator_weights(self) -> dict[str, float]:
        """How likely each operator is drawn beside the others, in the order of `mutations`."""
        named = {} if self.weights is UNSET else self.weights
        return {name: named.get(name, 1.0) for name in self.mutations}

    def is_activation(self, node: Node) -> bool:
        """Whether a node is of a kind that this space's activations are of."""
        return any(node.op == activation.op for activation in self.activations)


@cache
def space_names() -> tuple[str, ...]:
    """Return the names of the spaces that come with archsearch."""
    return tuple(sorted(path.stem for path in (grammars() / "spaces").glob("*.toml")))


def load_space(name: str) -> SearchSpace:
    """Return a space by name or from a TOML file.

    Raises:
        SpaceError: No such space, or the file is not one.
    """
    if name in space_names():
        path = grammars() / "spaces" / f"{name}.toml"
    elif name.endswith(".toml"):
        path = Path(name)
    else:
        hint = did_you_mean(name, space_names())
        raise SpaceError(f"no space {name!r} (spaces: {', '.join(space_names())}, or a .toml file{hint})")
    try:
        return _checked(path, read_toml(path, _File))
    except OSError as error:
        raise SpaceError(f"{path}: {error.strerror}") from None
    except ValueError as error:
        preset = any(f"unknown key `{key}`" in str(error) for key in KEYS_OF_PRESETS)
        hint = "; this is a preset, which goes with --preset" if preset else ""
        raise SpaceError(f"{path}: {error}{hint}") from None


def _checked(path: Path, file: _File) -> SearchSpace:
    for key in ("start", "activations", "elementwise", "mutations"):
        if (count := len(getattr(file, key))) > MOST_ENTRIES:
            raise SpaceError(f"{path}: {key} has {count:,} entries; at most {MOST_ENTRIES:,} are taken")
    for name in file.start:
        if name not in (known := library.names()):
            raise SpaceError(f"{path}: start: no library cell {name[:80]!r}{did_you_mean(name, known)}")
    activations = tuple(_activation(path, text) for text in file.activations)
    for op in file.elementwise:
        if op not in OPS or OPS[op].arity != 2:
            binary = [name for name, known in OPS.items() if known.arity == 2]
            raise SpaceError(f"{path}: elementwise op {op!r} is none of {', '.join(binary)}")
    if not activations or not file.elementwise or not file.mutations or not file.start:
        raise SpaceError(
            f"{path}: start, activations, elementwise and mutations each need at least one entry"
        )
    if not (1 <= file.limits.nodes <= 500 and 1 <= file.limits.linears <= 500):
        raise SpaceError(f"{path}: limits lie between 1 and 500")
    if file.limits.states is not UNSET and not 1 <= file.limits.states <= MAX_STATES:
        raise SpaceError(f"{path}: limits.states lies between 1 and {MAX_STATES}")
    _check_weights(path, file)
    return SearchSpace(
        name=path.stem,
        start=file.start,
        activations=activations,
        elementwise=file.elementwise,
        mutations=file.mutations,
        limits=file.limits,
        weights=file.weights,
        by_outputs=file.by_outputs,
    )


def _check_weights(path: Path, file: _File) -> None:
    for name, weight in {} if file.weights is UNSET else file.weights.items():
        if name not in file.mutations:
            known = did_you_mean(name, file.mutations)
            raise SpaceError(f"{path}: weights: {name[:80]!r} is none of its mutations{known}")
        if not LEAST_WEIGHT <= weight <= 1 / LEAST_WEIGHT:
            limits = f"{LEAST_WEIGHT:g} and {1 / LEAST_WEIGHT:,.0f}"
            raise SpaceError(f"{path}: weights: {name} = {weight:g}; a weight lies between {limits}")


def _activation(path: Path, text: str) -> Activation:
    """Read `tanh` or `linear(diag=1)` as the op with its arguments."""
    if len(text) > LONGEST_ENTRY:
        raise SpaceError(
            f"{path}: an activation has {len(text):,} characters; at most {LONGEST_ENTRY} are read"
        )
    op, _, arguments = text.partition("(")
    operands = f"x, {arguments}" if arguments.rstrip(")") else "x)"
    try:
        ops = Cell.parse(f"cell activation(x, h):\n    h' = {op}({operands}", "activation").ops
    except CellError as error:
        raise SpaceError(f"{path}: activation {text!r}: {str(error).partition(': ')[2]}") from None
    if len(ops) != 1:
        raise SpaceError(f"{path}: activation {text!r} is not one op such as tanh or linear(diag=1)")
    return Activation(ops[0].op, ops[0].args)
