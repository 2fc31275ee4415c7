"""What the name of a task means."""

import pytest

from archsearch.tasks import TASKS, TaskName


@pytest.mark.parametrize(
    ("name", "kind", "family", "rest"),
    [
        ("xml:small", "family", "xml", "small"),
        ("xml", "family", "xml", ""),
        ("text:my:file.txt", "text", "text", "my:file.txt"),
        ("text:", "family", "text", ""),
        ("series:my:file.csv", "series", "series", "my:file.csv"),
        ("series:", "family", "series", ""),
        ("labels:my:file.ts", "labels", "labels", "my:file.ts"),
        ("folder/mine.py:Task", "code", "folder/mine.py", "Task"),
        ("C:mine.py:Task", "code", "C:mine.py", "Task"),
        ("mine.py", "code", "mine.py", ""),
    ],
)
def test_a_name_says_which_kind_of_task_it_means(name: str, kind: str, family: str, rest: str) -> None:
    parsed = TaskName.parse(name)
    assert (parsed.kind, parsed.family, parsed.rest) == (kind, family, rest)
    assert parsed.is_own == (kind != "family") and parsed.is_code == (kind == "code")


def test_no_task_of_the_table_is_a_users_own() -> None:
    for name, family in TASKS.items():
        assert not any(TaskName.parse(f"{name}:{difficulty}").is_own for difficulty in family.difficulties)


def test_a_series_is_a_file_that_may_have_been_moved() -> None:
    name = TaskName.parse("series:here/load.csv")
    assert (
        name.is_file and name.file == "here/load.csv" and name.at("there/load.csv") == "series:there/load.csv"
    )
    assert name.is_moved(TaskName.parse("series:there/load.csv"))
    assert not name.is_moved(TaskName.parse("text:there/load.csv"))


def test_what_is_said_of_the_columns_of_a_series_moves_with_it() -> None:
    name = TaskName.parse("series:here/load.csv?target=a,b&horizon=24")
    assert (name.file, name.options) == ("here/load.csv", "target=a,b&horizon=24")
    assert name.at("there/load.csv") == "series:there/load.csv?target=a,b&horizon=24"
    assert name.is_moved(TaskName.parse("series:load.csv?target=a,b&horizon=24"))
    assert not name.is_moved(TaskName.parse("series:load.csv"))


@pytest.mark.parametrize("file", ["what?.csv", "a?b", "?"])
def test_a_question_mark_without_an_option_after_it_belongs_to_the_files_name(file: str) -> None:
    name = TaskName.parse(f"series:{file}")
    assert (name.file, name.options) == (file, "")
    assert TaskName.parse(f"series:{file}?horizon=2").file == file
