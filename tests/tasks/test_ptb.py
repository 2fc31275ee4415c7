"""The Penn Treebank's files, and files that are not quite those."""

from pathlib import Path

import numpy as np
import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks import ptb
from tests.helpers.sources import ROOT
from tests.tasks.samples import take

REAL = ROOT.parent / "shared" / "data" / "ptb"
SIZES = ptb.Sizes({"train": 400, "valid": 60, "test": 61}, {"train": 2_400, "valid": 360, "test": 366}, 11)

needs_files = pytest.mark.skipif(not REAL.is_dir(), reason="the Penn Treebank is not in ../shared/data/ptb")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with three files of the same form: lines of five of ten words."""
    rng = np.random.default_rng(0)
    for split, lines in SIZES.lines.items():
        words = rng.integers(10, size=(lines, 5))
        text = "".join(f" {' '.join(f'w{word}' for word in line)} \n" for line in words)
        (tmp_path / f"ptb.{split}.txt").write_text(text)
    return tmp_path


def test_words_are_numbered_by_first_appearance_and_lines_end_with_eos(folder: Path) -> None:
    task = ptb.read(folder, "paper", SIZES)
    first = (folder / "ptb.train.txt").read_text().splitlines()[0].split()
    assert task.alphabet is not None and task.symbols == 11
    assert tasks.decode(task, task.parts["train"][:6]).split() == [*first, "<eos>"]
    assert {split: len(part) for split, part in task.parts.items()} == SIZES.words
    assert task.measure == "nll" and task.floor == pytest.approx(np.log(10), abs=0.15) and task.ceiling == 0


def test_training_goes_round_the_file_for_ever(folder: Path) -> None:
    task = ptb.read(folder, "paper", SIZES)
    share = 2_400 // 4
    windows = take(task, 3 * share // 25, batch=4, unroll=25)
    read = np.concatenate([window.inputs for window in windows])
    assert np.array_equal(
        read[:2400].T, [np.roll(task.parts["train"], -share * row)[:1800] for row in range(4)]
    )
    assert np.array_equal(np.concatenate([w.targets for w in windows])[:-1], read[1:])


def test_validation_is_one_pass_whose_last_window_may_be_shorter(folder: Path) -> None:
    task = ptb.read(folder, "paper", SIZES)
    windows = take(task, 100, batch=4, unroll=35, split="valid")
    assert [len(window.inputs) for window in windows] == [35, 35, 19]
    assert np.array_equal(
        np.concatenate([window.targets for window in windows]).T, task.parts["valid"].reshape(4, 90)[:, 1:]
    )


def test_the_small_difficulty_validates_on_fewer_words(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ptb, "SMALL_VALID", 100)
    small, paper = (ptb.read(folder, difficulty, SIZES) for difficulty in ("small", "paper"))
    assert len(small.parts["valid"]) == 100 and len(small.parts["train"]) == len(paper.parts["train"])
    assert small.checksum != paper.checksum


def test_a_cut_file_is_named_with_what_was_expected(folder: Path) -> None:
    path = folder / "ptb.train.txt"
    path.write_text("\n".join(path.read_text().splitlines()[:300]))
    with pytest.raises(
        TaskError,
        match=r"ptb.train.txt has 300 lines and 1,800 tokens; .* has 400 and 2,400. The file is cut",
    ):
        ptb.read(folder, "paper", SIZES)


def test_a_missing_file_is_named_with_how_to_get_it(folder: Path) -> None:
    (folder / "ptb.test.txt").unlink()
    with pytest.raises(
        TaskError, match=r"ptb.test.txt is missing; --data takes a folder with .*simple-examples"
    ):
        ptb.read(folder, "paper", SIZES)


def test_foreign_files_are_refused(folder: Path) -> None:
    valid, train = folder / "ptb.valid.txt", folder / "ptb.train.txt"
    valid.write_text(valid.read_text().replace("w3", "moon", 1))
    with pytest.raises(
        TaskError, match=r"ptb.valid.txt has the word 'moon', which the training file does not"
    ):
        ptb.read(folder, "paper", SIZES)
    train.write_text(train.read_text().replace("w3", "sun", 1))
    with pytest.raises(
        TaskError, match=r"ptb.train.txt has 12 different words .* has 11. It is another edition"
    ):
        ptb.read(folder, "paper", SIZES)
    train.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(TaskError, match=r"ptb.train.txt is no text"):
        ptb.read(folder, "paper", SIZES)


def test_without_a_folder_the_message_says_which_option() -> None:
    with pytest.raises(TaskError, match="task 'ptb:small' needs the Penn Treebank: --data takes a folder"):
        tasks.load("ptb:small")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"nowhere/ptb.train.txt is missing"):
        tasks.load("ptb:paper", tmp_path / "nowhere")
    (tmp_path / "ptb.train.txt").mkdir()
    with pytest.raises(TaskError, match=r"ptb.train.txt cannot be read: Is a directory"):
        tasks.load("ptb:paper", tmp_path)


def test_too_many_streams_for_a_part_are_refused(folder: Path) -> None:
    task = ptb.read(folder, "paper", SIZES)
    with pytest.raises(
        TaskError, match=r"ptb:paper, split valid: a text part of 360 symbols is too short for 200"
    ):
        take(task, 1, batch=200, split="valid")


@needs_files
def test_the_real_files_have_the_published_sizes() -> None:
    task = tasks.load("ptb:small", REAL)
    assert task.symbols == 10_000
    assert task.floor == pytest.approx(6.56, abs=0.02)
    assert task.alphabet is not None and "<eos>" in task.alphabet
    windows = take(task, 1_000, batch=20, unroll=35, split="valid")
    assert len(windows) == 10 and sum(window.scored.sum() for window in windows) == 20 * 349
