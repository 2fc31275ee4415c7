"""The sets of polyphonic music: what they hold, and files that are not quite those."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import numpy as np
import pytest

from archsearch.errors import TaskError
from archsearch.tasks.music import LOWEST, MUSIC, SPLITS, read_music
from tests.helpers.sources import ROOT
from tests.helpers.tunes import COUNTS, write_tunes

REAL = ROOT.parent / "shared" / "data" / "music"
needs_files = pytest.mark.skipif(not REAL.is_dir(), reason="the music is not in ../shared/data/music")


def refused(folder: Path, said: str) -> None:
    with pytest.raises(TaskError, match=said):
        read_music(folder, "jsb_chorales", COUNTS)


@needs_files
@pytest.mark.parametrize("name", MUSIC)
def test_a_set_has_the_published_sequences_as_rolls_of_88(name: str) -> None:
    music = read_music(REAL, name)
    assert {split: len(music.parts[split]) for split in SPLITS} == {
        split: MUSIC[name][split][0] for split in SPLITS
    }
    roll = music.parts["train"][0]
    assert roll.shape[1] == 88 and roll.dtype == np.uint8 and set(np.unique(roll)) == {0, 1}


def test_jsb_has_229_76_and_77_chorales() -> None:
    assert [MUSIC["jsb_chorales"][split][0] for split in SPLITS] == [229, 76, 77]


@needs_files
def test_the_lists_of_midi_numbers_are_the_same_music_as_the_rolls(tmp_path: Path) -> None:
    (tmp_path / "jsb_chorales.json").write_bytes((REAL / "jsb_chorales_quarter.json").read_bytes())
    assert read_music(tmp_path, "jsb_chorales").checksum == read_music(REAL, "jsb_chorales").checksum


def test_a_midi_number_is_the_column_that_many_above_a0(tmp_path: Path) -> None:
    steps: list[list[int]] = [[60, 64], [], [LOWEST]]
    (tmp_path / "nottingham.json").write_text(json.dumps(dict.fromkeys(SPLITS, [steps])))
    (roll,) = read_music(tmp_path, "nottingham", dict.fromkeys(SPLITS, (1, 3))).parts["train"]
    assert [np.flatnonzero(step).tolist() for step in roll] == [[39, 43], [], [0]]


def test_what_is_not_there_is_named_with_what_is(tmp_path: Path) -> None:
    refused(tmp_path, r"jsb_chorales.npz is missing; --data takes a folder")
    with pytest.raises(TaskError, match=r"no music 'jsb'.*nottingham"):
        read_music(tmp_path, "jsb")
    with pytest.raises(TaskError, match="needs its file: --data"):
        read_music(None, "muse_data")


def test_another_edition_is_told_by_its_counts(tmp_path: Path) -> None:
    write_tunes(tmp_path)
    with pytest.raises(TaskError, match=r"train has 6 sequences of .*jsb_chorales has 229 of 13,807"):
        read_music(tmp_path, "jsb_chorales")


@pytest.mark.parametrize("share", [0.0, 0.3, 0.98])
def test_a_cut_file_is_one_sentence(tmp_path: Path, share: float) -> None:
    content = write_tunes(tmp_path).read_bytes()
    (tmp_path / "jsb_chorales.npz").write_bytes(content[: int(share * len(content))])
    refused(tmp_path, "is no such file, or was cut")


def test_a_flipped_byte_is_noticed(tmp_path: Path) -> None:
    content = bytearray(write_tunes(tmp_path, compressed=False).read_bytes())
    content[400] ^= 1
    (tmp_path / "jsb_chorales.npz").write_bytes(content)
    refused(tmp_path, "Bad CRC-32")


def test_a_pickle_is_never_opened(tmp_path: Path) -> None:
    arrays = {"train": np.array([[object()]], dtype=object), "train_lengths": np.array([1])}
    np.savez(tmp_path / "jsb_chorales.npz", **arrays)  # type: ignore[arg-type]  # numpy's own stub
    refused(tmp_path, "array 'train' is object")


def test_a_bomb_is_not_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "jsb_chorales.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("train.npy", bytes(1 << 24))
    refused(tmp_path, "says that it has 16,777,216 bytes")


def test_a_header_that_promises_more_than_there_is_takes_no_memory(tmp_path: Path) -> None:
    header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (99999999999999, 88), }"
    with zipfile.ZipFile(tmp_path / "jsb_chorales.npz", "w") as archive:
        archive.writestr("train.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header)
    refused(tmp_path, r"of shape \(99999999999999, 88\) in 0 bytes")


@pytest.mark.parametrize(
    "change, said",
    [
        ({"train_lengths": np.array([3, -1, 4, 2, 2, 2])}, "lengths of train are not those"),
        ({"train_lengths": np.array([2**62, 2**62, 2**62, 2**62])}, "lengths of train are not those"),
        ({"train": np.zeros((12, 87), np.uint8)}, "has the shape"),
        ({"train": np.full((48, 88), 2, np.uint8)}, "other values than 0 and 1"),
        ({"train": np.zeros((4, 88))}, "array 'train' is float64"),
    ],
)
def test_arrays_that_are_no_rolls_are_refused(
    tmp_path: Path, change: dict[str, np.ndarray], said: str
) -> None:
    path = write_tunes(tmp_path)
    with np.load(path, allow_pickle=False) as arrays:
        np.savez(path, **{**arrays, **change})  # type: ignore[arg-type]  # numpy's own stub
    refused(tmp_path, said)


@pytest.mark.parametrize(
    "text, said",
    [
        ('{"train": [[[20]]], "valid": [], "test": []}', "or was cut"),
        ('{"train": [[[60', "or was cut"),
        ('{"train": [[[60]]], "valid": []}', "has no 'test'"),
        ("[" * 100_000, "or was cut"),
    ],
)
def test_lists_that_are_no_music_are_refused(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "jsb_chorales.json").write_text(text)
    refused(tmp_path, said)
