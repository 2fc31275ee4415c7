"""Naming a task."""

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (
            "xlm:small",
            r"no task 'xlm' \(did you mean 'xml'\?\); there are memorization, .*series:FILE, labels:FILE, FILE.py:NAME",
        ),
        ("zzz", "no task 'zzz'; there are"),
        ("", "no task ''"),
        ("text:", "no task 'text'"),
        ("xml", "task 'xml' needs a difficulty: xml:paper, xml:small"),
        (
            "arithmetic:smal",
            r"no difficulty 'smal' \(did you mean 'small'\?\); there are paper, medium, small",
        ),
        ("xml:small:x", "no difficulty 'small:x'"),
        ("mine.py", "which task of the file"),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(spec: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        tasks.load(spec)


def test_symbols_are_decoded_as_people_read_them() -> None:
    assert tasks.decode(tasks.load("xml:small"), np.array([6, 0, 1, 7])) == "<ab>"
    english = tasks.load("english:small")
    assert english.alphabet is not None
    the, ship = english.alphabet.index("the"), english.alphabet.index("ship")
    assert tasks.decode(english, np.array([the, ship])) == "the ship"
