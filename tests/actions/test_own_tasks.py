"""Users' own tasks in runs: found again from any folder, and no code runs that its user has not named."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

import pytest
from msgspec.structs import replace

from archsearch.actions.own_tasks import named_sources, sources_of_run
from archsearch.actions.request import Request
from archsearch.actions.resume import request_of_run
from archsearch.actions.trusted_code import FILE
from archsearch.errors import InputError
from archsearch.protocol.plan import PlannedTask, RunPlan
from archsearch.tasks import TaskSource
from tests.helpers.plans import FACTS, TASK, run_plan

CODE = "class T:\n    symbols = 4\n"


def plan_of(*names: str, checksum: str = "") -> RunPlan:
    """Return the plan of a run on tasks of somebody's own."""
    facts = [replace(FACTS["xml"], name=name, checksum=checksum) for name in names]
    return replace(run_plan(), tasks=tuple(PlannedTask(one.name, one, TASK) for one in facts))


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


@pytest.fixture(autouse=True)
def trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The list of the user's own, empty; the tests run in a folder with a task."""
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "mine.py").write_text(CODE)
    monkeypatch.chdir(tmp_path / "here")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    return tmp_path / "data" / "archsearch" / FILE


RUN = plan_of("mine.py:T", checksum=sha256(CODE))


def test_code_of_a_run_is_refused_until_its_user_names_it_and_is_then_remembered(trusted: Path) -> None:
    with pytest.raises(InputError, match="you have not named yourself, so it was not run.*--task mine.py:T"):
        sources_of_run(RUN, {})
    assert not trusted.exists()
    there = sources_of_run(RUN, {}, ["mine.py:T"])
    assert there == {"mine.py:T": TaskSource(str(Path("mine.py").absolute()), sha256(CODE))}
    assert sources_of_run(RUN, {}) == there
    assert {stat.S_IMODE(path.stat().st_mode) for path in (trusted, trusted.parent)} == {0o600, 0o700}


def test_a_search_remembers_the_code_that_it_is_given() -> None:
    assert list(named_sources(["xml:small", "mine.py:T", "text:a.txt"])) == ["mine.py:T", "text:a.txt"]
    assert sources_of_run(RUN, {})


def test_a_changed_file_is_refused_before_it_is_run_even_if_it_is_named() -> None:
    Path("mine.py").write_text(CODE + "# changed")
    for named in ([], ["mine.py:T"]):
        with pytest.raises(InputError, match="the data of mine.py:T have changed, mine.py is not the file"):
            sources_of_run(RUN, {}, named)


@pytest.mark.parametrize(
    "damage", ["others may write it", "others may write its folder", "a link", "somebody else's"]
)
def test_a_list_that_others_may_have_written_is_not_believed(
    damage: str, trusted: Path, tmp_path: Path
) -> None:
    sources_of_run(RUN, {}, ["mine.py:T"])
    if damage == "others may write it":
        trusted.chmod(0o666)
    elif damage == "others may write its folder":
        trusted.parent.chmod(0o777)
    elif damage == "a link":
        trusted.rename(tmp_path / "theirs")
        trusted.symlink_to(tmp_path / "theirs")
    elif os.geteuid() == 0:
        os.chown(trusted, 12345, -1)
    else:
        pytest.skip("only root can give a file away")
    with pytest.raises(InputError, match="not named yourself"):
        sources_of_run(RUN, {})


def test_without_a_home_code_is_named_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", "/proc/nothing")
    assert sources_of_run(RUN, {}, ["mine.py:T"])
    with pytest.raises(InputError, match="not named yourself"):
        sources_of_run(RUN, {})


@pytest.mark.parametrize("name", ["mine.py:T", "text:mine.py"])
def test_a_run_goes_on_from_another_folder(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(name, checksum=sha256(CODE))
    recorded = named_sources([name])
    monkeypatch.chdir(tmp_path)
    assert sources_of_run(plan, recorded) == recorded


@pytest.mark.parametrize(
    ("name", "new"), [("mine.py:T", "there/mine.py:T"), ("text:mine.py", "text:there/mine.py")]
)
def test_a_moved_file_is_named_with_both_places_and_task_gives_the_new_one(
    name: str, new: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan, recorded = plan_of(name, checksum=sha256(CODE)), named_sources([name])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "here").rename(tmp_path / "there")
    both = (
        f"no file {tmp_path}/here/mine.py nor {tmp_path}/mine.py; if it was moved, .*--task .*PLACE/mine.py"
    )
    with pytest.raises(InputError, match=both):
        sources_of_run(plan, recorded)
    assert sources_of_run(plan, recorded, [new])[name].path == f"{tmp_path}/there/mine.py"
    assert request_of_run(Request(own=(new,)), plan).tasks[0].full_name == name


@pytest.mark.parametrize("place", ["x" * 5_000, "a\0b", "/proc/self/mem/x", "/dev/stdin", ""])
def test_a_recorded_place_that_is_no_file_is_said(place: str) -> None:
    plan = plan_of("gone.py:T", checksum=sha256(CODE))
    with pytest.raises(InputError, match="gone.py:T: no file "):
        sources_of_run(plan, {"gone.py:T": TaskSource(place, sha256(CODE))})


def test_a_task_that_the_run_does_not_have_is_refused() -> None:
    with pytest.raises(
        InputError, match="--task other.py:T: the run has no such task; its own are mine.py:T"
    ):
        sources_of_run(RUN, {}, ["other.py:T"])
    with pytest.raises(InputError, match="tasks is mine.py:T, asked for mine.py:U"):
        request_of_run(Request(own=("mine.py:U",)), RUN)


def test_of_two_files_of_one_name_each_is_named_as_the_run_names_it(tmp_path: Path) -> None:
    plan = plan_of("a/mine.py:T", "b/mine.py:T", checksum=sha256(CODE))
    with pytest.raises(InputError, match="--task mine.py:T: the run has no such task"):
        sources_of_run(plan, {}, ["mine.py:T"])
