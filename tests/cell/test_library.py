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
LATER = {
    "slstm": (8, 4),
    "minlstm": (3, 3),
    "rg_lru": (2, 3),
    "brc": (3, 5),
    "nbrc": (5, 3),
    "paragru": (3, 6),
    "paralstm": (3, 8),
    "ran": (5, 2),
    "cfn": (5, 2),
    "delta_rnn": (2, 5),
    "cornn": (3, 1),
    "lem": (8, 4),
    "star": (3, 2),
    "ligru": (4, 2),
    "scrn": (6, 0),
    "sru": (3, 4),
    "qrnn": (6, 0),
    "hgrn": (3, 4),
    "rwkv4": (4, 5),
    "indylstm": (4, 8),
    "atr": (2, 1),
    "light_ru": (3, 2),
    "multiplicative_lstm": (10, 4),
    "sgrn": (2, 1),
    "unicornn": (1, 3),
    "wmclstm": (11, 7),
    "intersection_rnn": (8, 4),
    "res_lstm": (10, 7),
    "mc_lstm": (10, 5),
    "sgu": (4, 3),
    "dsgu": (5, 3),
    "tau_gru": (8, 4),
    "rhn": (8, 6),
}
TWINS = {"gru_x": (3, 3), "mgu_x": (2, 2), "lstm_x": (4, 4)}
COUNTS = JOZEFOWICZ | GREFF | OTHERS | LATER | TWINS

IDS = """
    atr cb720dfb7  brc cd29c0c18  cfn c39d6011e  cifg cd8aec209  cornn c960d6539  darts_v2 c05607d18
    delta_rnn cc09ab78f  dsgu ca049efb4  enas c6c80f931  fgr c37c28488  gru ccdc77a87
    gru_reset_after c1be68b25  gru_x c98dd4972  hgrn cf826d68d  indrnn c9af40023  indylstm c9c9b3c84
    intersection_rnn ca9f64df8  janet c9e5b809a  lem cd9c03418  light_ru c119e70dc  ligru c37f557d2
    lstm cef2fb58e  lstm_1997 c14f7a7e5  lstm_b c42286f3d  lstm_no_forget cf7a7c2c6
    lstm_no_input c69e45811  lstm_no_output c19cb0080  lstm_tanh_gate c2826cf22  lstm_x c9e1119ad
    mc_lstm cc88a7401  mgu c64ce62f4  mgu_x c3b96283b  mingru cb47aa585  minimal_rnn c8ed68fe2
    minlstm c03bf46eb  multiplicative_lstm c4f6db8b7  mut1 cbb993741  mut2 cd6507905  mut3 c604d1c0f
    nas_zoph c5bd177d5  nbrc c462355bd  nfg c563ceae1  niaf c8b434ede  nig c354a567c  noaf cf735ad69
    nog c5e2d8837  np cef2fb58e  paragru cb7c7e30d  paralstm c22475a04  qrnn c9e633b48  ran cca6c31ba
    res_lstm c865073ec  rg_lru c179d4401  rhn cf1d67ade  rwkv4 cbcbe2e92  scrn c4b6d6841
    sgrn c563b1442  sgu caad4a07b  slstm c98cba03d  sru cf1f94db6  star cdc0c10ab  tanh_rnn c2f6997da
    tau_gru c550155f2  ugrnn cc763974d  unicornn c0e704cf9  vanilla cea1a702b  wmclstm ca5687935
"""
"""The short ids of all cells: a change of any breaks runs, models and verdicts that name it."""

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


def test_the_library_has_67_names() -> None:
    assert sorted(library.names()) == sorted(COUNTS)
    assert len(COUNTS) == 67


def test_np_is_lstm_and_no_other_two_cells_are_one() -> None:
    by_id: dict[str, set[str]] = {}
    for name in library.names():
        by_id.setdefault(library.load(name).id, set()).add(name)
    assert len(by_id) == 66
    assert [names for names in by_id.values() if len(names) > 1] == [{"np", "lstm"}]


def test_every_cell_keeps_its_id() -> None:
    words = IDS.split()
    assert {name: library.load(name).id[:9] for name in library.names()} == dict(
        zip(words[::2], words[1::2], strict=True)
    )


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
