"""What cells are trained on.

A task yields windows of symbols and states the floor and the ceiling of its score (`task.py`). `TASKS` lists
what comes with archsearch; `load` also takes a text file (`text:FILE`), a table of numbers
(`series:FILE`) and a user's own task (`FILE.py:NAME`), and `TaskName` says which of them a name means.
To add a task, write one file and one line in `families.py`.
"""

from archsearch.tasks.families import TASKS
from archsearch.tasks.first_windows import check_first_windows
from archsearch.tasks.loading import load
from archsearch.tasks.source import TaskSource
from archsearch.tasks.task import SPLITS, Family, Task, Window, decode
from archsearch.tasks.task_name import TaskName

__all__ = [
    "SPLITS",
    "TASKS",
    "Family",
    "Task",
    "TaskName",
    "TaskSource",
    "Window",
    "check_first_windows",
    "decode",
    "load",
]
