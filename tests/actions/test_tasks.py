"""What people name as tasks: the same data twice are one task."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.actions.tasks import ResolvedTask, check_different
from archsearch.errors import InputError
from tests.helpers.plans import FACTS, TASK


def check(*names: str, checksums: dict[str, str] | None = None) -> None:
    facts = {
        name: replace(FACTS["english"], name=name, checksum=(checksums or {}).get(name, "same"))
        for name in names
    }
    check_different([ResolvedTask(name, name, TASK) for name in names], facts)


@pytest.mark.parametrize("names", [("text:a", "text:./a"), ("text:a", "text:copy"), ("b.py:T", "./b.py:T")])
def test_the_same_data_under_two_names_are_refused(names: tuple[str, str]) -> None:
    with pytest.raises(
        InputError, match=f"tasks '{names[0]}' and '{names[1]}' have the same data; leave one"
    ):
        check(*names)


def test_two_texts_and_two_tasks_of_one_file_are_two(tmp_path: object) -> None:
    check("text:a", "text:b", checksums={"text:b": "other"})
    check("b.py:T", "b.py:U")
