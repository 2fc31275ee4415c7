"""A leaderboard at every width: whole rows, nothing folded, and a word on what had no room."""

import io

import pytest
from msgspec.structs import replace
from rich.console import Console

from archsearch.actions.board_words import best_words, cell_name, operators, title
from archsearch.cli.board import print_leaderboard
from archsearch.protocol.records import ReadOut
from archsearch.store import Leaderboard, RunStore, read_leaderboard
from archsearch.words import polynomial
from tests.helpers.commands import Finished


@pytest.fixture
def board(finished: Finished) -> Leaderboard:
    store = RunStore.open(finished.folder)
    try:
        return read_leaderboard(store, "tiny-1")
    finally:
        store.close()


def printed(board: Leaderboard, width: int) -> list[str]:
    out = io.StringIO()
    print_leaderboard(Console(file=out, width=width), board, 10)
    return out.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 50, 70, 80, 100, 140])
def test_every_row_is_one_line_within_the_width(board: Leaderboard, width: int) -> None:
    lines = printed(board, width)
    table = lines[: 1 + len(board.rows)]
    assert [line.split()[0] for line in table] == ["rank", *(str(row.rank or "ref") for row in board.rows)]
    assert all(len(line) <= width for line in lines if width >= 50)


def test_wide_terminals_show_everything_and_narrow_ones_say_what_is_missing(board: Leaderboard) -> None:
    assert printed(board, 140)[0].split() == (
        ["rank", "cell", "fitness", "memorization", "english", "made", "by", "parameters", "trials"]
    )
    assert not [line for line in printed(board, 140) if line.startswith("No room")]
    assert "No room here for: scores, trials; --json has everything." in printed(board, 80)
    assert "made by" in printed(board, 80)[0]
    assert any(line.startswith("No room here for: scores, made by,") for line in printed(board, 40))


def test_a_column_that_is_not_shown_is_not_explained(board: Leaderboard) -> None:
    *others, last = sorted(board.rows, key=lambda row: row.rank or 0)
    assert last.rank is not None and not last.reference
    beyond = replace(last, rank=11, judgement=replace(last.judgement, diverged=1 / 3))
    assert not any("div." in line for line in printed(replace(board, rows=(*others, beyond)), 140))


def test_where_settings_diverged_a_column_says_how_many_and_goes_first_where_room_is_short(
    board: Leaderboard,
) -> None:
    first, *others = board.rows
    unstable = replace(first, judgement=replace(first.judgement, diverged=1 / 3))
    wide = printed(replace(board, rows=(unstable, *others)), 140)
    assert wide[0].split()[-1] == "div."
    assert [line.split()[-1] for line in wide[1:3]] == ["33%", "0%"]
    assert any(line.startswith("div.: the share") for line in wide)
    assert not any("div." in line for line in printed(board, 140))
    narrow = printed(replace(board, rows=(unstable, *others)), 80)
    assert any(line.startswith("No room") and "div." in line for line in narrow)


@pytest.mark.parametrize(
    ("worth", "words"), [(True, "worth confirming."), (False, "nothing above luck yet.")]
)
def test_the_best_found_cell_is_worth_confirming_only_above_the_line(
    board: Leaderboard, worth: bool, words: str
) -> None:
    assert board.noise is not None
    best = next(row for row in board.rows if row.rank is not None and row.parent)
    told = best_words(replace(board, noise=replace(board.noise, worth_confirming=worth)))
    assert told == f"The best found cell, {cell_name(best.id)}, has {best.fitness:.2f}: {words}"


def test_parameter_counts_read_as_polynomials() -> None:
    assert [polynomial(of) for of in [(6, 3), (2, 1), (1, 0), (0, 2), (0, 0)]] == [
        "6n²+3n",
        "2n²+n",
        "n²",
        "2n",
        "0",
    ]


def test_operators_are_counted_in_the_order_of_their_first_use() -> None:
    assert operators(["remove", "combine", "remove"]) == "remove ×2, combine"


def test_titles_of_own_tasks_are_the_names_of_their_files() -> None:
    assert title("english") == "english"
    assert title("text:../data/poems.txt") == "poems.txt"
    assert title("../tasks/parity.py:Parity") == "parity.py:Parity"


def test_a_ratio_that_is_not_above_nothing_is_none_and_ranks_last(board: Leaderboard) -> None:
    last = board.rows[-1]
    tasks = {task: replace(result, ratio=-0.5) for task, result in last.judgement.tasks.items()}
    bad = replace(last, judgement=replace(last.judgement, fitness=-0.5, tasks=tasks))
    line = printed(replace(board, rows=(*board.rows[:-1], bad)), 140)[len(board.rows)]
    assert line.split()[2] == "none" and line.count("none") == 3 and "-0.5" not in line


def test_the_sampling_error_stands_under_the_table(board: Leaderboard) -> None:
    words = [
        line for line in printed(board, 140) if line.startswith("Sampling error of a score: memorization ± ")
    ]
    assert len(words) == 1 and "english ± " in words[0]


def test_tasks_with_long_sequences_have_a_column_and_a_word_on_it(board: Leaderboard) -> None:
    read = {"english": (ReadOut(256, 0.75), ReadOut(512, 0.5), ReadOut(2048, 0.25))}
    first, *others = board.rows
    lines = printed(replace(board, rows=(replace(first, read_outs=read), *others)), 170)
    assert "english at 256, 2,048" in lines[0] and "0.75, 0.25" in lines[1]
    assert "english at 256, 2,048 steps: accuracy of the best trial on sequences so long." in lines
    assert not any("so long" in line for line in printed(board, 170))
