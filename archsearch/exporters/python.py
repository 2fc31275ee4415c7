"""A cell as one readable Python module that imports only torch; its frame is `module.py.txt`."""

from __future__ import annotations

from collections.abc import Mapping

from archsearch.cell import Cell
from archsearch.exporters.module_source import ModuleSource, docstring, in_brackets
from archsearch.exporters.scores import Scores, start_lines
from archsearch.exporters.tidy import tidy


def to_python(cell: Cell, scores: Scores | None = None, kernels: Mapping[str, str] | None = None) -> str:
    """Return the source of a module with the cell as a class like `torch.nn.GRU`, and a self-check.

    Args:
        cell: The cell.
        scores: What a run found out about it.
        kernels: What stands in the places for them, in a module that uses compiled kernels where they are built.
    """
    source = ModuleSource(tidy(cell))
    count = len(source.states)
    alone = count == 1
    state = "h" if alone else f"({', '.join(source.cell.states)})"
    use = [
        f"layer = {source.class_name}(input_size=64, hidden_size=128)",
        *start_lines(scores),
        f"output, {state} = layer(torch.randn(35, 20, 64))",
    ]
    about = "as a PyTorch layer, used like torch.nn.GRU. Needs nothing but torch."
    fields = {
        "DOC": docstring(source.documentation(about, scores, use, " Run this file to check it.")),
        "FUNCTIONS": ", ".join(sorted({"dropout", *source.functions()})),
        "STATES": in_brackets([f'"{name}"' for name in source.cell.states]),
        "UNPACK": in_brackets(source.states),
        "FOLLOWING": ", ".join(source.following),
        "STATE": "Tensor" if alone else f"Tuple[{', '.join(['Tensor'] * count)}]",
        "GIVEN": "[state]" if alone else f"[{_each('state', count)}]",
        **(kernels or dict.fromkeys(("IMPORTS", "KERNELS", "COMPILED"), "")),
        "JOINED": "states[0]" if alone else f"({_each('states', count)})",
    }
    return source.filled("module.py.txt", fields)


def _each(name: str, count: int) -> str:
    return ", ".join(f"{name}[{place}]" for place in range(count))
