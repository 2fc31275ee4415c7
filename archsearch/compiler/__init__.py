"""Cells as torch modules: the one place that knows how a cell is executed.

`Recurrent` is the layer that people use, `ENGINES` the ways in which it can run: the first of them, `interpreter`,
is what all others must equal, and `default_engine` says which one runs where nothing else is asked for. The names are
loaded when first used, so importing this folder leaves torch alone; `program` and `engine_names` never need it.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsearch.compiler.engines import ENGINES, default_engine
    from archsearch.compiler.recurrent import Recurrent

__all__ = ["ENGINES", "Recurrent", "default_engine"]

_HOMES = {
    "ENGINES": "archsearch.compiler.engines",
    "Recurrent": "archsearch.compiler.recurrent",
    "default_engine": "archsearch.compiler.engines",
}


def __getattr__(name: str) -> Any:
    """Return the public `name`, from the file that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archsearch.compiler' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
