"""The table of tasks that come with archsearch; to add one, write one file and one line here."""

from archsearch.tasks.adding import ADDING
from archsearch.tasks.arithmetic import ARITHMETIC
from archsearch.tasks.english import ENGLISH
from archsearch.tasks.memorization import MEMORIZATION
from archsearch.tasks.ptb import PTB
from archsearch.tasks.task import Family
from archsearch.tasks.temporal_order import ORDER
from archsearch.tasks.xml import XML

TASKS: dict[str, Family] = {
    "memorization": MEMORIZATION,
    "arithmetic": ARITHMETIC,
    "xml": XML,
    "english": ENGLISH,
    "ptb": PTB,
    "adding": ADDING,
    "order": ORDER,
}
