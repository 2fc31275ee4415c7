"""Evolutionary search for recurrent cells.

The names below are loaded when first used, so `import archsearch` is instant and leaves torch alone until
`Recurrent` is asked for.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from archsearch.cell import Cell, library, regrouped
    from archsearch.compiler import Recurrent
    from archsearch.mutations import mutate

__version__ = "0.1.0"

__all__ = ["Cell", "Recurrent", "__version__", "library", "mutate", "regrouped"]

_HOMES = {
    "Cell": "archsearch.cell",
    "library": "archsearch.cell",
    "mutate": "archsearch.mutations",
    "regrouped": "archsearch.cell",
    "Recurrent": "archsearch.compiler",
}


def __getattr__(name: str) -> Any:
    """Return the public `name`, from the folder that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archsearch' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
