"""What a resumed run takes up again, and what it says where it cannot go on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.actions.resume import check_same_measurement, reopen_unused
from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan
from archsearch.protocol.records import Outcome, Stage, Step, Trial, Verdict
from archsearch.store import RunStore
from archsearch.workers.messages import Hello
from tests.helpers.plans import FACTS, GRU, MEMORY, run_plan

PLAN = run_plan()
CELL = library.load("mgu")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[RunStore]:
    with RunStore.create(tmp_path, PLAN) as made:
        yield made


def step(number: int, setting: int) -> Step:
    return Step(
        number, "reexamine", CELL.id, stages=(Stage("xml", PLAN.settings["xml"][setting : setting + 1]),)
    )


def trial(cell: str, setting: int) -> Trial:
    return PLAN.trial(cell, "xml", PLAN.settings["xml"][setting])


@pytest.mark.parametrize("status", ["crashed", "oom", "timeout", "error"])
def test_what_the_host_ended_waits_again_unless_a_told_step_has_used_it(store: RunStore, status: str) -> None:
    used, unused, reference = trial(CELL.id, 0), trial(CELL.id, 1), trial(GRU, 0)
    for each in (used, unused, reference):
        store.trials.take_over(each, Outcome(status, reason="the host"))  # type: ignore[arg-type]
    store.steps.add(step(0, 0), CELL)
    store.steps.add(step(1, 1), None)
    store.steps.tell(0, Verdict("evaluated", 1), 1.0)
    reopen_unused(store)
    assert store.trials.outcome(used.key) is not None and store.trials.outcome(reference.key) is not None
    assert store.trials.outcome(unused.key) is None and store.trials.interrupt() == 1


def test_before_a_step_is_told_the_references_wait_again_too(store: RunStore) -> None:
    for each in (trial(GRU, 0), trial(CELL.id, 0)):
        store.trials.take_over(each, Outcome("crashed", reason="SIGKILL"))
    store.trials.take_over(trial(GRU, 1), Outcome("diverged", reason="loss nan"))
    reopen_unused(store)
    assert store.trials.host_ended() == [] and store.trials.interrupt() == 2
    assert store.trials.outcome(trial(GRU, 1).key) is not None


def refusal(plan: RunPlan, hello: Hello) -> str:
    facts = {facts.name: facts for facts in (*FACTS.values(), MEMORY)}
    with pytest.raises(InputError) as caught:
        check_same_measurement(plan, facts, hello)
    return str(caught.value)


def test_a_run_bound_to_the_interpreter_says_how_to_go_on() -> None:
    plan = replace(PLAN, engine="reference 1")
    words = refusal(plan, Hello(plan.machine, "native 1 (g++ 12.2.0, AVX2)"))
    assert "Go on with ARCHSEARCH_ENGINE=interpreter before the command" in words


def test_a_run_whose_engine_does_not_work_now_says_why() -> None:
    plan = replace(PLAN, engine="native 1 (g++ 12.2.0, AVX2)")
    words = refusal(plan, Hello(plan.machine, "reference 1", trouble="no C++ compiler 'c++' found"))
    assert "Mend what keeps it from its engine (no C++ compiler 'c++' found)" in words
