"""Merging: runs that differ in their seeds become one, the same in any order, with one budget for all claims."""

from __future__ import annotations

import shutil
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import InputError, ReadOnly, RunLocked, StoreError
from archsearch.protocol.claims import Claim, PairResult, ledger_of
from archsearch.protocol.hearing import Hearing
from archsearch.protocol.records import Outcome
from archsearch.protocol.seeds import seed_of
from archsearch.referee.ledger import level
from archsearch.referee.ruling import Ruling
from archsearch.store import Lock, RunStore, as_document, make_run, read_history, read_leaderboard, read_steps
from archsearch.store.claims import RunLedger, made_before, read_hearings
from archsearch.store.merging import merge_runs
from archsearch.store.salvage import salvage
from tests.helpers.in_process import search_on
from tests.helpers.plans import GRU, done, preset, run_plan

WON = PairResult(0.9, 0.1)
SEEDS = (1, 2, 3)


def claims_about(store: RunStore, *cells: str) -> list[Claim]:
    return [Claim.of(store.facts.plan, cell, GRU, 2, ledger_of(store.facts.plan)) for cell in cells]


def searched(folder: Path, seed: int, candidates: int = 20) -> Path:
    """Make a run that a simulated search and the referee have worked on."""
    make_run(folder, run_plan(preset(placebo=0.1, noise_draws=2), seed=seed))
    search_on(folder, candidates)
    with RunStore.open(folder, write=True) as store:
        found = [row.id for row in read_leaderboard(store, "").rows if row.is_found]
        for number, claim in enumerate(claims_about(store, *found[: 3 - seed % 2]), 1):
            store.claims.keep(number, claim, {task.name: (WON,) * (8 + number) for task in claim.tasks})
        store.facts.elapsed = 100.0 * seed
    return folder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a run for each seed."""
    folder = tmp_path_factory.mktemp("runs")
    for seed in SEEDS:
        searched(folder / f"run-{seed}", seed)
    return folder


@pytest.fixture
def runs(made: Path, tmp_path: Path) -> list[Path]:
    """A copy of each."""
    return [Path(shutil.copytree(made / f"run-{seed}", tmp_path / f"run-{seed}")) for seed in SEEDS]


def content(folder: Path) -> dict[str, list[tuple[object, ...]]]:
    """Return all that a run's database says, but for what only this process did."""
    with RunStore.open(folder) as store:
        return {
            table: store.database.connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall()
            for table in ("facts", "cells", "steps", "trials", "claims", "kept", "scored")
        }


def test_the_order_in_which_runs_are_named_changes_nothing(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "a")
    merge_runs(runs[::-1], tmp_path / "b")
    assert content(tmp_path / "a") == content(tmp_path / "b")
    assert (tmp_path / "a" / "run.toml").read_bytes() == (tmp_path / "b" / "run.toml").read_bytes()


def test_every_candidate_of_every_run_is_there_once_and_judged_as_before(
    runs: list[Path], tmp_path: Path
) -> None:
    merge_runs(runs, tmp_path / "all")
    alone: dict[str, float | None] = {}
    fates = 0
    for run in runs:
        with RunStore.open(run) as store:
            history, _ = read_history(store, store.facts.plan)
            fates += history.told
            cells = {
                step.cell for step, verdict in store.steps.read() if verdict and step.kind != "nothing"
            } - {""}
            candidates = {cell: history.candidate(cell) for cell in cells}
            alone |= {cell: c.fitness if c.judgement else None for cell, c in candidates.items() if c}
    with RunStore.open(tmp_path / "all") as store:
        history, _ = read_history(store, store.facts.plan)
        joined = {cell: history.candidate(cell) for cell in alone}
        assert {cell: c.fitness if c and c.judgement else None for cell, c in joined.items()} == alone
        assert history.counts.candidates == len(alone)
        assert history.told < fates, "start cells and equal clones are there once"
        assert history.counts.placebos == max(_placebos(run) for run in runs)
        told = history.counts
        store_again = msgspec.json.encode(told)
    with RunStore.open(tmp_path / "all") as store:
        assert msgspec.json.encode(store.standings.counts) == store_again, (
            "what follows from the steps is kept"
        )
        assert len(list(read_steps(store, store.facts.plan))) == told.told


def _placebos(run: Path) -> int:
    with RunStore.open(run) as store:
        return read_history(store, store.facts.plan)[0].counts.placebos


def test_the_leaderboard_is_the_best_of_all(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    rows = []
    for run in [*runs, tmp_path / "all"]:
        with RunStore.open(run) as store:
            rows.append(read_leaderboard(store, "").rows)
    best = max(row.estimate for of_run in rows[:-1] for row in of_run if row.is_found)
    assert next(row.estimate for row in rows[-1] if row.is_found) == best
    with RunStore.open(tmp_path / "all") as store:
        document = as_document(read_leaderboard(store, "all"))
    assert [part["seed"] for part in document["merged"]] == [1, 2, 3]
    assert document["seed"] == seed_of("merge", 1, 2, 3)


def test_the_claims_of_all_runs_spend_one_budget(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        claims = store.claims.read()
        hearings = [Hearing(claim, number, ("", ""), pairs) for number, (claim, pairs) in claims.items()]
    own = []
    for run in runs:
        with RunStore.open(run) as store:
            own.append([claim for claim, _ in store.claims.read().values()])
    assert [len(each) for each in own] == [2, 3, 2]
    first, second, third = (
        [each[place] for each in own if len(each) > place] for place in range(3)
    )  # no outcome decides a number: the first of each, by seed, then the second
    assert [claim for claim, _ in claims.values()] == [*first, *second, *third]
    assert list(claims) == [1, 2, 3, 4, 5, 6, 7]
    assert sum(hearing.level for hearing in hearings) == pytest.approx(sum(map(level, range(1, 8))))
    assert sum(hearing.level for hearing in hearings) < 0.05


def test_a_verdict_that_stood_alone_may_fall_where_more_claims_were_made(
    runs: list[Path], tmp_path: Path
) -> None:
    with RunStore.open(runs[2], write=True) as store:
        (claim, _), *_ = store.claims.read().values()
        few = {task.name: (WON,) * 10 for task in claim.tasks}
        store.claims.keep(1, claim, few)
    assert Hearing(claim, 1, ("", ""), few).ruling is Ruling.BETTER
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        found = read_hearings(store, store.facts.plan)[claim.a]
    assert found.number == 3 and found.ruling is Ruling.NOT_TOLD_APART


def test_what_was_discovered_before_a_claim_is_counted_in_the_merged_ledger(
    runs: list[Path], tmp_path: Path
) -> None:
    for run in runs:
        with RunStore.open(run, write=True) as store:
            for number, (claim, pairs) in store.claims.read().items():
                store.claims.keep(
                    number, replace(claim, discoveries=7), {name: each * 3 for name, each in pairs.items()}
                )
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        counted = [claim.discoveries for claim, _ in store.claims.read().values()]
    assert counted == [0, 1, 2, 3, 4, 5, 6], "each is better, and none was before the first"


def test_a_claim_of_one_of_the_runs_is_gone_on_with(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        ledger, (made, _) = RunLedger(store), store.claims.read()[4]
        (asked,) = claims_about(store, made.a)
        assert asked != made, "it was made in another ledger"
        assert made_before(ledger, asked, "parameters") == made


def test_a_cell_that_two_runs_made_claims_about_goes_on_with_the_one_that_is_shown(
    runs: list[Path], tmp_path: Path
) -> None:
    for run in runs[:2]:
        with RunStore.open(run, write=True) as store:
            (claim,) = claims_about(store, "same")
            store.claims.keep(9, claim, {task.name: (WON,) for task in claim.tasks})
    merge_runs(runs[:2], tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        (asked,) = claims_about(store, "same")
        shown = read_hearings(store, store.facts.plan)["same"]
        assert made_before(RunLedger(store), asked, "parameters") == shown.claim
        assert sum(claim.a == "same" for claim, _ in store.claims.read().values()) == 2, "both count"


def test_a_merged_run_is_merged_with_another_and_none_counts_twice(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs[:2], tmp_path / "two")
    with pytest.raises(InputError, match=r"run-1 and two both have seed 1|two and run-1 both have seed 1"):
        merge_runs([tmp_path / "two", runs[0]], tmp_path / "wrong")
    merge_runs([tmp_path / "two", runs[2]], tmp_path / "all")
    merge_runs(runs, tmp_path / "direct")
    with RunStore.open(tmp_path / "all") as all_, RunStore.open(tmp_path / "direct") as direct:
        assert (
            all_.facts.merged == direct.facts.merged and all_.facts.elapsed == direct.facts.elapsed == 600.0
        )
        assert {row.id for row in read_leaderboard(all_, "").rows} == {
            row.id for row in read_leaderboard(direct, "").rows
        }
        assert len(all_.claims.read()) == len(direct.claims.read())


def test_runs_of_one_seed_are_one_search(runs: list[Path], tmp_path: Path) -> None:
    copy = Path(shutil.copytree(runs[0], tmp_path / "copy"))
    with pytest.raises(InputError, match=r"run-1 and copy both have seed 1"):
        merge_runs([runs[0], copy], tmp_path / "all")
    for named in (runs[:1], [runs[0], runs[1], runs[0]]):
        with pytest.raises(InputError, match="two runs or more, each named once"):
            merge_runs(named, tmp_path / "all")


def test_runs_that_measure_differently_are_refused_with_the_differences(
    runs: list[Path], tmp_path: Path
) -> None:
    plan = run_plan(preset(placebo=0.2, noise_draws=2), seed=9)
    make_run(tmp_path / "other", replace(plan, engine="native 9"))
    with pytest.raises(InputError) as refused:
        merge_runs([runs[0], tmp_path / "other"], tmp_path / "all")
    assert "engine is simulated 1 and native 9" in str(refused.value)
    assert "preset.search.placebo is 0.1 and 0.2" in str(refused.value)
    assert not (tmp_path / "all").exists()


def test_limits_of_a_search_are_no_difference(runs: list[Path], tmp_path: Path) -> None:
    plan = run_plan(preset(placebo=0.1, noise_draws=2, max_candidates=5), seed=9)
    make_run(tmp_path / "other", plan)
    assert len(merge_runs([runs[0], tmp_path / "other"], tmp_path / "all")) == 2


def test_a_run_that_is_searched_in_is_refused_and_the_others_are_free_again(
    runs: list[Path], tmp_path: Path
) -> None:
    with Lock(runs[1]), pytest.raises(RunLocked, match="run-2 is in use by process"):
        merge_runs(runs, tmp_path / "all")
    assert not (tmp_path / "all").exists()
    with Lock(runs[0]), Lock(runs[1]):
        pass


def test_a_run_that_was_stopped_gives_what_it_has_told(runs: list[Path], tmp_path: Path) -> None:
    with RunStore.open(runs[0], write=True) as store:
        told, last = store.standings.told_and_candidates()[0], store.steps.read()[-1][0]
        store.facts.ended = None
        store.steps.add(replace(last, number=told), None)
        store.trials.claim(run_plan().trial("waiting", "xml", run_plan().settings["xml"][0]), 1)
    parts = merge_runs(runs[:2], tmp_path / "all")
    assert parts[0].steps == told
    with RunStore.open(tmp_path / "all") as store:
        assert all(verdict is not None for _, verdict in store.steps.read())
        assert not store.cells.ids_like("waiting") and store.facts.ended == "merged"
        assert store.database.connection.execute(
            "SELECT count(*) FROM trials WHERE outcome IS NULL"
        ).fetchone() == (0,)


def test_the_sources_are_only_read(runs: list[Path], tmp_path: Path) -> None:
    before = [(run / "run.db").read_bytes() for run in runs]
    merge_runs(runs, tmp_path / "all")
    assert [(run / "run.db").read_bytes() for run in runs] == before


def test_runs_in_folders_that_may_only_be_read_are_merged(
    runs: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(lock: Lock) -> Lock:
        raise ReadOnly(f"{lock.folder} may only be read")

    monkeypatch.setattr(Lock, "__enter__", refused)
    assert len(merge_runs(runs, tmp_path / "all")) == 3


def test_what_is_there_is_never_written_over(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    before = content(tmp_path / "all")
    with pytest.raises(InputError, match="is there already"):
        merge_runs(runs, tmp_path / "all")
    assert content(tmp_path / "all") == before


def test_what_ended_by_itself_stands_above_what_the_host_ended(runs: list[Path], tmp_path: Path) -> None:
    with RunStore.open(runs[0], write=True) as store:
        lstm = library.load("lstm").id
        trial, outcome = next((trial, ended) for trial, ended in store.trials.of(lstm) if ended.score)
        store.trials.reopen([trial])
        store.trials.take_over(trial, Outcome("crashed", reason="signal 9"))
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        assert store.trials.outcome(trial.key) == outcome


def test_a_trial_that_scored_otherwise_elsewhere_is_named(runs: list[Path], tmp_path: Path) -> None:
    with RunStore.open(runs[1], write=True) as store:
        trial = next(trial for trial, outcome in store.trials.ended() if trial.cell == GRU and outcome.score)
        store.trials.reopen([trial])
        store.trials.take_over(trial, done(0.123))
    with pytest.raises(InputError, match=rf"run-2: a trial of cell {GRU[:9]} on .* with score 0.123"):
        merge_runs(runs, tmp_path / "all")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run-1", "run-2", "run-3"]


def test_a_damaged_trial_is_named_and_nothing_is_made(runs: list[Path], tmp_path: Path) -> None:
    with RunStore.open(runs[2], write=True) as store:
        store.database.connection.execute("UPDATE trials SET score = 0.5 WHERE state = 'done'")
    with pytest.raises(StoreError, match=r"run-3/run.db: trial \w+ does not hold"):
        merge_runs(runs, tmp_path / "all")
    assert not (tmp_path / "all").exists()


def test_a_merged_run_that_is_salvaged_stays_merged(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    salvage(tmp_path / "all", tmp_path / "saved")
    with RunStore.open(tmp_path / "all") as whole, RunStore.open(tmp_path / "saved") as saved:
        assert saved.facts.merged == whole.facts.merged and saved.facts.ended == "merged"
        assert read_leaderboard(saved, "") == read_leaderboard(whole, "")


def test_ancestors_come_before_their_children(runs: list[Path], tmp_path: Path) -> None:
    merge_runs(runs, tmp_path / "all")
    with RunStore.open(tmp_path / "all") as store:
        births: dict[str, int] = {}
        for step, _ in store.steps.read():
            assert not step.parent or births[step.parent] < step.number
            births.setdefault(step.cell, step.number)
