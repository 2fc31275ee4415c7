"""Tables 1 and 3 of 2015: what is trained for them, and which trial's figure stands in them."""

from __future__ import annotations

import math

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.cli.measuring import loaded_preset
from archsearch.errors import InputError
from archsearch.protocol.ladder import rules_of
from archsearch.protocol.records import Outcome, Trial
from archsearch.protocol.settings import Setting
from archsearch.studies.panel import PanelRow, paper_agreement
from archsearch.studies.panel_trials import accuracy_columns, column_row, perplexity_columns, preset_with
from archsearch.studies.table1 import TABLE_1
from archsearch.studies.table3 import COLUMNS_3, TABLE_3
from tests.helpers.plans import preset, run_plan

RUN = run_plan(preset())


def trial(dropout: float) -> Trial:
    return RUN.trial(library.load("gru").id, "xml", Setting("adamw", 0.01, 1.0, 1.0, 1, 10_000, dropout))


def test_the_third_table_has_the_cells_of_the_first_and_the_perplexities_that_are_printed() -> None:
    assert list(TABLE_3) == list(TABLE_1) and {len(row) for row in TABLE_3.values()} == {len(COLUMNS_3)}
    known = (97.71, 81.37, 100.08, 85.11, 82.35, 79.84, 91.74, 94.63, 90.29, 89.48)
    (last,) = (column for column in perplexity_columns(0.1) if column.name == "20M-dropout")
    assert list(last.paper.values()) == pytest.approx(known, abs=0.005)
    (first,) = (column for column in perplexity_columns(0.1) if column.name == "5M")
    assert first.paper["tanh_rnn"] == pytest.approx(122.9, abs=0.05)


def test_the_accuracies_are_those_of_the_tasks_that_the_preset_has() -> None:
    _, quick = loaded_preset("quick", ())
    assert [column.name for column in accuracy_columns(quick, has_words=True)] == ["arithmetic", "xml", "ptb"]
    (arithmetic, xml) = accuracy_columns(quick, has_words=False)
    assert (arithmetic.paper["mut1"], xml.paper["mut1"]) == (0.92135, 0.47483)


def test_sizes_are_a_share_of_the_papers_with_the_steps_of_their_base_and_dropout_at_the_larger_two() -> None:
    name, quick = loaded_preset("quick", ())
    columns = perplexity_columns(0.1)
    found = preset_with(name, quick, columns)
    rules = [rules_of(found, column.task) for column in columns]
    assert [own and own.budgets for own in rules] == [(500_000,), (1_000_000,), (2_000_000,), (2_000_000,)]
    assert {own and own.steps for own in rules} == {quick.tasks["ptb"].steps}
    dropouts = [own and own.grid_over(found.grid).dropout for own in rules]
    assert dropouts == [(0.0,), *[(0.0, 0.1, 0.3, 0.5, 0.7)] * 3]


def test_a_preset_without_words_is_refused() -> None:
    _, quick = loaded_preset("quick", ())
    without = replace(quick, tasks={"xml": quick.tasks["xml"]})
    with pytest.raises(InputError, match=r"preset mine has no table \[tasks.ptb\]"):
        preset_with("mine", without, perplexity_columns(0.1))


def test_an_accuracy_is_of_the_test_part_and_chosen_by_the_validation_part() -> None:
    _, quick = loaded_preset("quick", ())
    (column, *_) = accuracy_columns(quick, has_words=False)
    ended = [
        (trial(0.0), Outcome("done", 0.6, accuracy=0.6, test_accuracy=0.9)),
        (trial(0.0), Outcome("done", 0.7, accuracy=0.7, test_accuracy=0.5)),
        (trial(0.0), Outcome("diverged", reason="loss nan at step 3")),
    ]
    row = column_row(column, "gru", ended)
    assert (row.test, row.paper, row.trials, row.diverged) == (0.5, 0.89565, 3, 1)
    assert column_row(column, "mine", ended[2:]).test is None


def test_a_perplexity_is_of_the_part_that_the_column_says_with_the_rate_of_dropout() -> None:
    rows: dict[str, PanelRow] = {}
    for column in perplexity_columns(0.1):
        ended = [
            (trial(0.3), Outcome("done", 4.0, nll=4.0, test_nll=5.0)),
            (trial(0.5), Outcome("done", 4.5, nll=4.5, test_nll=3.0)),
        ]
        rows[column.name] = column_row(column, "gru", ended)
    assert rows["20M-dropout"].test == pytest.approx(math.exp(5)) and rows["20M-dropout"].dropout == 0.3
    assert rows["20M-dropout-valid"].test == pytest.approx(math.exp(4))


def test_agreement_with_the_third_table_is_1_where_the_order_is_the_papers() -> None:
    (column, *_) = perplexity_columns(0.1)
    rows = [
        column_row(column, cell, [(trial(0.0), Outcome("done", 5.0, nll=5.0, test_nll=nll[0] + 1))])
        for cell, nll in TABLE_3.items()
    ]
    assert paper_agreement(rows) == pytest.approx(1)
