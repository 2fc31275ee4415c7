"""Any text file as a character task."""

import hashlib
from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
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
    assert task.measure == "nll" and 0 < task.floor < np.log(len(set(TEXT))) + 0.3


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "has 0 characters; a text task needs at least 1,000"),
        (b"ab" * 400, "has 800 characters"),
        (b"a" * 2_000, "has 1 different characters"),
        (b"ab\0" * 1_000, r"is a binary file \(it has a zero byte at 2\)"),
        (b"ab\xe9 " * 1_000, r"is not UTF-8 text \(byte 2\); convert it first"),
        ("".join(map(chr, range(0x4E00, 0x4E00 + 10_001))).encode(), "has 10,001 different characters"),
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
