"""What the commands print: tables and equations for people, one strict JSON document for scripts, no colour in a pipe."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from archsearch import __version__
from archsearch.cell import Cell, library, regrouped
from archsearch.cli.evolve import _next
from archsearch.exporters import EXPORTERS
from archsearch.store import RunStore, read_leaderboard
from archsearch.tasks import TASKS
from tests.helpers.commands import TINY, Call, Finished

BOARD = ["run", "preset", "seed", "merged", "steps", "candidates", "scored", "baseline", "champion"]
BOARD += ["sampling_error", "noise", "verdict", "placebo", "rows"]
ROW = [
    "rank",
    "id",
    "fitness",
    "estimate",
    "reference",
    "tasks",
    "parameters",
    "trials",
    "diverged",
    "parent",
    "mutations",
    "proposer",
    "verdict",
]


def document(text: str) -> Any:
    """Return the one document that a text is; JSON knows no NaN and no Infinity."""

    def refused(word: str) -> None:
        raise AssertionError(f"{word} is no JSON")

    return json.loads(text, parse_constant=refused)


def json_of(call: Call, *arguments: object) -> Any:
    """Return what a command prints with --json, and only that."""
    shown = call(*arguments, "--json")
    assert shown.code == 0 and shown.err == ""
    return document(shown.out)


# -- evolve and leaderboard ----------------------------------------------------------------------------------------


def test_a_search_in_a_pipe_shows_plain_lines_and_no_colour(finished: Finished) -> None:
    search = finished.search
    assert "\x1b" not in search.out + search.err
    lines = search.err.splitlines()
    assert lines[0].startswith(f"archsearch {__version__} · run {finished.folder} (new) · preset tiny · ")
    assert "tasks  memorization:small  english:small" in lines  # the line above may take two
    assert any(line.startswith("references  gru and 2 more     gru: memorization 0.") for line in lines)
    assert any(line.startswith("step    0  start  gru        fitness 1.000") for line in lines)


def test_a_search_ends_with_its_leaderboard_and_what_to_do_next(finished: Finished) -> None:
    assert finished.search.out.splitlines()[0].split()[:5] == [
        "rank",
        "cell",
        "fitness",
        "memorization",
        "english",
    ]
    _, _, commands = finished.search.err.partition("Next:")
    for command in ("show", "train", "replay", "export", "evolve --run"):
        assert f"archsearch {command} {finished.folder}" in commands


def test_the_commands_to_do_next_are_accepted(finished: Finished, call: Call, tmp_path: Path) -> None:
    _, _, commands = finished.search.err.partition("Next:")
    shown = next(line.split()[1:3] for line in commands.splitlines() if "archsearch show" in line)
    assert call(*shown).code == 0


def test_a_finished_search_called_again_prints_its_leaderboard(
    finished: Finished, copied: Finished, call: Call
) -> None:
    again = call("evolve", "--run", copied.folder, "--workers", 1)
    assert again.code == 0
    assert again.out == finished.search.out
    assert document(call("evolve", "--run", copied.folder, "--workers", 1, "--json").out)["run"] == "tiny-1"


def test_the_leaderboard_is_the_one_that_the_search_printed(finished: Finished, call: Call) -> None:
    shown = call("leaderboard", "tiny-1", "--runs", finished.runs)
    assert (shown.out, shown.err) == (finished.search.out, "")


def test_the_leaderboard_says_luck_and_how_it_is_read(finished: Finished, call: Call) -> None:
    words = call("leaderboard", finished.folder).out
    assert "Fitness is the worst task's ratio." in words
    assert "clones would reach" in words and "by luck" in words
    worth = json_of(call, "leaderboard", finished.folder)["noise"]["worth_confirming"]
    assert ("worth confirming" in words) == worth
    assert ("nothing above luck yet" in words) == (not worth)
    assert "nats in english, lower is better" in words
    assert "ref" in [line.split()[0] for line in words.splitlines()], "a reference that is no candidate"


def test_the_leaderboard_for_scripts_has_the_documented_form(finished: Finished, call: Call) -> None:
    board = json_of(call, "leaderboard", finished.folder)
    assert list(board) == BOARD
    assert all(list(row) == ROW for row in board["rows"])
    ranks = [row["rank"] for row in board["rows"]]
    ranked = [rank for rank in ranks if rank is not None]
    assert ranked == list(range(1, len(ranked) + 1)) and ranks[len(ranked) :] == [None] * (
        len(ranks) - len(ranked)
    )
    assert set(board["rows"][0]["tasks"]["english"]) == {
        "score",
        "skill",
        "ratio",
        "setting",
        "units",
        "settings",
    }
    assert any(row["mutations"] for row in board["rows"])


def test_top_limits_the_ranks_and_not_the_references(finished: Finished, call: Call) -> None:
    rows = json_of(call, "leaderboard", finished.folder, "--top", 2)["rows"]
    assert [row["rank"] for row in rows] == [1, 2, None]


def test_the_front_shows_what_none_beats_with_states_and_jacobian(finished: Finished, call: Call) -> None:
    board = json_of(call, "leaderboard", finished.folder)
    found = json_of(call, "leaderboard", finished.folder, "--front")
    assert list(found) == ["run", "cost", "scored", "front"] and found["cost"] == "parameters"
    assert found["scored"] == len(board["rows"])
    cost = {
        row["id"]: 128**2 * row["parameters"]["n2"] + 128 * row["parameters"]["n"] for row in board["rows"]
    }
    fitness = {row["id"]: row["fitness"] for row in board["rows"]}
    beaten = {a for a in cost for b in cost if cost[b] <= cost[a] and fitness[b] > fitness[a]}
    assert {cell["id"] for cell in found["front"]}.isdisjoint(beaten)
    assert max(fitness, key=lambda cell: fitness[cell]) in {cell["id"] for cell in found["front"]}
    assert [cell["layer_parameters"] for cell in found["front"]] == sorted(
        cost[cell["id"]] for cell in found["front"]
    )
    shown = call("leaderboard", finished.folder, "--front").out.splitlines()
    assert shown[0].split() == [
        "rank",
        "cell",
        "fitness",
        "parameters",
        "FLOPs",
        "time",
        "states",
        "Jacobian",
    ]
    for line, cell in zip(shown[1:], found["front"], strict=False):
        assert line.split()[0] == str(cell["rank"] or "ref") and line.endswith(cell["jacobian"])


def test_a_front_against_something_else_is_refused_with_what_there_is(finished: Finished, call: Call) -> None:
    refused = call("leaderboard", finished.folder, "--front", "energy")
    assert refused.code == 2 and "'parameters', 'flops', 'time'" in refused.err


def test_a_run_is_found_by_the_variable(
    finished: Finished, call: Call, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_RUNS", str(finished.runs))
    assert call("leaderboard", "tiny-1").code == 0


# -- cells ---------------------------------------------------------------------------------------------------------


def test_show_prints_a_cell_file_with_its_size_and_ancestry(finished: Finished, call: Call) -> None:
    board = json_of(call, "leaderboard", finished.folder)
    row = next(row for row in board["rows"] if row["parent"])
    shown = call("show", f"{finished.folder}/{row['rank']}").out
    assert Cell.parse(shown).id == row["id"]
    head = next(line for line in shown.splitlines() if line.startswith("cell "))
    assert " linear, " in head and " parameters · child of " in head
    assert f"rank {row['rank']}: fitness {row['fitness']:.4f}" in shown
    assert all(f"{operator} at " in shown.replace("\n#" + " " * 16, " ") for operator in row["mutations"])


def test_show_counts_gates_and_states(call: Call) -> None:
    assert "cell gru(x, h):    # 6 linear, 2 gates, 1 state · 6n²+3n parameters" in call("show", "gru").out
    assert "3 gates, 2 states · 8n²+4n parameters" in call("show", "lstm").out


@pytest.mark.parametrize("name", library.names())
def test_what_show_prints_of_a_library_cell_is_that_cell(call: Call, name: str) -> None:
    assert Cell.parse(call("show", name).out).id == library.load(name).id


def test_show_regroups_a_cell_when_told_to(call: Call) -> None:
    shown = call("show", "fgr", "--regroup").out

    assert Cell.parse(shown).id == regrouped(library.load("fgr")).id != library.load("fgr").id
    assert f"# Regrouped from {library.load('fgr').id}." in shown and "published" not in shown
    assert call("show", "gru", "--regroup").out == call("show", "gru").out
    assert json_of(call, "show", "fgr", "--regroup")["id"] == regrouped(library.load("fgr")).id


def test_show_says_what_is_always_0(call: Call, tmp_path: Path) -> None:
    path = tmp_path / "k.cell"
    path.write_text(
        "cell k(x, h):\n    z = linear(x)\n    n = z - z\n    h' = tanh(n + h) - (x - x)\n", "utf-8"
    )
    shown = call("show", path).out

    assert "# always 0    n\n" in shown and "# always 0    x - x\n" in shown
    assert "always 0" not in call("show", "gru").out


def test_show_for_scripts_holds_text_and_ancestry(finished: Finished, call: Call) -> None:
    board = json_of(call, "leaderboard", finished.folder)
    row = next(row for row in board["rows"] if row["parent"])
    shown = json_of(call, "show", f"{finished.folder}/{row['rank']}")
    assert Cell.parse(shown["text"]).id == shown["id"] == row["id"]
    assert (shown["rank"], shown["fitness"], shown["run"]) == (row["rank"], row["fitness"], "tiny-1")
    assert shown["ancestry"][0]["parent"] == row["parent"]
    assert [words.split(" at ")[0] for words in shown["ancestry"][0]["mutations"]] == row["mutations"]


def test_show_tree_leads_from_the_start_cell_to_the_cell_with_the_fitness_of_each(
    finished: Finished, call: Call
) -> None:
    row = next(row for row in json_of(call, "leaderboard", finished.folder)["rows"] if row["parent"])
    cell = f"{finished.folder}/{row['rank']}"
    place = tree = json_of(call, "show", cell, "--tree")["tree"]
    while place["child"]:
        assert place["child"]["step"] is not None and place["child"]["mutations"]
        place = place["child"]
    assert (place["id"], place["fitness"]) == (row["id"], row["fitness"])
    assert tree["step"] is None and tree["name"] in ("gru", "lstm")
    shown = call("show", cell, "--tree").out
    assert Cell.parse(shown).id == row["id"], "the tree is a comment"
    (last,) = [line for line in shown.splitlines() if f"└─ {row['id'][:9]}  {row['fitness']:.3f}" in line]
    assert "  step " in last and place["mutations"][0] in last


def test_show_tree_of_a_cell_of_no_run_is_refused(call: Call) -> None:
    done = call("show", "gru", "--tree")
    assert done.code == 2 and "a cell of a run, such as quick-1/1; gru is none" in done.err


def test_cells_lists_the_library(call: Call) -> None:
    assert [row["name"] for row in json_of(call, "cells")["cells"]] == list(library.names())
    lines = call("cells").out.splitlines()
    assert len(lines) == 1 + len(library.names())
    assert any(line.startswith("np ") and "the same cell as lstm" in line for line in lines)


def test_tasks_lists_every_difficulty(call: Call) -> None:
    rows = json_of(call, "tasks")["tasks"]
    known = [f"{name}:{size}" for name, family in TASKS.items() for size in family.difficulties]
    assert [row["task"] for row in rows] == known
    assert call("tasks").out.count("needs --data DIR") == len(TASKS["ptb"].difficulties)


def test_mutate_counts_what_children_gain_lose_and_use(call: Call) -> None:
    shown = call("mutate", "tanh_rnn", "--space", "grow", "--count", 6, "--census").out
    counted = json_of(call, "mutate", "tanh_rnn", "--space", "grow", "--count", 6, "--census")

    assert counted["children"] == 6 and counted["parent"].startswith("c")
    lines = dict(re.split(r"\s{2,}", line) for line in shown.splitlines()[1:])
    assert lines["with more states than their parent"] == str(counted["gained"])
    assert {
        f"made by {name}": str(count) for name, count in counted["operators"].items()
    }.items() <= lines.items()


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("--train", "quick"), "--train says what it finds in a census; give --census as well"),
        (("--census", "--workers", 2), "--device are for what trains children: --census --train PRESET"),
        (("--set", "tasks.xml.steps=5"), "--device are for what trains children: --census --train PRESET"),
        (("--census", "--train", "quik"), "no preset 'quik'"),
    ],
)
def test_mutate_refuses_training_that_it_was_not_asked_for_whole(
    call: Call, given: tuple[object, ...], words: str
) -> None:
    refused = call("mutate", "gru", "--count", 2, *given)

    assert refused.code == 2 and words in refused.err and refused.out == ""


def test_mutate_prints_children_that_parse_and_a_seed_repeats_them(call: Call) -> None:
    first, again = (call("mutate", "gru", "--seed", 3, "--count", 4).out for _ in range(2))
    assert first == again
    rows = json_of(call, "mutate", "gru", "--seed", 3, "--count", 4)["children"]
    assert [Cell.parse(row["text"]).id for row in rows] == [row["id"] for row in rows]
    texts = [part for part in first.split("\n\n") if part]
    assert [Cell.parse(text).id for text in texts] == [row["id"] for row in rows]


# -- export, replay, train ----------------------------------------------------------------------------------------------


def test_export_takes_the_format_from_the_ending_and_overwrites_nothing(call: Call) -> None:
    assert call("export", "mut1", "-o", "mut1.svg").err == "wrote mut1.svg\n"
    assert Path("mut1.svg").read_text(encoding="utf-8").startswith("<svg")
    again = call("export", "gru", "-o", "mut1.svg")
    assert again.code == 2 and "mut1.svg exists; --force overwrites it" in again.err
    assert call("export", "gru", "-o", "mut1.svg", "--force").code == 0


def test_an_exported_module_runs_alone_and_tells_its_scores(finished: Finished, call: Call) -> None:
    assert call("export", f"{finished.folder}/1", "-o", "cell.py").code == 0
    assert "Run tiny-1 (seed 0), rank 1: fitness" in Path("cell.py").read_text(encoding="utf-8")
    done = subprocess.run([sys.executable, "-I", "cell.py"], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr


def test_replay_holds_bit_for_bit(finished: Finished, call: Call) -> None:
    shown = call("replay", finished.folder, "--top", 1, "--workers", 1)
    assert shown.code == 0, shown.err
    assert shown.out.count("bit for bit") == 2
    assert shown.out.splitlines()[-1] == "2 of 2 scores hold."


def test_replay_of_no_row_is_refused(finished: Finished, call: Call) -> None:
    ended = call("replay", finished.folder, "--cell", "c0000")
    assert ended.code == 2
    assert "no rows of the leaderboard begin so; there are c" in ended.err


def test_train_shows_a_cell_beside_the_gru(call: Call) -> None:
    arguments = ["train", "gru", "--task", "english", "--preset", TINY, "--settings", 9, "--workers", 1]
    shown = call(*arguments)
    assert shown.code == 0
    assert "The grid of preset tiny has 2 settings for this task; all of them were used." in shown.err
    assert len(shown.out.splitlines()) == 4
    assert "ratio 1.000" in shown.out.splitlines()[-1]


def test_an_export_goes_to_standard_output_where_a_dash_is_named(call: Call) -> None:
    written = call("export", "gru", "--format", "cell", "-o", "-")
    assert (written.code, written.out, written.err) == (0, library.load("gru").text(), "")
    asked = call("export", "gru", "-o", "-")
    assert asked.code == 2 and "-o -: which format? Give --format python|cell" in asked.err


def test_export_says_what_every_format_is(call: Call) -> None:
    shown = call("export", "--help").out
    assert all(f"{name} " in shown and row.about in shown for name, row in EXPORTERS.items())


def test_what_comes_next_promises_other_data_only_where_there_are_others(
    finished: Finished, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert "is it better on other data, too?" in finished.search.err
    with RunStore.open(finished.folder) as store:
        board = read_leaderboard(store, "tiny-1")
    files = [
        replace(task, name=name, facts=replace(task.facts, name=name))
        for task, name in zip(board.plan.tasks, ("text:a.txt", "ptb"), strict=True)
    ]
    (line,) = [
        line
        for line in _next(replace(board, plan=replace(board.plan, tasks=tuple(files))), "r", "text:a.txt")
        if "--seed 1" in line
    ]
    assert "archsearch train" in line and "is it better with other initial weights, too?" in line


def test_the_library_is_listed_by_whole_sentences(call: Call) -> None:
    lines = call("cells").out.splitlines()
    assert any(
        line.endswith('"The Unreasonable Effectiveness of the Forget Gate" (arXiv 1804.04849).')
        for line in lines
    )
    assert not [line for line in lines[1:] if not line.endswith((".", "…"))]


def test_an_empty_name_is_no_run(call: Call, tmp_path: Path) -> None:
    refused = call("evolve", "--run", "", "--runs", tmp_path)
    assert refused.code == 2 and "run name ''" in refused.err and not list(tmp_path.iterdir())


def test_tasks_that_need_files_say_which_one_is_missing(call: Call, tmp_path: Path) -> None:
    shown = call("tasks", "--data", tmp_path).out
    assert "ptb.train.txt is missing" in shown


def test_an_export_to_standard_output_takes_a_name_and_writes_no_second_file(
    call: Call, tmp_path: Path
) -> None:
    assert "cell mine(x, h):" in call("export", "gru", "--format", "cell", "--name", "mine", "-o", "-").out
    refused = call("export", "gru", "--format", "python", "--weights", tmp_path / "w.safetensors", "-o", "-")
    assert refused.code == 2 and "give -o FILE.py" in refused.err


JUDGE = ("--preset", TINY, "--workers", 1, "--settings", 1)


def test_judge_says_in_words_what_its_pairs_show(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache"))
    shown = call("judge", "mut1", "gru", "--task", "english", "--pairs", 1, *JUDGE)
    assert shown.code == 0
    heading, row, verdict, outlook, ledger = shown.out.splitlines()
    assert heading.split()[:5] == ["task", "pairs", "wins", "losses", "ties"]
    assert row.split()[:2] == ["english", "1"]
    assert verdict == "mut1 and gru are not told apart on english after 1 pair."
    assert outlook.startswith(
        "If wins and losses went on like this, about 7 more pairs would tell them apart: --"
    )
    assert ledger.startswith("Claim 1 of your ledger: E must reach 33 on every task.")


def test_judge_for_scripts_has_the_documented_form(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "song.txt").write_text("la la li lo do re mi " * 600)
    tasks = ("--task", "english", "--task", "text:song.txt")
    judged = json_of(call, "judge", "mut1", "gru", *tasks, "--pairs", 2, *JUDGE)
    assert list(judged) == ["a", "b", "verdict", "pairs", "level", "tasks"]
    assert (judged["verdict"], judged["pairs"]) == ("not told apart", 2)
    assert list(judged["tasks"]) == ["english", "text:song.txt"]
    for task in judged["tasks"].values():
        assert list(task) == ["wins", "losses", "ties", "e", "difference", "low", "high", "verdict", "skills"]
        assert task["wins"] + task["losses"] + task["ties"] == 2
        assert task["low"] is None and task["high"] is None
    again = call("judge", "mut1", "gru", *tasks, "--pairs", 3, *JUDGE)
    assert "text:song.txt is a file and has no fresh data" in again.out
    lines = [line for line in again.err.splitlines() if "of at most 3: english " in line]
    assert (
        lines == [line for line in lines if line.startswith("mut1 against gru, pair ")] and lines
    )  # piped: a line a pair
    assert lines[0].startswith(
        "mut1 against gru, pair 2 of at most 3: english "
    )  # the last one is in the table


def test_a_cell_is_not_judged_against_itself(call: Call) -> None:
    ended = call("judge", "gru", "gru", "--task", "english", *JUDGE)
    assert ended.code == 2
    assert "gru and gru are the same cell" in ended.err


def test_confirm_shows_every_claim_with_its_tasks(copied: Finished, call: Call) -> None:
    arguments = ["confirm", copied.folder, "--pairs", 1, "--settings", 1, "--workers", 1, "--top", 2]
    shown = call(*arguments)
    assert shown.code == 0
    assert shown.err.startswith("Against the GRU at most ") and "; of what is better at most " in shown.err
    heading, *rows = shown.out.splitlines()
    assert heading.split()[:7] == ["rank", "cell", "beside", "gru", "pairs", "english", "memorization"]
    assert all("not told apart" in row for row in rows[: heading.count("rank")])
    assert any(row.split()[0] == "placebo" for row in rows)
    assert any(row.startswith("For each task: pairs won and lost") for row in rows)
