"""A run is confirmed: every cell that was looked at stands in its ledger, and how many workers there are is no matter.

What is better than the GRU goes on: against the champion, on other terms, at other sizes and on other tasks.
"""

import json
import re
import shutil
from typing import Any

import pytest

from archsearch.actions.confirm import PLACEBO
from archsearch.actions.stability import STEPS
from archsearch.cli.main import run_command
from archsearch.referee.ledger import level, level_of_discoveries
from archsearch.store import RunStore, read_leaderboard
from tests.helpers.searches import World


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory) -> World:
    """A search whose workers answer at once, to its end."""
    world = World(tmp_path_factory.mktemp("simulated"), faked=True, environment={"SLOW": "0.002"})
    done = world.run(world.evolve("--run", "found", "--max-candidates", 25))
    assert done.returncode == 0, done.stderr
    return world


def confirmed(world: World, run: str, *arguments: object) -> dict[str, Any]:
    """Return the document of a confirmation of a copy of the run."""
    if not (world.folder / "runs" / run).exists():
        shutil.copytree(world.folder / "runs" / "found", world.folder / "runs" / run)
    world.cache = f"cache-{run}"
    command = world.command("confirm", run, "--settings", 1, "--top", 6, "--json", *arguments)
    done = world.run(command)
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


def test_a_confirmation_is_the_same_for_any_number_of_workers_and_costs_nothing_again(
    searched: World,
) -> None:
    one = confirmed(searched, "one", "--pairs", 12, "--workers", 1)
    three = confirmed(searched, "three", "--pairs", 12, "--workers", 3)
    assert one["claims"] == three["claims"]
    cache = searched.folder / "cache-one"
    shutil.rmtree(cache)
    assert confirmed(searched, "one", "--pairs", 12) == one
    trained = [json.loads(path.read_text()) for path in cache.rglob("references/*/*.json")]
    assert {entry["trial"]["steps"] for entry in trained} == {STEPS}, "all pairs were kept in the run"


def test_few_cells_go_on_and_every_claim_spends_from_one_ledger(searched: World) -> None:
    claims = confirmed(searched, "spent", "--pairs", 8, "--workers", 2)["claims"]
    found = [claim for claim in claims if claim["column"] == "gru" and claim["cell"] not in ("mut1", PLACEBO)]
    assert len({claim["a"] for claim in found}) == len(found) > 3
    assert sum(claim["pairs"] > 2 for claim in found) <= 3
    levels = [claim["level"] for claim in claims]
    assert levels == sorted(levels, reverse=True) and sum(levels) <= 0.05
    with RunStore.open(searched.folder / "runs" / "spent") as store:
        assert list(store.claims.read()) == [claim["claim"] for claim in claims]


def test_the_placebo_is_not_told_apart_from_the_gru(searched: World) -> None:
    document = confirmed(searched, "placebo", "--pairs", 12, "--workers", 2)
    placebo = next(claim for claim in document["claims"] if claim["cell"] == PLACEBO)
    assert placebo["a"] == placebo["b"] and placebo["verdict"] == "not told apart"
    assert placebo["pairs"] == max(claim["pairs"] for claim in document["claims"] if claim["column"] == "gru")
    skills = [skill for task in placebo["tasks"].values() for skill in task["skills"]]
    assert len(set(skills)) == len(skills), "its initial weights are others"


def test_a_run_that_has_found_nothing_is_told(searched: World) -> None:
    done = searched.run(searched.evolve("--run", "bare", "--max-candidates", 1))
    assert done.returncode == 0, done.stderr
    ended = searched.run(searched.command("confirm", "bare"))
    assert (ended.returncode, ended.stderr) == (
        2,
        "Error: bare: none of the first 10 ranks is a cell that the search has made\n",
    )


# -- what is better goes on -----------------------------------------------------------------------------------------

EVERYWHERE = ("--equal", "width,flops,time", "--scale", "3,10", "--control", "discoveries", "--pairs", 14)


@pytest.fixture(scope="module")
def everywhere(searched: World) -> dict[str, Any]:
    """The document of a confirmation with every column, of a run that searched on xml alone; its claims are counted once."""
    done = searched.run(searched.evolve("--run", "xml", "--tasks", "xml", "--max-candidates", 25))
    assert done.returncode == 0, done.stderr
    return confirmed(searched, "xml", *EVERYWHERE, "--workers", 2)


def of_columns(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """Return the claims by column, in the order in which these were begun."""
    columns: dict[str, list[dict[str, Any]]] = {}
    for claim in document["claims"]:
        columns.setdefault(claim["column"], []).append(claim)
    return columns


def test_what_is_better_is_tried_on_other_terms_at_other_sizes_and_on_the_unused_task(
    everywhere: dict[str, Any],
) -> None:
    columns = of_columns(everywhere)
    assert list(columns)[-6:] == ["equal width", "equal flops", "equal time", "3x", "10x", "arithmetic"]
    against_gru = [claim for claim in columns.pop("gru") if claim["cell"] != PLACEBO]
    better = {claim["a"] for claim in against_gru if claim["verdict"] == "better"}
    assert 0 < len(better) < len(against_gru)
    assert all({claim["a"] for claim in those} == better for those in columns.values())
    assert [claim["claim"] for claim in everywhere["claims"]] == list(range(1, len(everywhere["claims"]) + 1))


def test_the_columns_are_of_the_sizes_and_tasks_that_they_say(
    searched: World, everywhere: dict[str, Any]
) -> None:
    with RunStore.open(searched.folder / "runs" / "xml") as store:
        claims = {number: claim for number, (claim, _) in store.claims.read().items()}
    columns = of_columns(everywhere)
    (home,) = claims[1].tasks
    for column, factor in (("gru", 1), ("equal width", 1), ("3x", 3), ("10x", 10)):
        (task,) = claims[columns[column][0]["claim"]].tasks
        assert (task.name, task.rules.budget, task.rules.steps) == (
            "xml",
            (factor * home.rules.budgets[0],) if factor > 1 else home.rules.budget,
            factor * home.rules.steps,
        )
    assert set(columns["arithmetic"][0]["tasks"]) == {"arithmetic"}


def test_every_cell_is_probed_at_the_corners_of_the_grid_on_the_task_of_the_run(
    everywhere: dict[str, Any],
) -> None:
    for cell in everywhere["cells"]:
        layers = cell["stability"]["layers"]
        assert layers["1"]["probes"] == 4 and layers["2"]["probes"] in (0, 4)


def test_terms_are_part_of_claims_and_are_kept_so_that_asking_again_costs_nothing(
    searched: World, everywhere: dict[str, Any]
) -> None:
    columns = of_columns(everywhere)
    for what in ("width", "flops", "time"):
        assert {claim["equal"]["what"] for claim in columns[f"equal {what}"]} == {what}
    assert all("equal" not in claim for column in ("gru", "3x", "arithmetic") for claim in columns[column])
    assert confirmed(searched, "xml", *EVERYWHERE, "--workers", 1) == everywhere


def test_discoveries_buy_level_for_later_claims(everywhere: dict[str, Any]) -> None:
    claims = everywhere["claims"]
    assert everywhere["control"] == "discoveries"
    assert claims[0]["discoveries"] == 0 and claims[0]["level"] == level(1)
    counts = [claim["discoveries"] for claim in claims]
    assert counts == sorted(counts) and counts[-1] > 0
    for claim in claims:
        assert claim["level"] == level_of_discoveries(claim["claim"], claim["discoveries"])


@pytest.mark.slow
def test_verdicts_in_every_column_and_under_either_control_replay(
    searched: World, everywhere: dict[str, Any]
) -> None:
    done = searched.run(searched.command("replay", "xml", "--verdicts", "--json"))
    assert done.returncode == 0, done.stderr
    claims = json.loads(done.stdout)["claims"]
    assert [claim["failures"] for claim in claims] == [[]] * len(everywhere["claims"])
    said = {(claim["a"], claim["b"], str(claim["tasks"]), claim["equal"]) for claim in claims}
    assert len(said) == len(claims), "each row says what it is about"


def test_the_cost_counts_every_column_and_the_measuring_of_times(searched: World) -> None:
    shutil.copytree(searched.folder / "runs" / "found", searched.folder / "runs" / "priced")
    with RunStore.open(searched.folder / "runs" / "priced") as store:
        champions = int(read_leaderboard(store, "").champion != "gru")
    asked = ("--settings", 1, "--pairs", 5, "--no-unused", "--equal", "width,time", "--max-time", "0.01s")
    done = searched.run(searched.command("confirm", "priced", *asked))
    rest = re.search(r"of what is better at most ([\d,]+) trials", done.stderr)
    column, measuring = 3 * 5 * 2 * 2, 4 * 3 * 2  # cells, pairs, sides, tasks; cells, short trials, tasks
    assert rest is not None and int(rest[1].replace(",", "")) == (champions + 2) * column + measuring


def test_the_leaderboard_shows_what_is_said_at_equal_parameters(
    searched: World, everywhere: dict[str, Any]
) -> None:
    with RunStore.open(searched.folder / "runs" / "xml") as store:
        board = read_leaderboard(store, "xml")
    verdicts = [row.verdict for row in board.rows if row.verdict is not None]
    assert {verdict.claim.alike for verdict in verdicts} == {"parameters"} and board.control == "discoveries"
    assert {verdict.number for verdict in verdicts} <= {
        claim["claim"] for claim in of_columns(everywhere)["gru"]
    }


@pytest.mark.slow
def test_a_claim_that_was_made_before_keeps_its_level_under_another_control(searched: World) -> None:
    few = ("--pairs", 2, "--no-unused", "--equal", "parameters", "--workers", 2)
    first = confirmed(searched, "both", *few)
    again = confirmed(searched, "both", *few, "--control", "discoveries")
    assert again["claims"] == first["claims"] and again["control"] == first["control"] == "family"
    more = confirmed(searched, "both", *few, "--control", "discoveries", "--settings", 2)
    assert more["control"] == "discoveries"
    assert [claim["discoveries"] for claim in more["claims"]] == [0] * len(more["claims"])


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (("--equal", "widht"), "Error: --equal widht: no 'widht' (did you mean 'width'?)"),
        (("--scale", "1"), "Error: --scale 1: numbers above 0 and up to 1000 but 1"),
    ],
)
def test_columns_that_there_are_not_are_refused(
    given: tuple[str, str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(["confirm", "found", *given]) == 2
    assert capsys.readouterr().err.startswith(said)
