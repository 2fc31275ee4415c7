"""Any text file as a character task."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks.text import refuse_tables
from tests.tasks.samples import take

TEXT = "".join(chr(97 + i * i % 23) for i in range(1_999)) + "é"


def test_a_file_is_split_into_90_5_and_5_percent(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(TEXT, encoding="utf-8")
    task = tasks.load(f"text:{path}")
    read = {split: take(task, 100, batch=1, unroll=2_000, split=split)[0] for split in ("valid", "test")}
    assert tasks.decode(task, read["valid"].inputs[:, 0]) == TEXT[1_800:1_899]
    assert tasks.decode(task, read["test"].targets[:, 0]) == TEXT[1_901:]
    train = take(task, 1, batch=1, unroll=1_800)[0]
    assert tasks.decode(task, train.inputs[:, 0]) == TEXT[:1_800]


def test_the_task_carries_the_files_name_vocabulary_and_checksum(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(TEXT, encoding="utf-8")
    task = tasks.load(f"text:{path}")
    assert task.name == f"text:{path}"
    assert task.alphabet == tuple(sorted(set(TEXT)))
    assert task.checksum == hashlib.sha256(TEXT.encode()).hexdigest()
    assert task.measure == "nll" and 0 < task.floor <= np.log(len(set(TEXT)))


def test_the_floor_of_a_text_that_ends_in_another_language_is_that_of_guessing_evenly(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(TEXT * 10 + "привет, как дела? " * 110, encoding="utf-8")
    task = tasks.load(f"text:{path}")
    assert task.floor == np.log(task.symbols)


def test_the_floor_of_a_text_of_one_language_is_the_loss_of_its_frequencies(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(TEXT, encoding="utf-8")
    counts = np.array([TEXT[:1_800].count(letter) + 1 for letter in sorted(set(TEXT))])
    losses = dict(zip(sorted(set(TEXT)), -np.log(counts / counts.sum()), strict=True))
    expected = np.mean([losses[letter] for letter in TEXT[1_800:1_900]])
    assert tasks.load(f"text:{path}").floor == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 characters; a text task needs at least 1,000"),
        (b"ab" * 400, "has 800 characters"),
        (b"a" * 2_000, "has 1 different characters"),
        (b"ab\0" * 1_000, r"is a binary file \(it has a zero byte at 2\)"),
        (b"ab\xe9 " * 1_000, r"is not UTF-8 text \(byte 2\); convert it first"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 10_001))).encode(), "has 10,001 different characters"),
        (("ab é" * 500).encode("utf-16"), r"is UTF-16, .*: `iconv -f utf-16 -t utf-8 .*bad.txt > text.txt`"),
        (("語" * 500).encode("utf-16"), "is UTF-16, "),
        (("ab é" * 500).encode("utf-16-le"), "`iconv -f utf-16le"),
        (("ab é" * 500).encode("utf-16-be"), "`iconv -f utf-16be"),
        (("ab é" * 500).encode("utf-32"), "is UTF-32, .*`iconv -f utf-32"),
    ],
)
def test_files_that_are_no_text_are_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "bad.txt"
    path.write_bytes(content)
    with pytest.raises(TaskError, match=message):
        tasks.load(f"text:{path}")


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match="no such file; a text task is written text:FILE"):
        tasks.load(f"text:{tmp_path}/none.txt")
    with pytest.raises(TaskError, match="cannot be read: Is a directory"):
        tasks.load(f"text:{tmp_path}")
    with pytest.raises(TaskError, match="/dev/null is no regular file"):
        tasks.load("text:/dev/null")
    huge = tmp_path / "huge.txt"
    with huge.open("wb") as file:
        file.truncate(2**30 + 1)
    with pytest.raises(TaskError, match="has 1,073,741,825 bytes; a text task takes at most 1,073,741,824"):
        tasks.load(f"text:{huge}")


HOURS = "".join(f"{hour},{hour * 37 % 90 / 10},{hour % 7}\n" for hour in range(50))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("temps.csv", HOURS),
        ("temps.txt", "time,celsius,day\n" + HOURS),
        ("temps.dat", HOURS.replace(",", "  ")),
        ("temps", HOURS.replace(",", ";")),
        ("series.txt", "".join(f"{hour / 7:.3f}\n" for hour in range(50))),
    ],
)
def test_a_table_of_numbers_is_refused_as_a_text(tmp_path: Path, name: str, content: str) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(TaskError, match=r"the task that predicts numbers is written series:"):
        refuse_tables(tmp_path / name)


def test_a_table_of_words_says_how_it_is_taken_as_a_text_all_the_same(tmp_path: Path) -> None:
    rows = "".join(f"poem {row},roses are red\n" for row in range(50))
    (tmp_path / "poems.csv").write_text(rows)
    with pytest.raises(TaskError, match=r"commas and all; if that is meant, call it \.txt"):
        refuse_tables(tmp_path / "poems.csv")
    (tmp_path / "poems.txt").write_text(rows)
    refuse_tables(tmp_path / "poems.txt")


@pytest.mark.parametrize("content", [TEXT, "0110\n" * 500, "01" * 1_000, "", "to be, or\nnot to be\n" * 50])
def test_what_is_no_table_passes(tmp_path: Path, content: str) -> None:
    (tmp_path / "some.txt").write_text(content)
    refuse_tables(tmp_path / "some.txt")
    refuse_tables(tmp_path / "none.txt")


def words(tmp_path: Path, text: str) -> tasks.Task:
    path = tmp_path / "words.txt"
    path.write_text(text, encoding="utf-8")
    return tasks.load(f"text:{path}?level=word")


def test_words_and_the_ends_of_lines_are_predicted_where_that_is_said(tmp_path: Path) -> None:
    text = "the cat  sat\non the mat\n" * 300
    task = words(tmp_path, text)
    read = take(task, 1, batch=1, unroll=2_100)[0]
    assert tasks.decode(task, read.inputs[:, 0]).split()[:8] == [
        "the",
        "cat",
        "sat",
        "<eol>",
        "on",
        "the",
        "mat",
        "<eol>",
    ]
    assert task.alphabet is not None and task.alphabet[:2] == (
        "<unk>",
        "the",
    )  # the commonest; as often, the earlier
    assert set(task.alphabet) == {"<unk>", "<eol>", "the", "cat", "sat", "on", "mat"}
    assert task.checksum != tasks.load(f"text:{tmp_path}/words.txt").checksum and task.measure == "nll"


def test_words_that_training_does_not_have_and_the_rarest_of_very_many_are_one(tmp_path: Path) -> None:
    common = " ".join(f"w{n} w{n}" for n in range(9_998))
    task = words(tmp_path, f"{common} <unk> <unk> <unk> once\n" + "w1 w1\n" * 2_000 + "w1 new\n" * 500)
    assert task.symbols == 10_000 and "once" not in (task.alphabet or ())
    test = take(task, 1, batch=1, unroll=50, split="test")[0]
    assert set(tasks.decode(task, test.inputs[:, 0]).split()) == {"w1", "<unk>", "<eol>"}


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            "a b\n" * 600,
            "level=word",
            "has 1,800 words and line ends; a text task by words needs at least 2,000",
        ),
        ("\n" * 3_000, "level=word", "has only one word"),
        (TEXT, "level=sentence", "level=sentence of a text task: it takes character or word"),
        (TEXT, "levl=word", r"a text task has no option 'levl' \(did you mean 'level'\?\)"),
    ],
)
def test_levels_that_are_none_and_texts_without_words_are_refused(
    tmp_path: Path, text: str, options: str, message: str
) -> None:
    path = tmp_path / "some.txt"
    path.write_text(text)
    with pytest.raises(TaskError, match=message):
        tasks.load(f"text:{path}?{options}")


def test_characters_are_predicted_where_nothing_or_just_that_is_said(tmp_path: Path) -> None:
    path = tmp_path / "some.txt"
    path.write_text(TEXT)
    assert tasks.load(f"text:{path}?level=character").checksum == tasks.load(f"text:{path}").checksum
