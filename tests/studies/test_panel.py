"""The cells of 2015 on music: what the paper has, and what the trials here came to."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.studies.panel import check_columns, panel_rows, paper_agreement
from archsearch.studies.random_search.ranges import drawn_setting
from archsearch.studies.random_search.training import SearchTrial
from archsearch.studies.table1 import TABLE_1
from archsearch.studies.table2 import COLUMNS_2, TABLE_2

TRIAL = SearchTrial("", 0, 0, drawn_setting(0, 0), 1, 1, 1, 5.0, 6.0, False, 1.0, "checksum", dropout=0.3)


def test_the_paper_has_the_cells_of_its_first_table_under_three_columns() -> None:
    assert list(TABLE_2) == list(TABLE_1) and set(TABLE_2) <= set(library.names())
    assert {len(row) for row in TABLE_2.values()} == {len(COLUMNS_2)}
    best = [min(TABLE_2, key=lambda cell: TABLE_2[cell][column]) for column in range(3)]
    assert best == ["mut1", "lstm_no_input", "mut1"]


def test_a_row_has_the_test_score_of_the_best_validation() -> None:
    trials = [
        TRIAL,
        replace(TRIAL, number=1, valid=4.0, test=7.0, dropout=0.5),
        replace(TRIAL, number=2, valid=None, test=None, diverged=True),
    ]
    (row, own) = panel_rows("nottingham-dropout", {"gru": trials, "mine": [trials[2]]})
    assert (row.test, row.dropout, row.paper, row.diverged) == (7.0, 0.5, 3.427, 1)
    assert (own.test, own.dropout, own.paper) == (None, None, None)


def test_agreement_is_1_where_the_order_is_the_paper_s() -> None:
    ranked = {cell: [replace(TRIAL, test=TABLE_2[cell][2] + 1)] for cell in TABLE_2}
    assert paper_agreement(panel_rows("piano_midi", ranked)) == pytest.approx(1)
    assert paper_agreement(panel_rows("piano_midi", {"gru": [TRIAL]})) is None


def test_an_unknown_column_is_refused_with_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no column 'nottinham' \(did you mean 'nottingham'"):
        check_columns(["nottinham"])
