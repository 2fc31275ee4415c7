"""The library of published cells: every file reads, is sourced, and has the paper's parameter count."""

import re

import pytest

from archsearch.cell import Cell, library
from archsearch.protocol.units import model_parameters, units

# The coefficients (a, b) of a n^2 + b n, for x of width n.
JOZEFOWICZ = {
    "tanh_rnn": (2, 1),
    "lstm": (8, 4),
    "lstm_tanh_gate": (8, 4),
    "lstm_b": (8, 4),
    "lstm_no_forget": (6, 3),
    "lstm_no_input": (6, 3),
    "lstm_no_output": (6, 3),
    "gru": (6, 3),
    "gru_reset_after": (6, 4),
    "mut1": (4, 3),
    "mut2": (5, 3),
    "mut3": (6, 3),
}
GREFF = {
    "vanilla": (8, 7),
    "nig": (6, 5),
    "nfg": (6, 5),
    "nog": (6, 5),
    "niaf": (8, 7),
    "noaf": (8, 7),
    "cifg": (6, 5),
    "np": (8, 4),
    "fgr": (17, 7),
}
OTHERS = {
    "lstm_1997": (6, 2),
    "ugrnn": (4, 2),
    "mgu": (4, 2),
    "janet": (4, 2),
    "minimal_rnn": (3, 2),
    "darts_v2": (20, 0),
    "enas": (20, 0),
    "nas_zoph": (16, 8),
    "mingru": (2, 2),
    "indrnn": (1, 2),
}
TWINS = {"gru_x": (3, 3), "mgu_x": (2, 2), "lstm_x": (4, 4)}
COUNTS = JOZEFOWICZ | GREFF | OTHERS | TWINS

# Units n by layers 1 to 4, for an alphabet of V symbols and a budget of parameters.
UNITS = {
    (40, 25_000): {
        "tanh_rnn": (93, 69, 57, 50),
        "lstm": (50, 36, 30, 26),
        "gru": (57, 42, 34, 30),
        "mut1": (69, 50, 42, 36),
        "mut2": (62, 45, 37, 33),
    },
    (40, 250_000): {
        "tanh_rnn": (333, 239, 197, 171),
        "lstm": (171, 122, 100, 86),
        "gru": (197, 140, 115, 100),
        "mut1": (239, 171, 140, 122),
        "mut2": (215, 153, 126, 109),
    },
    (40, 1_000_000): {
        "tanh_rnn": (687, 489, 401, 348),
        "lstm": (348, 247, 202, 175),
        "gru": (401, 285, 233, 202),
        "mut1": (489, 348, 284, 247),
        "mut2": (438, 311, 255, 221),
    },
    (10_000, 5_000_000): {
        "tanh_rnn": (243, 238, 233, 228),
        "lstm": (228, 213, 200, 190),
        "gru": (233, 220, 209, 200),
        "mut1": (238, 228, 220, 213),
        "mut2": (235, 224, 214, 206),
    },
    (10_000, 20_000_000): {
        "tanh_rnn": (915, 853, 804, 765),
        "lstm": (765, 655, 586, 537),
        "gru": (804, 702, 635, 586),
        "mut1": (853, 765, 702, 655),
        "mut2": (827, 731, 666, 617),
    },
}


def test_the_library_has_34_names() -> None:
    assert sorted(library.names()) == sorted(COUNTS)
    assert len(COUNTS) == 34


def test_np_is_lstm_and_no_other_two_cells_are_one() -> None:
    by_id: dict[str, set[str]] = {}
    for name in library.names():
        by_id.setdefault(library.load(name).id, set()).add(name)
    assert len(by_id) == 33
    assert [names for names in by_id.values() if len(names) > 1] == [{"np", "lstm"}]


@pytest.mark.parametrize("name", COUNTS)
def test_a_cell_is_named_after_its_file_and_gives_its_source(name: str) -> None:
    cell = library.load(name)
    assert cell.name == name
    assert cell.states[0] == "h"
    note = " ".join(cell.note)
    assert re.search(r"\b(19|20)\d\d\b|torch", note), "the note names no source"


def test_the_two_names_of_one_cell_point_at_each_other() -> None:
    assert "`np`" in " ".join(library.load("lstm").note)
    assert "`lstm`" in " ".join(library.load("np").note)


@pytest.mark.parametrize("name", COUNTS)
def test_a_cell_reads_back_from_its_own_text(name: str) -> None:
    cell = library.load(name)
    again = Cell.parse(cell.text())
    assert again == cell
    assert (again.id, again.note) == (cell.id, cell.note)
    assert again.text() == cell.text()


@pytest.mark.parametrize("name", COUNTS)
def test_a_cell_has_the_parameters_of_its_paper(name: str) -> None:
    a, b = COUNTS[name]
    cell = library.load(name)
    assert [cell.parameter_count(n) for n in (1, 8, 65)] == [a * n * n + b * n for n in (1, 8, 65)]


@pytest.mark.parametrize("name", GREFF)
def test_greffs_variants_count_as_printed_when_the_input_is_narrower_or_wider(name: str) -> None:
    full = {"nig": 3, "nfg": 3, "nog": 3, "cifg": 3}.get(name, 4)
    peepholes = 0 if name == "np" else full - 1
    for m, n in ((39, 16), (4, 16)):
        expected = full * (n * m + n * n + n) + peepholes * n + (9 * n * n if name == "fgr" else 0)
        assert library.load(name).parameter_count(n, input_size=m) == expected


@pytest.mark.parametrize("name", TWINS)
def test_a_twin_that_reads_x_itself_spares_a_matrix_per_gate_and_nothing_else(name: str) -> None:
    cell, n = library.load(name), 16
    gates = TWINS[name][0]
    assert library.load(name.removesuffix("_x")).parameter_count(n) - cell.parameter_count(n) == gates * n * n
    assert library.load(name.removesuffix("_x")).states == cell.states


@pytest.mark.parametrize("name", ["mut1", "mut2"])
def test_a_cell_that_reads_x_itself_pays_for_one_projection_of_a_narrow_input(name: str) -> None:
    a, b = COUNTS[name]
    n, m = 16, 5  # both have two linears on x, and the projection is a third matrix of that shape
    assert library.load(name).parameter_count(n, input_size=m) == (a - 2) * n * n + b * n + 3 * n * m


@pytest.mark.parametrize(
    ("names", "count"),
    [
        (("tanh_rnn",), 13_416),
        (("lstm", "lstm_b"), 38_184),
        (("gru", "lstm_no_forget", "lstm_no_input", "lstm_no_output"), 29_928),
    ],
)
def test_models_of_64_units_and_40_symbols_have_the_golden_counts(names: tuple[str, ...], count: int) -> None:
    assert {model_parameters(library.load(name), n=64, symbols=40, layers=1) for name in names} == {count}


@pytest.mark.parametrize(("symbols", "budget"), UNITS)
def test_a_budget_gives_the_golden_number_of_units(symbols: int, budget: int) -> None:
    for name, expected in UNITS[symbols, budget].items():
        cell = library.load(name)
        assert tuple(units(cell, symbols, layers, budget) for layers in (1, 2, 3, 4)) == expected, name
