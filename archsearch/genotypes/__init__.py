"""Cells that others published in forms of their own: genotypes, strings, recipes, and classes of packages.

`SOURCES` is the table of these forms, one file each; `import_cell` returns the cell of a published name or of a text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archsearch.cell import Cell
from archsearch.errors import CellError
from archsearch.genotypes import darts, enas, nasbench_nlp, torchrecurrent
from archsearch.words import did_you_mean

__all__ = ["SOURCES", "Source", "import_cell"]

MOST_QUOTED = 40
"""Characters of a text in a message."""


@dataclass(frozen=True)
class Source:
    """A form in which cells were published.

    Attributes:
        about: Whose it is, and how a text looks.
        read: Returns the cell of a text.
        names: Published name -> text.
        form: How such a text begins; None where there are names only.
    """

    about: str
    read: Callable[[str], Cell]
    names: Mapping[str, str]
    form: re.Pattern[str] | None = None


SOURCES = {
    "darts": Source(
        "DARTS: Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))",
        darts.read_darts,
        darts.GENOTYPES,
        darts.FORM,
    ),
    "enas": Source(
        "ENAS: 0 2 1 0, predecessor and activation of each step", enas.read_enas, enas.STRINGS, enas.FORM
    ),
    "nasbench-nlp": Source(
        'NAS-Bench-NLP: {"h_new_0": {"input": ["x", "h_prev_0"], "op": "linear"}}',
        nasbench_nlp.read_recipe,
        {},
        nasbench_nlp.FORM,
    ),
    "torchrecurrent": Source(
        "classes of torchrecurrent 0.2.5 and of torch.nn, by name",
        torchrecurrent.read_class,
        {name: name for name in torchrecurrent.CLASSES},
    ),
}


def import_cell(what: str) -> Cell:
    """Return the cell of a published name, such as `DARTS_V2` or `MUT1Cell`, or of a text in a form of `SOURCES`.

    ```python
    archsearch.import_cell("Genotype(recurrent=[('tanh', 0), ('relu', 1)], concat=range(1, 3))")
    ```

    The text is read as plain values: nothing of it is executed.

    Args:
        what: The name or the text.

    Raises:
        CellError: It is neither, or the language cannot say the cell.
    """
    name = what.strip()
    for source in SOURCES.values():
        if name in source.names:
            return source.read(source.names[name]).renamed(name)
    for source in SOURCES.values():
        if source.form is not None and source.form.match(what):
            return source.read(what)
    raise _unknown(name)


def _unknown(name: str) -> CellError:
    shown = repr(name if len(name) <= MOST_QUOTED else f"{name[:MOST_QUOTED]}…")
    hint = did_you_mean(name[:MOST_QUOTED], [each for source in SOURCES.values() for each in source.names])
    forms = ", ".join(name for name, source in SOURCES.items() if source.form is not None)
    return CellError(
        f"{shown} is no published name ('archsearch import --list' lists them{hint}), and no text in a form of {forms} "
        "('archsearch import --help' shows these)"
    )
