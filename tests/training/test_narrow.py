"""A narrow x has a small width of its own, and every cell pays for bringing it to the width of the layer."""

from __future__ import annotations

import pytest
import torch
from msgspec import UNSET
from msgspec.structs import replace

from archsearch.cell import Cell, library
from archsearch.compiler.engines import ENGINES
from archsearch.protocol.checks import faults
from archsearch.protocol.preset import NARROW, TrainingRules
from archsearch.protocol.records import Trial
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import model_parameters, units
from archsearch.tasks import load
from archsearch.training import Streams, run_trial
from archsearch.training.model import Model
from tests.helpers.plans import preset, run_plan

SYMBOLS = 40
STREAMS = Streams(load("arithmetic:small"), "cpu")


def setting(layers: int = 1) -> Setting:
    return Setting("adamw", 0.01, 5.0, 1.0, layers, 3_000)


def model(cell: Cell, n: int, x_width: int, layers: int = 1) -> Model:
    return Model(cell, SYMBOLS, n, setting(layers), torch.Generator().manual_seed(0), x_width=x_width)


@pytest.mark.parametrize("name", library.names())
def test_a_model_has_the_parameters_that_are_counted(name: str) -> None:
    cell = library.load(name)
    for n, x_width, layers in [(9, 16, 1), (20, 16, 1), (20, 3, 2), (17, 1, 3), (9, 0, 2)]:
        found = sum(weight.numel() for weight in model(cell, n, x_width, layers).parameters())
        assert found == model_parameters(cell, n, SYMBOLS, layers, x_width)


@pytest.mark.parametrize("name", ["gru", "gru_x", "mut1", "lstm"])
@pytest.mark.parametrize("x_width", [1, 7, 16, 30])
def test_the_width_is_the_largest_within_the_budget(name: str, x_width: int) -> None:
    cell = library.load(name)
    for budget in range(2_000, 12_000, 37):
        n = units(cell, SYMBOLS, 1, budget, x_width)
        assert model_parameters(cell, n, SYMBOLS, 1, x_width) <= budget
        wider = n + 1 if n + 1 != x_width or not cell.needs_projection else n + 2
        assert model_parameters(cell, wider, SYMBOLS, 1, x_width) > budget
        assert not (n == x_width and cell.needs_projection), "it would have x for nothing"


@pytest.mark.parametrize("twin", ["gru", "lstm", "mgu"])
def test_what_a_cell_gains_in_width_by_reading_x_itself_is_less_than_half_where_x_is_narrow(
    twin: str,
) -> None:
    cell, reads_x = library.load(twin), library.load(f"{twin}_x")
    wide, narrow = (
        units(reads_x, SYMBOLS, 1, 10_000, x_width) / units(cell, SYMBOLS, 1, 10_000, x_width) - 1
        for x_width in (0, NARROW)
    )
    assert wide > 0.15 and 0 <= narrow < wide / 2


def trial(name: str, engine: str, x_width: int) -> Trial:
    plan = run_plan(preset())
    plan = replace(plan, preset=replace(plan.preset, training=TrainingRules(x="narrow", x_width=x_width)))
    task = replace(plan.tasks[0], rules=replace(plan.tasks[0].rules, steps=6, epoch_steps=3))
    plan = replace(plan, tasks=(task,), engine=engine)
    return plan.trial(library.load(name).id, "arithmetic", setting())


@pytest.mark.parametrize("name", ["gru", "mut1", "mingru"])
def test_trials_with_a_narrow_x_train_on_every_engine_from_the_same_weights(name: str) -> None:
    outcomes = {
        engine: run_trial(trial(name, ENGINES[engine].title.name, 12), library.load(name), STREAMS)
        for engine in ENGINES
        if ENGINES[engine].works()
    }
    first = outcomes.pop("interpreter")
    assert first.status == "done" and first.parameters <= 3_000
    for other in outcomes.values():
        assert other.units == first.units and other.parameters == first.parameters
        assert other.score == pytest.approx(first.score, abs=0.02)
        assert other.nll == pytest.approx(first.nll, rel=1e-4)


def test_the_width_of_x_is_part_of_a_record_only_where_x_has_one_of_its_own() -> None:
    plan = run_plan()
    ordinary = plan.trial("c", "xml", setting())
    for rules in (TrainingRules(), TrainingRules(x="embedding")):
        same = replace(plan, preset=replace(plan.preset, training=rules)).trial("c", "xml", setting())
        assert same.x_width is UNSET and same.key == ordinary.key
    widths = [TrainingRules(x="narrow"), TrainingRules(x="narrow", x_width=8)]
    narrow = [
        replace(plan, preset=replace(plan.preset, training=rules)).trial("c", "xml", setting())
        for rules in widths
    ]
    assert [each.own_width for each in narrow] == [NARROW, 8]
    assert len({ordinary.key, *(each.key for each in narrow)}) == 3
    assert (
        replace(plan, preset=replace(plan.preset, training=widths[0])).filter_trial("c", setting()).own_width
    )


@pytest.mark.parametrize(
    ("rules", "fault"),
    [
        (TrainingRules(x_width=8), 'training.x_width goes with x = "narrow"'),
        (TrainingRules(x="embedding", x_width=8), 'training.x_width goes with x = "narrow"'),
        (TrainingRules(x="narrow", x_width=0), "training.x_width is 0; it lies between 1 and 10,000"),
    ],
)
def test_a_width_of_x_that_is_none_is_refused(rules: TrainingRules, fault: str) -> None:
    assert list(faults(replace(preset(), training=rules))) == [fault]
    assert list(faults(replace(preset(), training=TrainingRules(x="narrow")))) == []
