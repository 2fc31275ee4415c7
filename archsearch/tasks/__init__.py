"""What cells are trained on.

A task yields windows of symbols and states the floor and the ceiling of its score (`task.py`). `TASKS` lists
what comes with archsearch; `load` also takes a text file (`text:FILE`) and a user's own task
(`FILE.py:NAME`). To add a task, write one file and one line here.
"""

from pathlib import Path

from archsearch.errors import TaskError
from archsearch.tasks import own, text
from archsearch.tasks.arithmetic import ARITHMETIC
from archsearch.tasks.english import ENGLISH
from archsearch.tasks.memorization import MEMORIZATION
from archsearch.tasks.ptb import PTB
from archsearch.tasks.task import SPLITS, Family, Task, Window, decode
from archsearch.tasks.xml import XML
from archsearch.words import did_you_mean

TASKS: dict[str, Family] = {
    "memorization": MEMORIZATION,
    "arithmetic": ARITHMETIC,
    "xml": XML,
    "english": ENGLISH,
    "ptb": PTB,
}


def load(spec: str, data: Path | None = None) -> Task:
    """Return the task that `spec` names.

    Args:
        spec: `NAME:DIFFICULTY` with a name of TASKS, `text:FILE`, or `FILE.py:NAME`.
        data: The folder with the files of tasks that need some.

    Raises:
        TaskError: There is no such task or difficulty, its files are missing or foreign, or a user's task is
        none.
    """
    name, _, rest = spec.partition(":")
    if name == "text" and rest:
        return text.load(spec, Path(rest))
    file, _, attribute = spec.rpartition(":")
    if file.endswith(".py") and attribute:
        return own.load(spec, Path(file), attribute)
    if spec.endswith(".py"):
        raise TaskError(f"{spec}: which task of the file? Write {spec}:NAME, NAME an object or a class in it")
    if name not in TASKS:
        raise TaskError(
            f"no task {name!r}{did_you_mean(name, TASKS, ' ({})')}; there are {', '.join(TASKS)}, text:FILE, FILE.py:NAME"
        )
    difficulties = TASKS[name].difficulties
    if not rest:
        raise TaskError(f"task {name!r} needs a difficulty: {', '.join(f'{name}:{d}' for d in difficulties)}")
    if rest not in difficulties:
        raise TaskError(
            f"task {name!r} has no difficulty {rest!r}{did_you_mean(rest, difficulties, ' ({})')}; "
            f"there are {', '.join(difficulties)}"
        )
    return TASKS[name].load(rest, data)


__all__ = ["SPLITS", "TASKS", "Family", "Task", "Window", "decode", "load"]
