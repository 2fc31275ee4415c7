"""The store's contract: one transaction per event, no result lost or counted twice, prefixes after a cut, clear refusals."""

from __future__ import annotations

import errno
import math
import os
import random
import resource
import shutil
import sqlite3
import stat
import sys
import tempfile
import tomllib
from collections.abc import Callable, Iterator
from pathlib import Path

import filelock
import pytest
from msgspec.structs import replace

from archsearch.cell import library
from archsearch.errors import ArchsearchError, InputError, NoSpace, ReadOnly, StoreError
from archsearch.protocol.records import Outcome, Step, Trial, Validation, Verdict
from archsearch.store import Lock, RunStore, make_run, read_leaderboard
from archsearch.store import folder as folders
from archsearch.store.outcomes import finite
from tests.helpers.plans import done, run_plan
from tests.helpers.sealing import forge
from tests.helpers.searches import ROOT, rows

PLAN = run_plan()
LSTM = library.load("lstm")


def trial(number: int = 0, cell: str = LSTM.id) -> Trial:
    return PLAN.trial(cell, "xml", PLAN.settings["xml"][number % 6], seed=number // 6)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_run(tmp_path / "runs" / "a", PLAN)
    return tmp_path / "runs" / "a"


@pytest.fixture
def store(folder: Path) -> Iterator[RunStore]:
    with RunStore.open(folder, write=True) as opened:
        yield opened


def test_a_new_run_keeps_its_plan_and_a_copy_that_people_can_read(store: RunStore, folder: Path) -> None:
    assert store.facts.plan == PLAN
    copy = tomllib.loads((folder / "run.toml").read_text())
    assert copy["preset"]["tasks"]["xml"]["steps"] == PLAN.preset.tasks["xml"].steps
    assert copy["seed"] == PLAN.seed


def test_a_store_closes_itself(folder: Path) -> None:
    with RunStore.open(folder) as store:
        assert store.facts.plan == PLAN
    with pytest.raises(StoreError, match="closed"):
        store.trials.count()


def test_facts_are_kept_and_an_ending_may_be_taken_back(store: RunStore, folder: Path) -> None:
    assert (store.facts.data, store.facts.ended, store.facts.elapsed) == (None, None, 0.0)
    store.facts.data, store.facts.ended, store.facts.elapsed = "/data", "exhausted", 0.1 + 0.2
    with RunStore.open(folder) as reader:
        assert (reader.facts.data, reader.facts.ended, reader.facts.elapsed) == (
            "/data",
            "exhausted",
            0.1 + 0.2,
        )
    store.facts.ended = None
    assert store.facts.ended is None


def test_a_run_belongs_to_its_owner_alone(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_a_trial_is_claimed_finished_and_found(store: RunStore) -> None:
    assert store.trials.outcome(trial().key) is None
    attempt = store.trials.claim(trial(), 1)
    assert attempt == 1 and store.trials.outcome(trial().key) is None
    assert store.trials.finish(trial(), attempt, done(0.7))
    assert store.trials.outcome(trial().key) == done(0.7)
    assert store.trials.count() == 1


def test_late_and_double_results_are_ignored(store: RunStore) -> None:
    first = store.trials.claim(trial(), 1)
    assert store.trials.interrupt() == 1
    second = store.trials.claim(trial(), 2)
    assert (first, second) == (1, 2)
    assert not store.trials.finish(trial(), first, done(0.1)), "late"
    assert store.trials.finish(trial(), second, done(0.2))
    assert not store.trials.finish(trial(), second, done(0.3)), "double"
    assert store.trials.outcome(trial().key) == done(0.2)


def test_a_finished_trial_stays_as_it_is(store: RunStore) -> None:
    store.trials.take_over(trial(), done(0.2))
    store.trials.take_over(trial(), done(0.9))
    store.trials.bury(trial(), store.trials.claim(trial(), 5), Outcome("crashed"), 1)
    assert store.trials.interrupt() == 0
    assert store.trials.outcome(trial().key) == done(0.2)


def test_what_the_host_ended_can_be_opened_again(store: RunStore) -> None:
    store.trials.bury(trial(), store.trials.claim(trial(), 1), Outcome("crashed", reason="SIGKILL"), 1)
    assert store.trials.host_ended() == [trial()]
    store.trials.reopen([trial()])
    assert (
        store.trials.outcome(trial().key) is None
        and not store.trials.host_ended()
        and store.trials.interrupt() == 1
    )
    store.trials.take_over(trial(), done(0.5))
    assert store.trials.outcome(trial().key) == done(0.5) and not store.trials.host_ended()


def test_the_second_death_ends_a_trial_and_poisons_its_like(store: RunStore) -> None:
    crash = Outcome("crashed", reason="SIGSEGV")
    assert not store.trials.bury(trial(), store.trials.claim(trial(), 1), crash, 2)
    assert store.trials.poisoned() == set() and store.trials.outcome(trial().key) is None
    assert not store.trials.bury(trial(), 1, crash, 2) and store.trials.poisoned() == set(), (
        "the same death again"
    )
    assert store.trials.bury(trial(), store.trials.claim(trial(), 2), crash, 2)
    assert store.trials.poisoned() == {trial().subject}
    assert store.trials.outcome(trial().key) == crash


def test_a_run_that_cannot_be_written_is_not_called_damaged(
    store: RunStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (
        RunStore.open(folder) as reader,
        pytest.raises(ReadOnly, match="check the disk and the perm") as caught,
    ):
        reader.cells.add(LSTM)
    assert caught.value.exit_code == 1

    def read_only(*_: object, **__: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    monkeypatch.setattr(filelock.FileLock, "acquire", read_only)
    with pytest.raises(ReadOnly, match="lock: Read-only file system; check the disk"), Lock(folder):
        pass


def test_an_interrupted_attempt_is_no_death(store: RunStore) -> None:
    for number in range(5):
        assert store.trials.claim(trial(), 1) == number + 1
        assert store.trials.interrupt() == 1
    assert store.trials.poisoned() == set()


@pytest.mark.parametrize("score", [math.nan, math.inf, -math.inf])
def test_no_score_is_stored_that_is_not_finite(store: RunStore, folder: Path, score: float) -> None:
    given = replace(
        done(0.5), score=score, nll=score, curve=(Validation(1, 0.5, score), Validation(2, 0.5, 1.0))
    )
    store.trials.take_over(trial(), given)
    kept = store.trials.outcome(trial().key)
    assert kept == finite(given) == finite(finite(given))
    assert kept is not None and (kept.status, kept.score, kept.reason) == ("diverged", None, f"score {score}")
    assert kept.curve == (Validation(2, 0.5, 1.0),)


def test_steps_are_kept_in_order_with_their_cells_and_verdicts(store: RunStore) -> None:
    asked = Step(0, "start", LSTM.id)
    store.steps.add(asked, LSTM)
    assert store.steps.read() == [(asked, None)]
    store.steps.tell(0, Verdict("evaluated", 2), 12.5)
    assert store.steps.read() == [(asked, Verdict("evaluated", 2))]
    assert store.facts.elapsed == 12.5
    assert store.cells.read(LSTM.id) == LSTM
    assert store.cells.ids_like(LSTM.id[:6]) == [LSTM.id] and store.cells.ids_like("c%") == []


def test_a_run_that_exists_is_not_made_again(folder: Path) -> None:
    before = (folder / "run.db").read_bytes()
    with pytest.raises(FileExistsError):
        make_run(folder, run_plan(seed=5))
    assert (folder / "run.db").read_bytes() == before
    assert [path.name for path in folder.parent.iterdir()] == ["a"]


def test_where_no_folder_can_be_made_nothing_is_left(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="--runs"):
        make_run(tmp_path / "file" / "runs" / "a", PLAN)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_path_of_too_many_folders_is_refused_before_one_is_made(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a path of 2,\d\d\d folders; at most 200 are made"):
        make_run(tmp_path.joinpath(*"a" * 2_000), PLAN)

    assert list(tmp_path.iterdir()) == []


def test_what_fails_while_a_run_is_made_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(plan: object) -> str:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folders, "settings_toml", broken)
    with pytest.raises(NoSpace, match="bytes free"):
        make_run(tmp_path / "a", PLAN)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "name", ["..", ".hidden", "a/../b\0", "-x", "CON", "con.txt", "a b", "ä", "x" * 65, "#", "%2e", ""]
)
def test_names_that_are_none_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError):
        folders.run_folder(name, tmp_path)


def test_a_path_that_is_too_long_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="long"):
        folders.run_folder(f"./{'x' * 300}", tmp_path)


@pytest.mark.parametrize("preset", ["tiny", "my preset!", ".hidden", "\x1b[31m", "x" * 300, "ä"])
def test_every_preset_gives_a_name(tmp_path: Path, preset: str) -> None:
    assert folders.NAME.fullmatch(folders.free_name(preset, tmp_path))


def test_a_name_keeps_what_a_folder_may_be_called(tmp_path: Path) -> None:
    names = [folders.free_name(preset, tmp_path) for preset in ("My preset!", "..hidden", "ä", "x" * 300)]
    assert names == ["My-preset--1", "hidden-1", "run-1", "x" * 40 + "-1"]


def test_a_new_run_is_numbered_after_the_highest_even_where_others_were_deleted(tmp_path: Path) -> None:
    assert folders.free_name("quick", tmp_path) == "quick-1"
    for name in ("quick-1", "quick-7", "quick-07b", "laptop-9", "quick-x"):
        (tmp_path / name).mkdir()
    assert folders.free_name("quick", tmp_path) == "quick-8"
    (tmp_path / "quick-1").rmdir()
    assert folders.free_name("quick", tmp_path) == "quick-8"


# -- damage ----------------------------------------------------------------------------------------------------------


def filled(store: RunStore, count: int = 30) -> None:
    for number in range(count):
        store.trials.take_over(trial(number), done(0.5 + number / 1000))


def copied(folder: Path, to: Path) -> Path:
    to.mkdir(parents=True)
    for file in folder.glob("run*"):
        shutil.copy(file, to / file.name)
    return to


def ended(folder: Path) -> list[bool]:
    with RunStore.open(folder) as store:
        return [store.trials.outcome(trial(number).key) is not None for number in range(30)]


@pytest.mark.parametrize("seed", range(12))
def test_a_cut_or_garbled_log_leaves_a_prefix_of_the_results(
    store: RunStore, folder: Path, tmp_path: Path, seed: int
) -> None:
    filled(store)
    copy = copied(folder, tmp_path / "copy")  # as a power cut leaves it
    log, rng = copy / "run.db-wal", random.Random(seed)
    content = bytearray(log.read_bytes())
    place = rng.randrange(len(content))
    if seed % 2:
        content = content[:place]
    else:
        content[place:] = rng.randbytes(len(content) - place)
    log.write_bytes(content)
    (copy / "run.db-shm").unlink()
    try:
        found = ended(copy)
    except StoreError:  # not even the tables were there
        assert place < 100_000, seed
        return
    assert found == sorted(found, reverse=True), f"seed {seed}: {found}"


def test_a_reader_sees_what_a_killed_driver_committed_and_changes_nothing(
    store: RunStore, folder: Path, tmp_path: Path
) -> None:
    filled(store)
    copy = copied(folder, tmp_path / "copy")
    before = {path.name: path.read_bytes() for path in copy.iterdir() if not path.name.endswith("-shm")}
    assert all(ended(copy))
    assert {
        path.name: path.read_bytes() for path in copy.iterdir() if not path.name.endswith("-shm")
    } == before


@pytest.mark.skipif(os.geteuid() != 0, reason="needs a second user")
@pytest.mark.parametrize("log", [True, False])
def test_a_run_that_may_only_be_read_can_be_read(log: bool) -> None:
    with tempfile.TemporaryDirectory() as name:  # where another user may go
        Path(name).chmod(0o755)
        make_run(Path(name) / "a", PLAN)
        store = RunStore.open(Path(name) / "a", write=True)
        filled(store)
        if not log:
            store.close()
        copy = copied(Path(name) / "a", Path(name) / "copy")
        store.close()
        (copy / "run.db-shm").unlink(missing_ok=True)
        assert (copy / "run.db-wal").exists() == log
        for path in (*copy.iterdir(), copy):
            path.chmod(0o555)
        assert as_nobody(lambda: all(ended(copy)))


def as_nobody(check: Callable[[], bool]) -> bool:
    """Return whether a check holds for a user who owns nothing."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setgid(65534)
            os.setuid(65534)
            code = 0 if check() else 2
        except BaseException as error:
            print(repr(error), file=sys.stderr)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def spoil_with(content: bytes) -> object:
    return lambda path: path.write_bytes(content)


def execute(statement: str) -> object:
    def change(path: Path) -> None:
        connection = sqlite3.connect(path, isolation_level=None)
        connection.execute(statement)
        connection.close()

    return change


def forged(statement: str) -> object:
    return lambda path: forge(path.parent, statement)


DAMAGE = {
    "empty": (spoil_with(b""), "no archsearch run"),
    "text": (spoil_with(b"not a database at all, " * 50), "not a database"),
    "pickle": (spoil_with(b"\x80\x04\x95" + b"x" * 200), "not a database"),
    "foreign": (execute("PRAGMA application_id = 7"), "no archsearch run"),
    "newer": (execute("PRAGMA user_version = 99"), "upgrade archsearch"),
    "no version": (execute("PRAGMA user_version = 0"), "no version"),
    "no table": (execute("DROP TABLE steps"), "table steps is missing"),
    "no plan": (execute("DELETE FROM facts"), "the plan is missing"),
    "bad plan": (forged("UPDATE facts SET value = '{}' WHERE name = 'plan'"), "the plan cannot be read"),
    "bad time": (forged("INSERT INTO facts (name, value) VALUES ('elapsed', 'nan')"), "seconds of search"),
    "bad ending": (
        forged("INSERT INTO facts (name, value) VALUES ('ended', 'badly')"),
        "it has ended by 'badly'",
    ),
    "no step": (forged("INSERT INTO steps (number, cell, asked) VALUES (3, '', '{}')"), "step 0 is missing"),
    "bad step": (
        forged("INSERT INTO steps (number, cell, asked) VALUES (0, '', '{')"),
        "step 0 cannot be read",
    ),
    "altered plan": (
        execute("UPDATE facts SET value = replace(value, 'xml', 'xnl')"),
        "the plan of the run does not hold",
    ),
    "altered step": (
        execute("INSERT INTO steps (number, cell, asked) VALUES (0, '', '{}')"),
        "step 0 does not hold",
    ),
    "no database": (lambda path: path.unlink(), "missing"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_damage_is_named_and_nothing_is_overwritten(folder: Path, kind: str) -> None:
    change, message = DAMAGE[kind]
    change(folder / "run.db")  # type: ignore[operator]
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    for write in (False, True):
        with pytest.raises(StoreError, match=message) as error, RunStore.open(folder, write) as store:
            assert (
                store.facts.plan and not store.facts.elapsed and not store.facts.ended and store.steps.read()
            )
        assert "upgrade" in str(error.value) or "put back a copy" in str(error.value)
    assert {path.name: path.read_bytes() for path in folder.iterdir() if path.name in before} == before


def flips(folder: Path, tmp_path: Path, seeds: range) -> None:
    """Flip bits of a database of schema 1; the leaderboard is read, or refused with a clear error."""
    whole = (folder / "run.db").read_bytes()
    refused = 0
    for seed in seeds:
        rng = random.Random(seed)
        content = bytearray(whole)
        for _ in range(rng.choice([1, 1, 8])):
            content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
        (tmp_path / "run.db").write_bytes(content)
        try:
            with RunStore.open(tmp_path) as store:
                read_leaderboard(store, "x")
        except StoreError:
            refused += 1
        except Exception as error:
            raise AssertionError(f"seed {seed}: {error!r}") from error
        assert (tmp_path / "run.db").read_bytes() == content, f"seed {seed}: the file was changed"
    assert refused > len(seeds) // 10


SCHEMA_1 = ROOT / "tests" / "data" / "schema-1"


def test_flipped_bits_are_survived(tmp_path: Path) -> None:
    flips(SCHEMA_1, tmp_path, range(50))


@pytest.mark.slow
def test_many_flipped_bits_are_survived(tmp_path: Path) -> None:
    flips(SCHEMA_1, tmp_path, range(1000, 1600))


def test_a_run_of_schema_1_keeps_opening(tmp_path: Path) -> None:
    copy = copied(SCHEMA_1, tmp_path / "run")
    for write in (False, True):
        with RunStore.open(copy, write) as store:
            board = read_leaderboard(store, "old")
            assert board.candidates == 8 and sum(row.rank is not None for row in board.rows) >= 5
            assert all(store.cells.read(row.id).id == row.id for row in board.rows)


# -- a full disk -----------------------------------------------------------------------------------------------------


def test_a_full_disk_stops_with_the_path_and_loses_nothing(store: RunStore, folder: Path) -> None:
    filled(store, 5)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = (folder / "run.db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (size + 6000, before[1]))
    try:
        with pytest.raises(NoSpace, match=r"run\.db.*bytes free.*nothing is lost") as error:
            filled(store, 30)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert error.value.exit_code == 5
    assert rows(folder, "PRAGMA integrity_check") == [("ok",)]
    count = store.trials.count()
    assert count >= 5
    filled(store, 30)
    assert store.trials.count() == 30, "after space is freed it goes on"


def test_every_refusal_of_the_store_is_one_of_ours() -> None:
    assert issubclass(StoreError, ArchsearchError) and StoreError.exit_code == 4
