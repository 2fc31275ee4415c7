"""What people name as tasks: the same data twice are one task."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.actions.tasks import ResolvedTask, check_different, resolve_task, resolve_tasks, usual_tasks
from archsearch.errors import InputError
from archsearch.protocol.loading import load_preset
from tests.helpers.plans import FACTS, TASK

QUICK = load_preset("quick")


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


def test_a_task_that_names_its_budget_is_the_base_task_at_that_size() -> None:
    task = resolve_task(*QUICK, "arithmetic@30k")
    assert (task.name, task.full_name) == ("arithmetic@30k", "arithmetic:small")
    assert (task.rules.budget, task.rules.steps, task.rules.rungs) == (30_000, 6_000, (2_250,))
    assert resolve_task(*QUICK, "arithmetic@30k", "medium").full_name == "arithmetic:medium"


@pytest.mark.parametrize(
    ("task", "said"),
    [
        ("arithmetic@", "'' is no number of parameters; write it as in arithmetic@30k"),
        ("arithmetic@0", "'0' is no number of parameters"),
        ("arithmetic@3x", "'3x' is no number of parameters"),
        ("arithmetik@30k", r"no task 'arithmetik@30k' \(did you mean 'arithmetic'\?\) in preset quick"),
        ("xml@9999m", "preset quick: xml@9999m.steps is 2,999,700,000; it must be at most 1,000,000,000"),
    ],
)
def test_a_budget_that_is_none_is_refused_with_the_way_out(task: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        resolve_tasks(*QUICK, [task])


def test_one_task_at_two_sizes_is_two_and_at_one_size_under_two_names_is_one() -> None:
    facts = {"arithmetic:small": replace(FACTS["arithmetic"])}
    check_different(resolve_tasks(*QUICK, ["arithmetic", "arithmetic@30k", "arithmetic@100k"]), facts)
    for names in (["arithmetic", "arithmetic@10k"], ["arithmetic@30k", "arithmetic@30000"]):
        with pytest.raises(
            InputError, match=f"tasks '{names[0]}' and '{names[1]}' have the same data and a budget of"
        ):
            check_different(resolve_tasks(*QUICK, names), facts)
    with pytest.raises(InputError, match="given twice"):
        resolve_tasks(*QUICK, ["xml@30k", "xml@30k"])


def test_a_task_without_data_has_one_stand_in_for_all_its_budgets() -> None:
    name, rules = QUICK
    searching = replace(rules, search=replace(rules.search, tasks=("xml", "ptb", "ptb@1m")))
    tasks, note = usual_tasks(searching, None)
    assert tasks == ("xml", "english")
    assert note == "no ptb data found: english stands in (--data DIR)"
