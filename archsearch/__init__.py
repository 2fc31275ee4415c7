"""Evolutionary search for recurrent cells.

What people need is here: `evolve` searches, `open_run` reads what was found, `train`, `judge`, `replay` and `export` do
what the commands of these names do, and `Recurrent` makes a torch layer of a cell. The names below are loaded when first
used, so `import archsearch` is instant and leaves torch alone until `Recurrent` is asked for.

```python
import archsearch

run = archsearch.evolve("quick", seed=1, max_candidates=60)
run.leaderboard()
layer = archsearch.Recurrent(run.cell(1), input_size=64, hidden_size=128)
```
"""

from __future__ import annotations

import importlib

from archsearch.connections import CONNECTED

TYPE_CHECKING = False
"""As in `typing`, which takes long to load: a program that is interrupted meanwhile cannot end as it should yet."""

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from archsearch.actions.cells import load_cell
    from archsearch.actions.evolve import evolve
    from archsearch.actions.export import export_cell as export
    from archsearch.actions.fit import fit
    from archsearch.actions.judge import hear as judge
    from archsearch.actions.listener import Listener
    from archsearch.actions.replay import replay
    from archsearch.actions.run import Run, open_run
    from archsearch.actions.train import train
    from archsearch.cell import Cell, library, regrouped
    from archsearch.compiler import Recurrent
    from archsearch.genotypes import import_cell
    from archsearch.models import TrainedModel
    from archsearch.mutations import MUTATIONS, mutate
    from archsearch.search import STRATEGIES
    from archsearch.tasks import TASKS

__version__ = "0.1.0"

__all__ = [
    "MUTATIONS",
    "STRATEGIES",
    "TASKS",
    "Cell",
    "Listener",
    "Recurrent",
    "Run",
    "TrainedModel",
    "__version__",
    "evolve",
    "export",
    "fit",
    "import_cell",
    "judge",
    "library",
    "load_cell",
    "mutate",
    "open_run",
    "regrouped",
    "replay",
    "train",
]

_HOMES = {
    "Cell": ("archsearch.cell", "Cell"),
    "library": ("archsearch.cell", "library"),
    "regrouped": ("archsearch.cell", "regrouped"),
    "load_cell": ("archsearch.actions.cells", "load_cell"),
    "import_cell": ("archsearch.genotypes", "import_cell"),
    "mutate": ("archsearch.mutations", "mutate"),
    "Recurrent": ("archsearch.compiler", "Recurrent"),
    "evolve": ("archsearch.actions.evolve", "evolve"),
    "Listener": ("archsearch.actions.listener", "Listener"),
    "Run": ("archsearch.actions.run", "Run"),
    "open_run": ("archsearch.actions.run", "open_run"),
    "replay": ("archsearch.actions.replay", "replay"),
    "train": ("archsearch.actions.train", "train"),
    "fit": ("archsearch.actions.fit", "fit"),
    "TrainedModel": ("archsearch.models", "TrainedModel"),
    "judge": ("archsearch.actions.judge", "hear"),
    "export": ("archsearch.actions.export", "export_cell"),
    "MUTATIONS": ("archsearch.mutations", "MUTATIONS"),
    "STRATEGIES": ("archsearch.search", "STRATEGIES"),
    "TASKS": ("archsearch.tasks", "TASKS"),
}
"""Public name -> the module that defines it, and its name there."""


def __getattr__(name: str) -> Any:
    """Return the public `name`, from the module that defines it (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'archsearch' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    value = getattr(importlib.import_module(module), attribute)
    globals()[name] = value
    return value


def _connect(module: str, name: str) -> Callable[..., Any]:
    """Return a function that calls another one, which is imported at the first call."""
    return lambda *given: getattr(importlib.import_module(module), name)(*given)


CONNECTED["draw cell"] = _connect("archsearch.exporters.drawing.svg", "to_svg")
CONNECTED["convert weights"] = _connect("archsearch.exporters.weights", "exported_weights")
CONNECTED["read weights"] = _connect("archsearch.exporters.weights", "model_of_file")
CONNECTED["read model"] = _connect("archsearch.models", "model_for_export")
CONNECTED["export layer"] = _connect("archsearch.exporters.weights", "to_module")
CONNECTED["import layer"] = _connect("archsearch.exporters.weights", "from_module")
CONNECTED["find cell"] = _connect("archsearch.actions.cells", "load_cell")


def __dir__() -> list[str]:
    """Return the public names, loaded or not."""
    return sorted({*globals(), *__all__})
