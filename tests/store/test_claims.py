"""Ledgers: a claim keeps its place, also when it was dropped, and its pairs survive any moment."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import RunLocked, StoreError
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.equality import equality
from archsearch.store import RunStore, make_run, read_leaderboard
from archsearch.store.claims import RunLedger, UserLedger, made_before, read_hearings
from archsearch.store.salvage import salvage
from tests.helpers.plans import GRU, run_plan

PLAN = run_plan()
CLAIMS = [Claim.of(PLAN, library.load(name).id, GRU, 2) for name in ("mut1", "mut2", "lstm")]


def test_claims_are_numbered_as_they_come_and_keep_their_place(tmp_path: Path) -> None:
    assert [UserLedger(tmp_path / "judge").enter(claim) for claim in CLAIMS] == [1, 2, 3]
    assert [UserLedger(tmp_path / "judge").enter(claim) for claim in CLAIMS] == [1, 2, 3]


def test_a_claim_that_was_dropped_before_its_first_pair_counts(tmp_path: Path) -> None:
    ledger = UserLedger(tmp_path / "judge")
    ledger.enter(CLAIMS[0])
    assert ledger.pairs(CLAIMS[0]) == {"arithmetic": (), "xml": ()}
    assert ledger.enter(CLAIMS[1]) == 2


def test_a_claim_at_equal_time_is_found_again_whatever_time_was_measured(tmp_path: Path) -> None:
    cells = library.load("mut1"), library.load("gru")
    ledger, claim = UserLedger(tmp_path / "judge"), CLAIMS[0]
    assert made_before(ledger, claim, "time") is None
    timed = replace(claim, equal=equality(PLAN, *cells, "time", lambda kind: 1.5))
    for made in (claim, replace(claim, equal=equality(PLAN, *cells, "flops")), timed):
        ledger.enter(made)
    assert made_before(ledger, claim, "time") == timed
    assert made_before(ledger, CLAIMS[1], "time") is None


def test_pairs_come_back_as_they_were_kept(tmp_path: Path) -> None:
    pairs = {"arithmetic": (PairResult(0.1, 0.2), PairResult(None, 0.3)), "xml": (PairResult(0.5, None),)}
    UserLedger(tmp_path / "judge").keep(CLAIMS[0], pairs)
    assert UserLedger(tmp_path / "judge").pairs(CLAIMS[0]) == pairs


def test_a_claim_that_another_process_works_on_is_locked(tmp_path: Path) -> None:
    one, other = UserLedger(tmp_path / "judge"), UserLedger(tmp_path / "judge")
    with (
        one.hearing(CLAIMS[0]),
        other.hearing(CLAIMS[1]),
        pytest.raises(RunLocked, match="works on this claim"),
        other.hearing(CLAIMS[0]),
    ):
        raise AssertionError
    with other.hearing(CLAIMS[0]):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b'{"claims": 3}', b"\xff\xfe", b"[" * 100_000])
def test_a_damaged_ledger_is_told_and_left_as_it_is(content: bytes, tmp_path: Path) -> None:
    ledger = UserLedger(tmp_path / "judge")
    (ledger.folder / "ledger.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"ledger\.json: damaged"):
        ledger.enter(CLAIMS[0])
    assert (ledger.folder / "ledger.json").read_bytes() == content


def test_pairs_of_another_claim_are_refused(tmp_path: Path) -> None:
    ledger = UserLedger(tmp_path / "judge")
    ledger.keep(CLAIMS[0], {"arithmetic": (), "xml": ()})
    path, other = (ledger.folder / f"{claim.key}.json" for claim in CLAIMS[:2])
    path.rename(other)
    with pytest.raises(StoreError, match="of another claim"):
        ledger.pairs(CLAIMS[1])


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir(mode=0o700)
    (tmp_path / "judge").chmod(0o777)
    with pytest.raises(StoreError, match="set ARCHSEARCH_CACHE"):
        UserLedger(tmp_path / "judge")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose another folder with ARCHSEARCH_CACHE"):
        UserLedger(tmp_path / "file" / "judge")


@pytest.fixture
def run(tmp_path: Path) -> Path:
    make_run(tmp_path / "run", PLAN)
    return tmp_path / "run"


def test_the_ledger_of_a_run_is_in_its_database(run: Path) -> None:
    pairs = {"arithmetic": (PairResult(0.1, None),), "xml": (PairResult(0.5, 0.25),)}
    with RunStore.open(run, write=True) as store:
        assert [RunLedger(store).enter(claim) for claim in CLAIMS[:2]] == [1, 2]
        RunLedger(store).keep(CLAIMS[1], pairs)
    with RunStore.open(run, write=True) as store:
        ledger = RunLedger(store)
        assert [ledger.enter(claim) for claim in reversed(CLAIMS)] == [3, 2, 1], "dropped claims count"
        assert ledger.pairs(CLAIMS[0]) == {"arithmetic": (), "xml": ()}
        assert ledger.pairs(CLAIMS[1]) == pairs


def test_a_claim_without_a_pair_keeps_its_place_and_says_nothing(run: Path) -> None:
    pairs = {"arithmetic": (PairResult(0.5, 0.4),), "xml": (PairResult(0.5, 0.4),)}
    asked_again = Claim.of(PLAN, CLAIMS[0].a, GRU, 3)
    with RunStore.open(run, write=True) as store:
        ledger = RunLedger(store)
        assert [ledger.enter(claim) for claim in (CLAIMS[1], CLAIMS[0], asked_again)] == [1, 2, 3]
        assert read_leaderboard(store, "run").verdict is None
        ledger.keep(CLAIMS[0], pairs)
        heard, verdict = read_hearings(store, PLAN), read_leaderboard(store, "run").verdict
    assert {cell: hearing.number for cell, hearing in heard.items()} == {CLAIMS[1].a: 1, CLAIMS[0].a: 2}
    assert verdict is not None and verdict.number == 2


@pytest.mark.parametrize("column", ["claim", "pairs", "seal"])
def test_a_claim_of_a_run_that_was_altered_is_damage(run: Path, column: str) -> None:
    with RunStore.open(run, write=True) as store:
        RunLedger(store).enter(CLAIMS[0])
        store.database.connection.execute(f"UPDATE claims SET {column} = {column} || ' '")
    with RunStore.open(run) as store, pytest.raises(StoreError, match="claim 1 does not hold"):
        store.claims.read()


def test_a_claim_without_a_task_is_damage_however_it_is_sealed(run: Path) -> None:
    with RunStore.open(run, write=True) as store:
        store.claims.keep(1, replace(CLAIMS[0], tasks=()), {})
        with pytest.raises(StoreError, match="claim 1 does not hold"):
            store.claims.read()


def test_claims_are_salvaged_with_their_numbers(run: Path, tmp_path: Path) -> None:
    with RunStore.open(run, write=True) as store:
        for claim in CLAIMS:
            RunLedger(store).enter(claim)
        store.database.connection.execute("UPDATE claims SET seal = '' WHERE number = 2")
    salvage(run, tmp_path / "saved")
    with RunStore.open(tmp_path / "saved", write=True) as store:
        assert list(store.claims.read()) == [1, 3]
        assert RunLedger(store).enter(CLAIMS[1]) == 4, "the place that was lost is spent"


def test_a_run_of_schema_2_has_no_claims_yet_and_gets_its_ledger_when_it_goes_on(run: Path) -> None:
    with RunStore.open(run, write=True) as store:
        store.database.connection.execute("DROP TABLE claims")
        store.database.connection.execute("PRAGMA user_version = 2")
    with RunStore.open(run) as reader:
        assert reader.claims.read() == {}
    with RunStore.open(run, write=True) as store:
        assert RunLedger(store).enter(CLAIMS[0]) == 1
