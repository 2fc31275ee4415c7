"""What a model reads and says, found out from its task."""

from __future__ import annotations

from archsearch.models.config import Ends
from archsearch.tasks import Task
from archsearch.tasks.labels import Labels
from archsearch.tasks.series import Series
from archsearch.tasks.task import fixed_generator


def ends_of(task: Task) -> Ends:
    """Return what a model of a task reads and says; of an own task, by the first window of its validation."""
    if isinstance(task, Series):
        return Ends(task.symbols, task.channels, task.outputs, True, scaling=task.scaling)
    if isinstance(task, Labels):
        return Ends(
            task.symbols,
            len(task.scaling.columns),
            len(task.labels),
            False,
            classes=task.labels,
            scaling=task.scaling,
        )
    window = next(iter(task.windows("valid", fixed_generator("model", "ends"), 2, 16)))
    real_inputs, real_targets = (array.ndim > 2 for array in (window.inputs, window.targets))
    return Ends(
        symbols=task.symbols,
        inputs=window.inputs.shape[-1] if real_inputs else 0,
        outputs=window.targets.shape[-1] if real_targets else task.symbols,
        real_outputs=real_targets,
        alphabet=task.alphabet or (),
    )
