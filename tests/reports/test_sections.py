"""What sections say: edits, fronts, ledgers, tables that harm no spreadsheet, and the command that repeats a run."""

from __future__ import annotations

import csv
import io
import shlex
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import msgspec
import numpy as np
import pytest

from archsearch.cell import Cell, library
from archsearch.errors import StoreError
from archsearch.mutations import Applied
from archsearch.protocol.history import Place
from archsearch.protocol.loading import changed_preset, load_preset, parse_change
from archsearch.protocol.records import ReadOut, Step, Verdict
from archsearch.protocol.settings import Setting
from archsearch.reports.content import DrawnSeries, Kind, Panel, ShownTable, colours_of, value_text
from archsearch.reports.family import edits, family
from archsearch.reports.interactive import interactive
from archsearch.reports.ledger_of_operators import ledger_of_operators
from archsearch.reports.long_sequences import long_sequences
from archsearch.reports.material import leaders
from archsearch.reports.progress import MOST, progress
from archsearch.reports.repeating import repeating
from archsearch.reports.tables import in_latex, to_csv, to_latex_table
from archsearch.studies.importance_in_run import importance_in_run
from tests.helpers.plans import preset, run_plan, task_plan

GATED = """
cell child(x, h):
    r = sigmoid(linear(h, bias=none) + linear(x))
    z = sigmoid(linear(x) + linear(h, bias=none))
    n = tanh(relu(linear(x)) + linear(h * r, bias=none))
    h' = n + z * (h - n)
"""


def planned() -> Any:
    return run_plan(preset({"arithmetic": task_plan(), "xml": task_plan()}))


def material(steps: Sequence[tuple[Step, Verdict]] = (), rows: Sequence[Any] = (), **more: Any) -> Any:
    """Return what stands for a run where a section looks at nothing else of it."""
    board = SimpleNamespace(rows=rows, plan=planned(), noise=None, placebo=None)
    return SimpleNamespace(steps=tuple(steps), board=board, plan=board.plan, luck={}, candidates={}, **more)


def proposal(number: int, cell: str, operators: Sequence[str], parent: str = "start") -> Step:
    return Step(number, "propose", cell, parent, tuple(Applied(name, 0, "h") for name in operators))


def test_edits_are_the_equations_that_differ_whatever_the_order_of_operands() -> None:
    assert edits(library.load("gru"), Cell.parse(GATED)) == (
        "  r = sigmoid(linear(h, bias=none) + linear(x))",
        "  z = sigmoid(linear(x) + linear(h, bias=none))",
        "- n = tanh(linear(x) + linear(r * h, bias=none))",
        "+ n = tanh(relu(linear(x)) + linear(h * r, bias=none))",
        "  h' = n + z * (h - n)",
    )


def test_names_that_are_words_of_python_are_told_apart_too() -> None:
    before, after = (
        Cell.parse(f"cell c(x, h):\n    is = {op}(linear(x) + linear(h))\n    h' = is * is\n")
        for op in ("tanh", "relu")
    )
    assert [line[0] for line in edits(before, after)] == ["-", "+", " "] or edits(before, after)[0][0] == "-"


def test_the_family_shows_each_cell_under_its_parent() -> None:
    gru, child = library.load("gru"), Cell.parse(GATED)
    steps = [
        (Step(0, "start", gru.id), Verdict("evaluated")),
        (proposal(1, child.id, ["insert_activation"], gru.id), Verdict("evaluated")),
        (Step(2, "placebo", gru.id), Verdict("evaluated")),
    ]
    run = material(steps, cells={gru.id: gru, child.id: child}, ranked=[SimpleNamespace(id=child.id, rank=1)])
    members = family(run)
    assert [(member.depth, member.rank, member.step) for member in members] == [(0, None, 0), (1, 1, 1)]
    assert members[1].made == ("insert_activation at h",)


def test_the_family_says_who_has_brought_a_cell_that_has_no_parent() -> None:
    cell = Cell.parse(GATED)
    steps = [(Step(4, "propose", cell.id, proposer="inbox"), Verdict("evaluated"))]
    (member,) = family(material(steps, cells={cell.id: cell}, ranked=[]))
    assert (member.made, member.edits) == (("proposed",), ())


def test_cells_that_say_they_are_each_others_parent_end_the_family_and_not_the_program() -> None:
    gru, child = library.load("gru"), Cell.parse(GATED)
    steps = [
        (proposal(0, gru.id, ["remove"], child.id), Verdict("evaluated")),
        (proposal(1, child.id, ["remove"], gru.id), Verdict("evaluated")),
    ]
    assert len(family(material(steps, cells={gru.id: gru, child.id: child}, ranked=[]))) == 2


def test_a_lineage_in_a_circle_is_damage() -> None:
    from archsearch.actions.lineage import read_lineage

    parents = {"c1": "c2", "c2": "c1"}
    store: Any = SimpleNamespace(
        steps=SimpleNamespace(of=lambda cell: [(proposal(1, cell, ["remove"], parents[cell]), None)]),
        database=SimpleNamespace(damaged=lambda problem: StoreError(problem)),
    )
    with pytest.raises(StoreError, match="its own ancestor"):
        read_lineage(store, "c1")


def test_the_ledger_counts_a_child_once_for_each_operator_and_by_how_far_it_came() -> None:
    steps = [
        (Step(0, "start", "start"), Verdict("evaluated", 2)),
        (proposal(1, "c1", ["remove", "remove", "combine"]), Verdict("failed filter")),
        (proposal(2, "c2", ["remove"]), Verdict("stopped at gate", 1)),
        (proposal(3, "c3", ["combine"]), Verdict("diverged", 2)),
        (proposal(4, "c4", ["combine"]), Verdict("evaluated", 2)),
        (Step(5, "placebo", "start"), Verdict("evaluated", 2)),
        (Step(6, "reexamine", "c4"), Verdict("evaluated", 2)),
        (proposal(7, "c1", ["combine"]), Verdict("stopped at gate", 1)),
    ]
    table = ledger_of_operators(material(steps, [SimpleNamespace(id="c4", rank=11)])).table
    assert table is not None
    assert table.columns == (
        "operator",
        "children",
        "passed the filter",
        "passed arithmetic",
        "scored",
        "in the pool",
        "in the top ten",
    )
    assert table.rows == (("combine", 3, 3, 2, 1, 1, 0), ("remove", 2, 2, 0, 0, 0, 0))


def test_leaders_are_the_cells_that_were_the_best_when_they_came() -> None:
    places = [Place(-1.2, 7, "c7"), Place(-1.1, 2, "c2"), Place(-1.0, 5, "c5"), Place(-0.5, 0, "c0")]
    assert leaders(SimpleNamespace(places=places)) == ["c0", "c2", "c7"]  # type: ignore[arg-type]


def test_progress_of_a_long_run_draws_no_more_points_than_a_person_sees() -> None:
    places = [Place(-number / 1e6, number, f"c{number}") for number in range(100_000)]
    run = material(history=SimpleNamespace(places=places, placebos=[]))
    (panel,) = progress(run).panels
    assert len(panel.series[0].x) <= MOST and panel.series[0].x[-1] > 99_000


def test_a_text_of_a_table_is_no_formula_for_a_spreadsheet_and_numbers_keep_all_digits() -> None:
    table = ShownTable(("a", "b"), (("=HYPERLINK(1)", 1 / 3), ("x\x1b[31m", -2), (" @sum", None)))
    rows = list(csv.reader(io.StringIO(to_csv(table))))
    assert rows == [["a", "b"], ["'=HYPERLINK(1)", repr(1 / 3)], ["x�[31m", "-2"], ["' @sum", ""]]


def test_latex_prints_every_sign_as_it_is() -> None:
    assert in_latex(r"a_b \input{x} 50% $x^2$ 6n²") == (
        r"a\_b \textbackslash{}input\{x\} 50\% \$x\textasciicircum{}2\$ 6n\textsuperscript{2}"
    )
    text = to_latex_table(ShownTable(("cell", "fitness"), (("gru", 1.0),)))
    assert r"\begin{tabular}{lr}" in text and r"gru & 1.000 \\" in text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (float("nan"), "–"),
        (0.12345, "0.123"),
        (1234567, "1,234,567"),
        (1e-5, "1e-05"),
        (True, "True"),
    ],
)
def test_values_are_shown_as_people_read_them(value: Any, text: str) -> None:
    assert value_text(str(value) if value is True else value) == text


def test_a_name_has_one_colour_on_all_panels() -> None:
    def panel(*names: str) -> Panel:
        return Panel("", "", "", tuple(DrawnSeries(name, "line", (0.0,), (0.0,)) for name in names))

    colours = colours_of([panel("gru", "c1"), panel("c1", "c2")])
    assert len(set(colours.values())) == 3


CHANGES = {"tasks.xml.validation": 30, "training.schedule": "constant", "search.verdict": 0.0}


def test_the_command_that_repeats_a_run_says_what_its_preset_says_otherwise() -> None:
    _, quick = load_preset("quick")
    changed = changed_preset("quick", quick, {**CHANGES, 'tasks."xml@30k".validation': 25})
    plan = msgspec.structs.replace(planned(), preset_name="quick", preset=changed, seed=7)
    command, _ = repeating(SimpleNamespace(plan=plan, session=None, board=SimpleNamespace(merged=())))  # type: ignore[arg-type]
    words = shlex.split(command)
    assert words[:4] == ["archsearch", "evolve", "--preset", "quick"]
    assert words[words.index("--seed") + 1] == "7" and words[words.index("--tasks") + 1] == "arithmetic,xml"
    said = dict(parse_change(words[place + 1]) for place, word in enumerate(words) if word == "--set")
    assert changed_preset("quick", quick, said) == changed
    assert len(said) == 3, "the schedule is the one of the preset anyway"


def test_the_command_names_the_file_of_a_preset_that_does_not_come_with_archsearch() -> None:
    plan = msgspec.structs.replace(planned(), preset_name="mine")
    command, needs = repeating(SimpleNamespace(plan=plan, session=None, board=SimpleNamespace(merged=())))  # type: ignore[arg-type]
    assert "--preset mine.toml" in command and "--set" not in command
    assert any("run.toml" in line for line in needs)


def test_the_setting_that_decides_has_nearly_all_of_the_variance() -> None:
    rng = np.random.default_rng(0)
    trials = [
        (Setting("adamw", rate, clip, 1.0, 1, 10_000), 10 * rate + 0.001 * float(rng.random()))
        for rate in (0.01, 0.03, 0.1)
        for clip in (1.0, 5.0)
        for _ in range(5)
    ]
    shares = importance_in_run({"xml": [*trials, (trials[0][0], None)], "ptb": trials[:3]})
    assert list(shares) == ["xml"] and list(shares["xml"]) == ["rate", "clip"]
    share, low, high = shares["xml"]["rate"]
    assert share > 0.95 and low <= share + 1e-9 and high > 0.95 and shares["xml"]["clip"][0] < 0.05


@pytest.mark.parametrize(("kind", "grouped"), [("line", None), ("steps", None), ("ranges", "group")])
def test_only_ranges_stand_side_by_side_for_it_moves_points_and_lets_the_axis_begin_at_0(
    kind: Kind, grouped: str | None
) -> None:
    reach: dict[str, tuple[float, ...]] = {"low": (0.8,), "high": (1.0,)} if kind == "ranges" else {}
    series = DrawnSeries("a", kind, ("b",) if kind == "ranges" else (1.0,), (0.9,), **reach)
    (figure,) = interactive([Panel("A title", "x", "y", (series,))])
    assert figure.layout.scattermode == grouped


def test_long_sequences_are_drawn_where_a_task_reads_them_out_and_nowhere_else() -> None:
    read = {"xml": (ReadOut(256, 0.75), ReadOut(2048, 0.25))}
    row = SimpleNamespace(id="c1", name="gru", read_outs=read)
    (section,) = long_sequences(material(rows=[row], ranked=[row]))
    (panel,) = section.panels
    assert (panel.title, panel.series[0].x, panel.series[0].y) == ("xml", (256.0, 2048.0), (0.75, 0.25))
    assert section.table is not None and section.table.rows[1] == ("xml", "gru", 2048, 0.25)
    silent = SimpleNamespace(id="c1", name="gru", read_outs={})
    assert long_sequences(material(rows=[silent], ranked=[silent])) == ()
