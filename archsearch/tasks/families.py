"""The table of tasks that come with archsearch; to add one, write one file and one line here."""

from archsearch.tasks.adding import ADDING
from archsearch.tasks.arithmetic import ARITHMETIC
from archsearch.tasks.bucket_sort import BUCKET_SORT
from archsearch.tasks.cycle import CYCLE
from archsearch.tasks.dyck import dyck
from archsearch.tasks.english import ENGLISH
from archsearch.tasks.even_pairs import EVEN_PAIRS
from archsearch.tasks.memorization import MEMORIZATION
from archsearch.tasks.modular import MODULAR
from archsearch.tasks.mqar import MQAR
from archsearch.tasks.ptb import PTB
from archsearch.tasks.selective_copy import SELECTIVE_COPY
from archsearch.tasks.stack import STACK
from archsearch.tasks.task import Family
from archsearch.tasks.temporal_order import ORDER
from archsearch.tasks.word_problem import word_problem
from archsearch.tasks.xml import XML

TASKS: dict[str, Family] = {
    "memorization": MEMORIZATION,
    "arithmetic": ARITHMETIC,
    "xml": XML,
    "english": ENGLISH,
    "ptb": PTB,
    "adding": ADDING,
    "order": ORDER,
    "parity": word_problem("parity"),
    "z5": word_problem("z5"),
    "s3": word_problem("s3"),
    "a5": word_problem("a5"),
    "s5": word_problem("s5"),
    "modular": MODULAR,
    "cycle": CYCLE,
    "even_pairs": EVEN_PAIRS,
    "dyck2": dyck(2),
    "dyck5": dyck(5),
    "stack": STACK,
    "bucket_sort": BUCKET_SORT,
    "mqar": MQAR,
    "selective_copy": SELECTIVE_COPY,
}
