"""TIMIT: frames of speech, each with its phone, in the features and parts of Greff et al. (2017).

12 mel cepstra and the energy of windows of 25 ms every 10 ms, with first and second differences, are 39 numbers a frame.
The sentences that all speakers say (SA) are left out; the test part is the core test set, validation the usual 50 other
speakers of the test folder (Halberstadt 1998).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from archsearch.errors import TaskError
from archsearch.studies.recordings.phones import PHONES
from archsearch.studies.recordings.recording import (
    Recording,
    RecordingSet,
    checked_set,
    entries,
    of_extra,
    read_text,
)
from archsearch.studies.recordings.sphere import RATE, read_speech
from archsearch.tasks.task import Numbers, Symbols

WINDOW, STEP = 400, 160
"""Samples of a frame, and from one to the next."""

NUMBER = {phone: number for number, phone in enumerate(PHONES)}

SIZES = {"train": 3_696, "valid": 400, "test": 192}
"""Utterances of the whole set."""

CORE_SPEAKERS = """
mdab0 mwbt0 felc0 mtas1 mwew0 fpas0 mjmp0 mlnt0 fpkt0 mlll0 mtls0 fjlm0 mbpm0 mklt0 fnlp0 mcmj0 mjdh0 fmgd0 mgrt0 mnjm0
fdhc0 mjln0 mpam0 fmld0
"""
DEVELOPMENT_SPEAKERS = """
faks0 mmdb1 mbdg0 fedw0 mtdt0 fsem0 mdvc0 mrjm4 mjsw0 mteb0 fdac1 mmdm2 mbwm0 mgjf0 mthc0 mbns0 mers0 fcal1 mreb0 mjfc0
fjem0 mpdf0 mcsh0 mglb0 mwjg0 mmjr0 fmah0 mmwh0 fgjd0 mrjr0 mgwt0 fcmh0 fadg0 mrtk0 fnmr0 mdls0 fdrw0 fjsj0 fjmg0 fmml0
mjar0 fkms0 fdms0 mtaa0 frew0 mdlf0 mrcs0 majc0 mroa0 mrws1
"""
CORE_TEST = frozenset(CORE_SPEAKERS.split())
DEVELOPMENT = frozenset(DEVELOPMENT_SPEAKERS.split())


def load_timit(folder: Path) -> RecordingSet:
    """Return the set that lies in a folder with TRAIN and TEST in it, in letters of either case.

    Raises:
        TaskError: A file is missing, cut, mislabelled or of another kind; the message names it.
        InputError: A package is not installed.
    """
    parts: dict[str, list[Recording]] = {"train": [], "valid": [], "test": []}
    left_out: Counter[str] = Counter()
    for split, speech, phones in _utterances(folder, left_out):
        samples = read_speech(speech)
        name = f"{speech.parent.name}/{speech.name.split('.')[0]}"
        inputs = _features(samples)
        parts[split].append(Recording(name, inputs, _labels(phones, len(inputs), len(samples))))
    return checked_set("TIMIT", PHONES, parts, is_text=False, left_out=left_out, folder=folder)


def _utterances(folder: Path, left_out: Counter[str]) -> Iterator[tuple[str, Path, Path]]:
    """Yield part, speech and phones of the utterances in use; count the others by why they are not."""
    top = entries(folder)
    if missing := [name for name in ("train", "test") if name not in top]:
        raise TaskError(
            f"{folder}: no folder {missing[0].upper()}; name the one that TRAIN and TEST of TIMIT lie in"
        )
    for name in ("train", "test"):
        for region in entries(top[name]).values():
            for speaker, place in entries(region).items() if region.is_dir() else ():
                split = _part_of(name, speaker)
                if split is None:
                    left_out["of speakers in neither part of the test folder"] += 1
                    continue
                yield from ((split, *pair) for pair in _pairs(place, left_out))


def _part_of(folder: str, speaker: str) -> str | None:
    if folder == "train":
        return "train"
    return "valid" if speaker in DEVELOPMENT else "test" if speaker in CORE_TEST else None


def _pairs(speaker: Path, left_out: Counter[str]) -> Iterator[tuple[Path, Path]]:
    files = entries(speaker)
    for name, path in files.items():
        stem, _, ending = name.partition(".")
        if ending not in ("wav", "wav.wav") or (ending == "wav" and f"{name}.wav" in files):
            continue
        if stem.startswith("sa"):
            left_out["sentences that all speakers say"] += 1
            continue
        if f"{stem}.phn" not in files:
            raise TaskError(f"{path}: no file of phones beside it ({stem.upper()}.PHN)")
        yield path, files[f"{stem}.phn"]


def _features(samples: Symbols) -> Numbers:
    """Return 39 numbers a frame, shape (T, 39)."""
    speech = of_extra("python_speech_features")
    cepstra = speech.mfcc(
        samples,
        RATE,
        winlen=WINDOW / RATE,
        winstep=STEP / RATE,
        numcep=13,
        appendEnergy=True,
        winfunc=np.hamming,
    )
    first = speech.delta(cepstra, 2)
    return np.hstack([cepstra, first, speech.delta(first, 2)])


def _labels(path: Path, frames: int, samples: int) -> Symbols:
    """Return the phone that covers each frame's centre, shape (T,); after the last one its own goes on."""
    ends: list[int] = []
    phones: list[int] = []
    end = 0
    for number, line in enumerate(read_text(path).splitlines(), 1):
        words = line.split()
        if not words:
            continue
        if len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
            raise TaskError(f"{path}:{number}: a phone is a start, an end and a label, not {line[:60]!r}")
        if words[2] not in NUMBER:
            raise TaskError(f"{path}:{number}: no phone {words[2]!r}; TIMIT has {', '.join(PHONES)}")
        start, after = int(words[0]), int(words[1])
        if (ends and start != end) or after <= start:
            raise TaskError(f"{path}:{number}: from {start} to {after}, after a phone that ends at {end}")
        end = after
        ends.append(end)
        phones.append(NUMBER[words[2]])
    if not ends:
        raise TaskError(f"{path}: no phone in it")
    if abs(end - samples) > RATE:
        raise TaskError(
            f"{path}: its phones end at {end}, the speech beside it at {samples}: not of one utterance"
        )
    centres = STEP * np.arange(frames) + WINDOW // 2
    covering = np.minimum(np.searchsorted(ends, centres, side="right"), len(phones) - 1)
    return np.array(phones)[covering]
