"""Finds out which matrix each `like=NAME` of a text means; the name may stand in any line."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from lark import Token

from archsearch.cell.node import Node
from archsearch.cell.sharing import settled
from archsearch.errors import CellError
from archsearch.words import did_you_mean

OWN_LINE = "give the linear a line of its own: a = linear(h), and name that: like=a"

Fault = Callable[[Token, str], CellError]
"""Makes an error of a place and of what is wrong there."""


@dataclass(frozen=True, slots=True)
class Reference:
    """What stands behind `like=`: the name of a linear, with a prime where its matrix is transposed."""

    token: Token

    @property
    def name(self) -> str:
        """The name, without prime."""
        return self.token.removesuffix("'")

    @property
    def transposed(self) -> bool:
        """Whether the matrix is transposed."""
        return self.token.endswith("'")


def resolved(
    nodes: Sequence[Node], names: Mapping[str, int], references: Mapping[int, Reference], fault: Fault
) -> tuple[Node, ...]:
    """Return nodes, whose handles are their places, with each reference led back to the linear that has the matrix.

    Args:
        nodes: All nodes of the text.
        names: The handles of what has a name, next values by `h'`.
        references: By the handle of the linear that makes it.
        fault: Makes errors.

    Raises:
        CellError: A reference names no linear, or leads back to itself.
    """
    named = {handle: _named(nodes, names, reference, fault) for handle, reference in references.items()}
    shared = list(nodes)
    for handle, reference in references.items():
        owner, transposed, passed = named[handle], reference.transposed, [handle]
        while owner in references:
            if owner in passed:
                raise fault(reference.token, _of_a_cycle(reference, owner == handle and len(passed) == 1))
            passed.append(owner)
            transposed ^= references[owner].transposed
            owner = named[owner]
        shared[handle] = replace(nodes[handle], like=owner, transposed=transposed)
        shared[owner] = replace(nodes[owner], like=owner)
    return settled(shared)


def _named(nodes: Sequence[Node], names: Mapping[str, int], reference: Reference, fault: Fault) -> int:
    """Return the handle of the linear that a reference names."""
    name = reference.name
    linears = [each for each, handle in names.items() if nodes[handle].op == "linear" and "'" not in each]
    known = f"linears with a name here: {', '.join(linears) or 'none'}"
    if name not in names:
        raise fault(
            reference.token,
            f"like={reference.token}: there is no {name!r} ({known}{did_you_mean(name, linears)})",
        )
    if name not in linears:
        raise fault(reference.token, f"like={reference.token}: {name!r} is no linear ({known}); {OWN_LINE}")
    return names[name]


def _of_a_cycle(reference: Reference, itself: bool) -> str:
    if itself:
        return f"like={reference.token}: {reference.name!r} would be like itself; without like it has a matrix of its own"
    return f"like={reference.token} leads back to itself; one of these linears has a matrix of its own, without like"
