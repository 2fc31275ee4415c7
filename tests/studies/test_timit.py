"""TIMIT read from files that the tests make in its true format: NIST SPHERE, and phones beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsearch.errors import TaskError
from archsearch.studies.recordings import RECORDINGS
from archsearch.studies.recordings.phones import PHONES, folded
from archsearch.studies.recordings.recording import RecordingSet
from archsearch.studies.recordings.sphere import read_speech
from archsearch.studies.recordings.timit import CORE_TEST, DEVELOPMENT, SIZES, load_timit

soundfile = pytest.importorskip("soundfile")
pytest.importorskip("python_speech_features")

SAMPLES = np.random.default_rng(0).integers(-2000, 2000, 4000).astype(np.int16)
PHONE_LINES = "0 1000 h#\n1000 2300 sh\n2300 4000 iy\n"


def sphere(samples: np.ndarray, *, count: int | None = None, order: str = "<", coding: str = "") -> bytes:
    """Return a file as TIMIT's are: a header of 1,024 bytes, then the samples."""
    lines = [
        "NIST_1A",
        "   1024",
        "database_id -s5 TIMIT",
        "channel_count -i 1",
        f"sample_count -i {len(samples) if count is None else count}",
        "sample_rate -i 16000",
        "sample_n_bytes -i 2",
        f"sample_byte_format -s2 {'01' if order == '<' else '10'}",
        "sample_sig_bits -i 16",
    ]
    lines += [f"sample_coding -s{len(coding)} {coding}"] if coding else []
    return "\n".join([*lines, "end_head\n"]).encode().ljust(1024) + samples.astype(f"{order}i2").tobytes()


def put(folder: Path, name: str, *, speech: bytes | None = None, phones: str = PHONE_LINES) -> None:
    """Make an utterance: `name` is its place without ending, such as TRAIN/DR1/FCJF0/SX37."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.with_suffix(".WAV").write_bytes(sphere(SAMPLES) if speech is None else speech)
    path.with_suffix(".PHN").write_text(phones)


@pytest.fixture
def timit(tmp_path: Path) -> Path:
    """A small set with a sentence in each part, and some that are left out."""
    for name in (
        "TRAIN/DR1/FCJF0/SX37",
        "TRAIN/DR1/FCJF0/SA1",
        "TEST/DR1/FAKS0/SI943",
        "TEST/DR1/MDAB0/SX49",
    ):
        put(tmp_path, name)
    put(tmp_path, "TEST/DR1/MREM0/SX8")  # a speaker of neither part
    return tmp_path


def test_every_frame_of_39_numbers_has_the_phone_that_covers_its_centre(timit: Path) -> None:
    read = load_timit(timit)
    assert {split: [one.name for one in part] for split, part in read.parts.items()} == {
        "train": ["FCJF0/SX37"],
        "valid": ["FAKS0/SI943"],
        "test": ["MDAB0/SX49"],
    }
    (one,) = read.parts["train"]
    assert one.inputs.shape == (24, 39) and one.labels.shape == (24,)
    names = [read.alphabet[label] for label in one.labels]
    assert names == ["h#"] * 5 + ["sh"] * 9 + ["iy"] * 10  # centres 200, 360 ... 840 lie in the first phone
    assert sum(read.left_out.values()) == 2


def test_differences_are_those_of_the_cepstra_and_the_energy_comes_first(timit: Path) -> None:
    (one,) = load_timit(timit).parts["train"]
    energy = np.log((np.append(SAMPLES[0], SAMPLES[1:] - 0.97 * SAMPLES[:-1])[:400] * np.hamming(400)) ** 2)
    assert energy.shape == (400,)
    cepstra, first = one.inputs[:, :13], one.inputs[:, 13:26]
    middle = (2 * (cepstra[6] - cepstra[2]) + (cepstra[5] - cepstra[3])) / 10
    np.testing.assert_allclose(first[4], middle, atol=1e-10)


def test_inputs_are_normalised_by_the_training_part_alone(timit: Path) -> None:
    put(timit, "TEST/DR1/MDAB0/SX49", speech=sphere(SAMPLES // 8))
    read: RecordingSet = load_timit(timit).normalised()
    assert np.abs(read.parts["train"][0].inputs.mean(axis=0)).max() < 1e-9
    np.testing.assert_allclose(read.parts["train"][0].inputs.std(axis=0), 1)
    assert np.abs(read.parts["test"][0].inputs.mean(axis=0)).max() > 0.5


@pytest.mark.parametrize("order", ["<", ">"])
def test_samples_of_either_byte_order_are_read(tmp_path: Path, order: str) -> None:
    (tmp_path / "SA1.WAV").write_bytes(sphere(SAMPLES, order=order))
    np.testing.assert_array_equal(read_speech(tmp_path / "SA1.WAV"), SAMPLES)


def test_riff_audio_under_the_same_name_and_names_in_small_letters_are_read(tmp_path: Path) -> None:
    for part in ("train/dr1/fcjf0", "test/dr1/faks0", "test/dr1/mdab0"):
        (tmp_path / part).mkdir(parents=True)
        soundfile.write(tmp_path / part / "sx3.WAV.wav", SAMPLES, 16_000, format="WAV", subtype="PCM_16")
        (tmp_path / part / "sx3.phn").write_text(PHONE_LINES)
    assert {split: len(part) for split, part in load_timit(tmp_path).parts.items()} == dict.fromkeys(SIZES, 1)


HOSTILE = {
    "cut": ({"speech": sphere(SAMPLES)[:3000]}, r"SX37.WAV: .*cut short"),
    "compressed": (
        {"speech": sphere(SAMPLES, coding="pcm,embedded-shorten-v2.00")},
        "SX37.WAV: .*shorten.*unpack",
    ),
    "no audio": ({"speech": b"MZ\x90\x00" * 50}, "SX37.WAV: no audio"),
    "no header": ({"speech": b"NIST_1A\n   9999999999999\n"}, "SX37.WAV: line 2"),
    "half a header": ({"speech": sphere(SAMPLES)[:120]}, "SX37.WAV: a SPHERE header without"),
    "a phone of no set": ({"phones": "0 4000 zz\n"}, r"SX37.PHN:1: no phone 'zz'"),
    "a gap": ({"phones": "0 100 h#\n200 4000 iy\n"}, r"SX37.PHN:2: from 200"),
    "no numbers": ({"phones": "a b c\n"}, r"SX37.PHN:1: a phone is"),
    "another utterance's phones": ({"phones": "0 90000 h#\n"}, "SX37.PHN: its phones end at 90000"),
    "nothing": ({"phones": ""}, "SX37.PHN: no phone in it"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_cut_mislabelled_or_hostile_file_is_named(timit: Path, kind: str) -> None:
    changed, said = HOSTILE[kind]
    put(timit, "TRAIN/DR1/FCJF0/SX37", **changed)  # type: ignore[arg-type]
    with pytest.raises(TaskError, match=said):
        load_timit(timit)


def test_speech_without_phones_and_a_folder_that_is_no_timit_are_named(timit: Path, tmp_path: Path) -> None:
    (timit / "TEST/DR1/MDAB0/SX49.PHN").unlink()
    with pytest.raises(TaskError, match="SX49.WAV: no file of phones beside it"):
        load_timit(timit)
    with pytest.raises(TaskError, match="no folder TRAIN; name the one"):
        load_timit(timit / "TRAIN")
    with pytest.raises(TaskError, match="nowhere"):
        RECORDINGS["timit"](tmp_path / "nowhere")


def test_a_part_without_a_sentence_says_what_was_left_out(timit: Path) -> None:
    (timit / "TEST/DR1/MDAB0/SX49.WAV").unlink()
    with pytest.raises(TaskError, match="no recording for test of TIMIT .*of speakers in neither part"):
        load_timit(timit)


def test_the_parts_have_the_standard_speakers_and_sizes() -> None:
    assert (len(CORE_TEST), len(DEVELOPMENT)) == (24, 50) and not CORE_TEST & DEVELOPMENT
    assert SIZES == {"train": 3_696, "valid": 400, "test": 192}
    assert (8 * len(DEVELOPMENT), 8 * len(CORE_TEST)) == (SIZES["valid"], SIZES["test"])


def test_61_phones_fold_into_39() -> None:
    assert len(PHONES) == len(set(PHONES)) == 61
    assert len({folded(phone) for phone in PHONES} - {None}) == 39
