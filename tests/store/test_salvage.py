"""Salvage: what of a damaged run can be read and holds lies in a new one, and nothing else does."""

from __future__ import annotations

import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from archsearch.errors import InputError, RunLocked, StoreError
from archsearch.protocol.records import Step, Verdict
from archsearch.store import Lock, RunStore, make_run, read_leaderboard
from archsearch.store.contents import Contents, read_contents
from archsearch.store.salvage import salvage
from archsearch.store.schema import VERSION
from tests.helpers.plans import done, run_plan
from tests.store.test_run_store import LSTM, PLAN, SCHEMA_1, trial


def sealed(folder: Path) -> Path:
    """Make a run of today's schema that has something in every table."""
    make_run(folder, PLAN)
    with RunStore.open(folder, write=True) as store:
        for number in range(40):
            store.trials.take_over(trial(number), done(0.5 + number / 100))
        store.steps.add(Step(0, "start", LSTM.id), LSTM)
        store.steps.tell(0, Verdict("evaluated", 2), 3.0)
        for number in range(1, 12):
            store.steps.add(Step(number, "start", LSTM.id), None)
    return folder


def of(folder: Path) -> Contents:
    with RunStore.open(folder) as store:
        return read_contents(store.database.connection, VERSION, 1 << 30)


def flipped(folder: Path, to: Path, seed: int, flips: int = 1) -> Path:
    """Copy a run with some bits of its database flipped."""
    content, rng = bytearray((folder / "run.db").read_bytes()), random.Random(seed)
    for _ in range(flips):
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    to.mkdir(parents=True)
    (to / "run.db").write_bytes(content)
    if (folder / "run.toml").exists():
        shutil.copy(folder / "run.toml", to)
    return to


def check(whole: Contents, damaged: Path, to: Path, seed: int) -> int:
    """Salvage a run; check that nothing else came of it; return how many of its rows are lost."""
    before = (damaged / "run.db").read_bytes()
    try:
        salvage(damaged, to)
    except StoreError as error:
        assert "plan is lost" in str(error), f"seed {seed}: {error}"
        assert not to.exists(), f"seed {seed}"
        return count(whole)
    assert (damaged / "run.db").read_bytes() == before, f"seed {seed}: the damaged run was changed"
    saved = of(to)
    assert not saved.damaged, f"seed {seed}"
    for table in ("cells", "steps", "trials"):
        for key, row in saved.rows[table].items():
            assert row == whole.rows[table][key], f"seed {seed}: {table} {key}"
    return count(whole) - count(saved)


def count(contents: Contents) -> int:
    return sum(len(contents.rows[table]) for table in ("cells", "steps", "trials"))


def losses(whole: Path, tmp_path: Path, seeds: range) -> list[int]:
    contents = of(whole)
    return [
        check(contents, flipped(whole, tmp_path / f"{seed}", seed), tmp_path / f"{seed}-saved", seed)
        for seed in seeds
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A run of each schema."""
    folder = tmp_path_factory.mktemp("runs")
    shutil.copytree(SCHEMA_1, folder / "old")
    with RunStore.open(folder / "old", write=True) as store:
        store.database.connection.execute("UPDATE trials SET state = 'interrupted' WHERE state = 'running'")
    return {"old": folder / "old", "new": sealed(folder / "new")}


@pytest.mark.parametrize("kind", ["old", "new"])
def test_a_flipped_bit_costs_a_page_at_most(runs: dict[str, Path], tmp_path: Path, kind: str) -> None:
    lost = losses(runs[kind], tmp_path, range(25))
    total = count(of(runs[kind]))
    print(f"{kind}: of {total} rows at most {max(lost)} were lost, {sum(lost) / len(lost):.1f} in the mean")
    assert sum(lost) / len(lost) < 0.1 * total
    assert sum(loss < total / 4 for loss in lost) > 0.9 * len(lost)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["old", "new"])
def test_two_hundred_flipped_bits_each_cost_a_page_at_most(
    runs: dict[str, Path], tmp_path: Path, kind: str
) -> None:
    lost = losses(runs[kind], tmp_path, range(1000, 1100))
    total = count(of(runs[kind]))
    print(f"{kind}: of {total} rows at most {max(lost)} were lost, {sum(lost) / len(lost):.1f} in the mean")
    assert sum(lost) / len(lost) < 0.1 * total


@pytest.mark.parametrize("page", ["header", "all of the first page"])
def test_the_first_page_is_the_same_in_every_run(runs: dict[str, Path], tmp_path: Path, page: str) -> None:
    for name, whole in runs.items():
        damaged = flipped(whole, tmp_path / name, 0, 0)
        with (damaged / "run.db").open("r+b") as file:
            file.write(bytes(100 if page == "header" else 4096))
        assert check(of(whole), damaged, tmp_path / f"{name}-saved", 0) == 0


def test_rows_around_a_page_that_cannot_be_read_are_saved(runs: dict[str, Path], tmp_path: Path) -> None:
    whole = runs["new"]
    content = (whole / "run.db").read_bytes()
    leaves = [page for page in range(len(content) // 4096) if content[page * 4096] == 10]
    place = next(page for page in leaves if b'"status":"done"' in content[page * 4096 :][:4096])
    damaged = flipped(whole, tmp_path / "a", 0, 0)
    with (damaged / "run.db").open("r+b") as file:
        file.seek(place * 4096)
        file.write(b"\xff" * 4096)
    assert 0 < check(of(whole), damaged, tmp_path / "saved", 0) < 10


def test_the_log_of_a_killed_driver_is_saved_too(tmp_path: Path) -> None:
    make_run(tmp_path / "run", PLAN)
    with RunStore.open(tmp_path / "run", write=True) as store:
        store.trials.take_over(trial(), done(0.5))
        shutil.copytree(tmp_path / "run", tmp_path / "copy")
    salvage(tmp_path / "copy", tmp_path / "saved")
    with RunStore.open(tmp_path / "saved") as store:
        assert store.trials.outcome(trial().key) == done(0.5)


def test_an_older_run_is_saved_as_one_of_today_and_says_the_same(tmp_path: Path) -> None:
    salvage(SCHEMA_1, tmp_path / "saved")
    with RunStore.open(SCHEMA_1) as old, RunStore.open(tmp_path / "saved") as new:
        assert read_leaderboard(new, "x") == read_leaderboard(old, "x")


def test_a_step_that_is_lost_is_asked_again_with_all_after_it(runs: dict[str, Path], tmp_path: Path) -> None:
    damaged = flipped(runs["new"], tmp_path / "a", 0, 0)
    with closing(sqlite3.connect(damaged / "run.db")) as connection, connection:
        connection.execute("UPDATE steps SET asked = replace(asked, 'start', 'propose') WHERE number = 4")
    salvage(damaged, tmp_path / "saved")
    with RunStore.open(tmp_path / "saved") as store:
        assert [step.number for step, _ in store.steps.read()] == [0, 1, 2, 3]
        assert store.trials.count() == 40


def test_what_was_being_trained_waits_again(runs: dict[str, Path], tmp_path: Path) -> None:
    run = flipped(runs["new"], tmp_path / "a", 0, 0)
    with RunStore.open(run, write=True) as store:
        store.trials.claim(trial(99), 1)
    salvage(run, tmp_path / "saved")
    with RunStore.open(tmp_path / "saved", write=True) as store:
        assert store.trials.interrupt() == 1


def test_nothing_is_overwritten_and_a_search_is_not_disturbed(runs: dict[str, Path], tmp_path: Path) -> None:
    run = flipped(runs["new"], tmp_path / "a", 0, 0)
    with pytest.raises(InputError, match="is there already"):
        salvage(run, run)
    with Lock(run), pytest.raises(RunLocked, match="in use by process"):
        salvage(run, tmp_path / "saved")
    assert not (tmp_path / "saved").exists()


def test_a_plan_that_is_lost_comes_from_its_copy_or_that_is_said(
    runs: dict[str, Path], tmp_path: Path
) -> None:
    run = flipped(runs["new"], tmp_path / "a", 0, 0)
    with closing(sqlite3.connect(run / "run.db")) as connection, connection:
        connection.execute("UPDATE facts SET value = '{}' WHERE name = 'plan'")
    salvage(run, tmp_path / "saved")
    with RunStore.open(tmp_path / "saved") as store:
        assert store.facts.plan == PLAN, "the copy for people says it in full"
    with (run / "run.toml").open("a") as file:
        file.write("# a note\n")
    with pytest.raises(StoreError, match="plan is lost"):
        salvage(run, tmp_path / "other")


def test_pages_that_lead_in_circles_have_an_end(runs: dict[str, Path], tmp_path: Path) -> None:
    """An inner page of trials whose children are all one page."""
    damaged = flipped(runs["new"], tmp_path / "a", 0, 0)
    with closing(sqlite3.connect(damaged / "run.db")) as connection:
        root = connection.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'trials'").fetchone()[0]
    content = bytearray((damaged / "run.db").read_bytes())
    start = (root - 1) * 4096
    assert content[start] == 2, "an inner page"
    last = content[start + 8 : start + 12]
    for cell in range(int.from_bytes(content[start + 3 : start + 5], "big")):
        place = start + int.from_bytes(content[start + 12 + 2 * cell : start + 14 + 2 * cell], "big")
        content[place : place + 4] = last
    (damaged / "run.db").write_bytes(content)
    assert check(of(runs["new"]), damaged, tmp_path / "saved", 0) > 0


def test_another_plan_is_another_run(tmp_path: Path) -> None:
    make_run(tmp_path / "a", run_plan(seed=7))
    salvage(tmp_path / "a", tmp_path / "b")
    with RunStore.open(tmp_path / "b") as store:
        assert store.facts.plan.seed == 7
