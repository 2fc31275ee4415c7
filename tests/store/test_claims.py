"""The ledger: a claim keeps its place, also when it was dropped, and its pairs survive any moment."""

from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import RunLocked, StoreError
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.equality import equality
from archsearch.store.claims import Ledger
from tests.helpers.plans import GRU, run_plan

PLAN = run_plan()
CLAIMS = [Claim.of(PLAN, library.load(name).id, GRU, 2) for name in ("mut1", "mut2", "lstm")]


def test_claims_are_numbered_as_they_come_and_keep_their_place(tmp_path: Path) -> None:
    assert [Ledger(tmp_path / "judge").enter(claim) for claim in CLAIMS] == [1, 2, 3]
    assert [Ledger(tmp_path / "judge").enter(claim) for claim in CLAIMS] == [1, 2, 3]


def test_a_claim_that_was_dropped_before_its_first_pair_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "judge")
    ledger.enter(CLAIMS[0])
    assert ledger.pairs(CLAIMS[0]) == {"arithmetic": (), "xml": ()}
    assert ledger.enter(CLAIMS[1]) == 2


def test_a_claim_at_equal_time_is_found_again_whatever_time_was_measured(tmp_path: Path) -> None:
    cells = library.load("mut1"), library.load("gru")
    ledger, claim = Ledger(tmp_path / "judge"), CLAIMS[0]
    assert ledger.made_before(claim, "time") is None
    timed = replace(claim, equal=equality(PLAN, *cells, "time", lambda kind: 1.5))
    for made in (claim, replace(claim, equal=equality(PLAN, *cells, "flops")), timed):
        ledger.enter(made)
    assert ledger.made_before(claim, "time") == timed
    assert ledger.made_before(CLAIMS[1], "time") is None


def test_pairs_come_back_as_they_were_kept(tmp_path: Path) -> None:
    pairs = {"arithmetic": (PairResult(0.1, 0.2), PairResult(None, 0.3)), "xml": (PairResult(0.5, None),)}
    Ledger(tmp_path / "judge").keep(CLAIMS[0], pairs)
    assert Ledger(tmp_path / "judge").pairs(CLAIMS[0]) == pairs


def test_a_claim_that_another_process_works_on_is_locked(tmp_path: Path) -> None:
    one, other = Ledger(tmp_path / "judge"), Ledger(tmp_path / "judge")
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
    ledger = Ledger(tmp_path / "judge")
    (ledger.folder / "ledger.json").write_bytes(content)
    with pytest.raises(StoreError, match=r"ledger\.json: damaged"):
        ledger.enter(CLAIMS[0])
    assert (ledger.folder / "ledger.json").read_bytes() == content


def test_pairs_of_another_claim_are_refused(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "judge")
    ledger.keep(CLAIMS[0], {"arithmetic": (), "xml": ()})
    path, other = (ledger.folder / f"{claim.key}.json" for claim in CLAIMS[:2])
    path.rename(other)
    with pytest.raises(StoreError, match="of another claim"):
        ledger.pairs(CLAIMS[1])


def test_a_folder_that_others_may_write_to_is_refused(tmp_path: Path) -> None:
    (tmp_path / "judge").mkdir(mode=0o700)
    (tmp_path / "judge").chmod(0o777)
    with pytest.raises(StoreError, match="set ARCHSEARCH_CACHE"):
        Ledger(tmp_path / "judge")


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StoreError, match="choose another folder with ARCHSEARCH_CACHE"):
        Ledger(tmp_path / "file" / "judge")
