"""What the things of a cell are called in exported Python and C: the class, what it learns, variables."""

from __future__ import annotations

import builtins
import keyword
from collections.abc import Iterable
from dataclasses import dataclass

from archsearch.cell import OPS
from archsearch.exporters.tidy import Tidy, named_weights

TAKEN = {
    "self",
    "torch",
    "nn",
    "Tensor",
    "PackedSequence",
    "state",
    "STATES",
    "x_wide",
    "self_check",
    "in_blocks",
    "ctypes",
    "Path",
    "KERNELS",
    "SOURCE",
    "WEIGHTS",
    "ORDER",
    *OPS,
    *dir(builtins),
}
"""Names that mean something in a module."""

WIDE = "x_wide"
"""The variable of x as wide as the state."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """What one op learns, by the names of the exported module.

    Attributes:
        weight: Its matrix or vector.
        bias: Its bias, if it has one.
        owns: Whether the matrix is its own, and not that of another op, which it shares.
    """

    weight: str
    bias: str | None
    owns: bool = True

    @property
    def own(self) -> tuple[str, ...]:
        """What no other op has."""
        return *[self.weight] * self.owns, *([] if self.bias is None else [self.bias])


def exported_names(shown: Tidy) -> dict[int, Parameters]:
    """Return the names of all parameters by the handle of the op that learns them; `P` is the projection of x."""
    found: dict[int, Parameters] = {}
    taken: set[str] = set()
    for handle, weight in named_weights(shown).items():
        node = shown.cell.node(handle)
        rank = str(weight.rank) * (weight.rank > 1)
        words = [weight.line, weight.operand, rank]
        name = "_".join(word for word in ["W" if node.op == "linear" else "p", *words] if word)
        name = free_variable(name, taken) if node.owns else ""
        bias = "_".join(word for word in ["b", weight.line, *words[1:] * (not weight.alone)] if word)
        found[handle] = Parameters(name, free_variable(bias, taken) if node.has_bias else None)
    for handle, names in found.items():
        owner = shown.cell.node(handle).owner
        found[handle] = Parameters(found[owner].weight, names.bias, owns=owner == handle)
    return found


def class_name(shown: Tidy) -> str:
    """Return the cell's name in CamelCase."""
    name = "".join(word[:1].upper() + word[1:] for word in shown.cell.name.split("_") if word)
    safe = name.isidentifier() and name not in TAKEN and not keyword.iskeyword(name)
    return name if safe else f"Cell{name}"


def variables(shown: Tidy, named: Iterable[int]) -> dict[int, str]:
    """Return the variable of every value that gets one: x, the states, the lines; `h_next` for h'; others `t1`, `t2` ..."""
    taken = {"x"}
    cell = shown.cell
    found = {cell.x.handle: WIDE if cell.needs_projection else "x"}
    for node in cell.state_nodes:
        found[node.handle] = _variable(node.name or "", taken)
    for node in shown.lines:
        if node.op != "number":
            found[node.handle] = _variable(shown.targets[node.handle].replace("'", "_next"), taken)
    for place, handle in enumerate(sorted(set(named) - set(found)), 1):
        found[handle] = free_variable(f"t{place}", taken)
    return found


def _variable(name: str, taken: set[str]) -> str:
    """Return the cell's own name where Python and the module leave it free, else one like it."""
    plain = name.isascii() and name.isidentifier() and not name.startswith("_")
    usable = plain and not keyword.iskeyword(name) and name not in TAKEN
    return free_variable(name if usable else f"v_{name.strip('_')}" if plain else "v", taken)


def free_variable(name: str, taken: set[str]) -> str:
    """Return `name`, or it with the smallest number that makes it new, and take it."""
    choice, count = name, 1
    while choice in taken:
        count += 1
        choice = f"{name}_{count}"
    taken.add(choice)
    return choice
