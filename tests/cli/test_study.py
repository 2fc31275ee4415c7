"""`archsearch study`: its tables, its documents, and what it says to wrong use."""

import json
import sqlite3
import sys
from pathlib import Path

import pytest

from archsearch.studies import STUDIES
from tests.helpers.commands import TINY, Call, Finished, program
from tests.helpers.sealing import forge


def test_racing_prints_a_row_for_every_epoch_of_a_run_in_full(finished: Finished, call: Call) -> None:
    done = call("study", "racing", finished.folder)
    assert done.code == 0, done.err
    assert "steps saved" in done.out and "memorization" in done.out and "english" in done.out
    assert "below 70% of the cell's best" in done.err
    document = json.loads(call("study", "racing", finished.folder, "--trailing", "0.2", "--json").out)
    assert document["race"] == {"trailing": 0.2, "behind": 0.5}
    assert {(row["task"], *row["rungs"]) for row in document["rows"]} == {
        ("memorization", 20),
        ("memorization", 40),
        ("english", 20),
    }


def test_the_instrument_is_measured_with_a_line_per_cell_and_the_noise(tmp_path: Path) -> None:
    own = tmp_path / "own.cell"
    own.write_text(
        "cell gru(x, h):\n    h' = tanh(linear(x) + h)\n"
    )  # named as the baseline, and yet another cell
    cells = f"gru,lstm,tanh_rnn,{own}"
    common = ("study", "instrument", "--preset", TINY, "--cells", cells, "--tasks", "english")
    done = program(*common)
    assert done.code == 0, done.err
    assert "english:small" in done.out and "resolution" in done.out and "Kendall's tau" in done.out
    (task,) = json.loads(program(*common, "--draws", 1, "--json").out)["tasks"]
    assert {row["cell"] for row in task["cells"]} == {"gru", "lstm", "tanh_rnn", str(own)}


@pytest.mark.slow
def test_settings_are_carried_from_task_to_task_for_each_pair_and_cell() -> None:
    grid = "grid.scale=[0.7,1.0]"
    done = program(
        *("study", "transfer", "--preset", TINY, "--set", grid, "--cells", "tanh_rnn", "--settings", 4),
        *("--draws", 1, "--json"),
    )
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert (document["settings"], document["draws"], len(document["rows"])) == (4, 1, 4)
    itself = [row for row in document["rows"] if row["source"] == row["target"]]
    assert [row["rho"] for row in itself] == [None, None], "a single draw has no other to agree with"


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["racing"], "Missing argument 'RUN...'"),
        (["racing", "no-such-run"], "no-such-run"),
        (["racing", "x", "--behind", "1"], "--behind"),
        (["instrument", "--cells", "gru,gruu"], "no cell 'gruu'"),
        (["instrument", "--tasks", "xml,snake"], "not 'snake'"),
        (["instrument", "--preset", "quik"], "did you mean 'quick'"),
        (["strategies", "--strategies", "random,evolve"], "no strategy 'evolve'"),
        (["strategies", "--space", "narrow"], "no space 'narrow' (spaces: grow, "),
        (
            ["strategies", "--simulated", "x.jsonl", "--space", "grow"],
            "leave out --judge, --tasks and --space",
        ),
        (["strategies", "--figure", "curves.docx"], "no format by that ending"),
        (["strategies", "--figure", "nowhere/curves.svg"], "no folder nowhere"),
        (
            ["transfer", "--tasks", "xml"],
            "--tasks xml: settings go from one task to another; name two or more",
        ),
        (["operators"], "Missing argument 'RUN...'"),
        (["operators", "no-such-run"], "no-such-run"),
        (
            ["colour"],
            f"no study 'colour' (studies: {', '.join(STUDIES)})",
        ),
    ],
)
def test_wrong_use_is_said_before_anything_is_trained(call: Call, arguments: list[str], said: str) -> None:
    done = call("study", *arguments)
    assert done.code == 2 and said in done.err, done


def test_a_run_without_a_candidate_in_full_is_no_table(copied: Finished, call: Call) -> None:
    forge(copied.folder, "UPDATE steps SET verdict = NULL")
    done = call("study", "racing", copied.folder)
    assert done.code == 2 and "record some with rungs = []" in done.err


def test_what_racing_stopped_is_left_out_and_said(copied: Finished, call: Call) -> None:
    with sqlite3.connect(copied.folder / "run.db") as connection:
        connection.execute(
            "DELETE FROM trials WHERE cell = (SELECT cell FROM trials WHERE task LIKE 'english%' AND state = 'done' "
            "AND cell NOT IN (SELECT cell FROM steps WHERE number < 2) LIMIT 1)"
        )
    done = call("study", "racing", copied.folder)
    assert done.code == 0 and "candidates are left out, as racing stopped a trial of theirs" in done.err


def test_without_a_study_the_list_of_them_is_printed(call: Call) -> None:
    done = call("study")
    assert done.code == 0 and "racing" in done.out and "instrument" in done.out and done.err == ""


def test_a_figure_without_matplotlib_says_how_to_have_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    done = call("study", "strategies", "--figure", "curves.svg")
    assert done.code == 2 and "pip install archsearch[plots]" in done.err


def test_operators_prints_a_row_for_each_that_made_a_child_and_one_for_all(
    finished: Finished, call: Call
) -> None:
    done = call("study", "operators", finished.folder)
    assert done.code == 0, done.err
    assert "better than parent" in done.out and done.out.splitlines()[-1].startswith("all")
    document = json.loads(call("study", "operators", finished.folder, "--json").out)
    every = document["rows"][-1]
    assert every["operator"] == "all" and every["children"] >= every["passed"] >= every["scored"] > 0


def test_operators_of_a_run_without_children_is_no_table(copied: Finished, call: Call) -> None:
    forge(copied.folder, "UPDATE steps SET verdict = NULL")
    done = call("study", "operators", copied.folder)
    assert done.code == 2 and "no told step has made a child" in done.err


@pytest.mark.slow
def test_strategies_are_compared_judged_and_drawn(tmp_path: Path) -> None:
    few = (
        "study",
        "strategies",
        "--preset",
        TINY,
        "--strategies",
        "random,tuning",
        "--seeds",
        1,
        "--trials",
        8,
    )
    where = ("--folder", tmp_path / "study")
    document = program(*few, *where, "--judge", "--pairs", 1, "--figure", tmp_path / "curves.svg", "--json")
    assert document.code == 0, document.err
    rows = json.loads(document.out)["rows"]
    assert [row["strategy"] for row in rows] == ["random", "tuning"]
    assert all(final["pairs"] == 1 and final["verdict"] for row in rows for final in row["finals"])
    assert (tmp_path / "curves.svg").exists() and (tmp_path / "study" / "random-0" / "run.db").exists()
    shown = program(*few, *where)
    assert shown.code == 0 and "best after 8 trials" in shown.out and "not asked" in shown.out


def test_the_study_of_long_lags_prints_a_row_for_each_experiment(call: Call, tmp_path: Path) -> None:
    where = ("--folder", tmp_path / "lags", "--max-sequences", "150", "--trials", "2")
    done = call("study", "long-lag", "--experiment", "6a,3a", *where)
    assert done.code == 0 and "0 of 2" in done.out and "31,390" in done.out and "39,850" in done.out
    again = json.loads(call("study", "long-lag", "--experiment", "6a", *where, "--json").out)
    (row,) = again["rows"]
    assert (row["experiment"], row["runs"], row["solved"], row["paper"]) == ("6a", 2, 0, 31_390)


def test_the_experiments_of_long_lags_are_listed_without_running_any(call: Call) -> None:
    done = call("study", "long-lag", "--list")
    assert done.code == 0 and done.out.count("\n") > 30 and "10,504" in done.out


def test_an_unknown_experiment_of_long_lags_is_wrong_use(call: Call) -> None:
    done = call("study", "long-lag", "--experiment", "6c")
    assert done.code == 2 and "no experiment '6c'" in done.err and "6a" in done.err


def test_the_drift_of_states_is_a_row_for_each_block(call: Call, tmp_path: Path) -> None:
    where = ("--folder", tmp_path / "lags", "--max-sequences", "150", "--trials", "2")
    done = call("study", "long-lag", "--experiment", "6a", *where, "--drift", "--input-bias=-3")
    assert (
        done.code == 0
        and "bias start" in done.out
        and done.out.count("6a: temporal") == 2
        and "-3.00" in done.out
    )
    grows = call("study", "long-lag", "--experiment", "6a", *where, "--sequential")
    assert grows.code == 0 and "1997, grows" in grows.out


def test_input_biases_that_are_no_numbers_are_wrong_use(call: Call) -> None:
    done = call("study", "long-lag", "--experiment", "6a", "--input-bias", "low")
    assert done.code == 2 and "--input-bias low: numbers" in done.err
