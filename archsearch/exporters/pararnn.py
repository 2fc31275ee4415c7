"""A cell for pararnn-torch, which trains recurrent layers in parallel over time by Newton's method (Danieli et al. 2025).

That package takes a module with `hidden_size`, `d_h` and `step(state, x)`, and finds Jacobians by automatic
differentiation; where no unit of the cell reads another one, the module says them itself. The frame is `pararnn.py.txt`.
"""

from __future__ import annotations

from collections.abc import Iterator

from archsearch.cell import Cell, jacobian_class
from archsearch.cell.jacobian import keeps_gradients_back
from archsearch.errors import InputError
from archsearch.exporters.derivative import Derivative
from archsearch.exporters.module_source import PROJECTED, ModuleSource, docstring
from archsearch.exporters.scores import Scores
from archsearch.exporters.tidy import tidy

SLOTS = (1, 2, 4)
"""How many states pararnn-torch 0.17.4 takes (its `check_cell`)."""


def to_pararnn(cell: Cell, scores: Scores | None = None) -> str:
    """Return the source of a module with the cell as a class for pararnn.

    Args:
        cell: The cell.
        scores: What a run found out about it.

    Raises:
        InputError: pararnn cannot take the cell.
    """
    shown = tidy(cell)
    _check(shown.cell)
    source, count = ModuleSource(shown), len(shown.cell.states)
    dense = jacobian_class(shown.cell).structure == "dense"
    use = [
        f"cell = {source.class_name}(input_size=64, hidden_size=128)",
        "output = pararnn.ParaRNN(cell)(torch.randn(20, 35, 64))  # batch first",
    ]
    about = "for pararnn-torch, which trains it in parallel over time."
    fields = {
        "DOC": docstring(source.documentation(about, scores, use, "")),
        "FUNCTIONS": ", ".join(source.functions()),
        "BLOCKS": source.blocks().replace("Optional[Tensor]", "Tensor | None"),
        "COUNT": str(count),
        "STRUCTURE": "dense" if dense else structure(count),
        "SHAPE": "the state, (..., hidden_size)"
        if count == 1
        else f"the states {', '.join(shown.cell.states)}, (..., {count}, hidden_size)",
        "UNPACK": _unpacked(source),
        "FOLLOWING": _joined(source),
        "SECOND": "" if dense else "\n".join(_with_jacobian(Derivative(shown))),
    }
    return source.filled("pararnn.py.txt", fields)


def _check(cell: Cell) -> None:
    """Raise InputError where pararnn cannot take a cell."""
    if len(cell.states) not in SLOTS:
        raise InputError(
            f"pararnn takes cells of 1, 2 or 4 states, and {cell.name} has {len(cell.states)}: it cannot be written for it"
        )
    if keeps_gradients_back(cell):
        raise InputError(
            f"{cell.name} keeps gradients of its state back (stop), and Newton's method, by which pararnn goes forward, "
            "needs them all: leave stop out, or export it as python"
        )


def structure(states: int) -> str:
    """Return what pararnn calls the Jacobian of so many states in which no unit reads another one."""
    return "diag" if states == 1 else f"block{states}"


def _unpacked(source: ModuleSource) -> str:
    if len(source.states) == 1:
        return f"{source.states[0]} = state"
    return f"{', '.join(source.states)} = state.unbind(-2)"


def _joined(source: ModuleSource) -> str:
    if len(source.following) == 1:
        return source.following[0]
    return f"torch.stack([{', '.join(source.following)}], -2)"


def _with_jacobian(derivative: Derivative) -> Iterator[str]:
    """Yield the lines of the method that gives the Jacobian too."""
    source = derivative.source
    shape = "..." if len(source.states) == 1 else "..., next state, state"
    yield ""
    yield "    def step_with_jacobian(self, state: Tensor, x: Tensor) -> tuple[Tensor, Tensor]:"
    yield f'        """Return what `step` does, and its derivative by the state, ({shape}, hidden_size)."""'
    yield f"        {_unpacked(source)}"
    if source.cell.needs_projection:
        yield f"        {PROJECTED}"
    yield f"        {source.block(derivative.statements())}"
    yield f"        return {_joined(source)}, {derivative.jacobian()}"
