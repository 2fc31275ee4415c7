"""Penn Treebank: predict the next word, on the files of Mikolov (2010).

The text is licensed, so a person brings the three files, a folder given by `--data`. A line is a sentence,
its end the word `<eos>`. The vocabulary, 10,000 words with `<eos>`, is that of the training file, in order of
first appearance.
"""

import hashlib
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.corpus import Corpus
from archsearch.tasks.datasets import found_folder
from archsearch.tasks.task import Family, Task

EOS = "<eos>"
SMALL_VALID = 7_000
"""Words of the validation file that `ptb:small` uses."""


class Sizes(NamedTuple):
    """What the files must hold; words count `<eos>`."""

    lines: dict[str, int]
    words: dict[str, int]
    vocabulary: int


PENN_TREEBANK = Sizes(
    lines={"train": 42_068, "valid": 3_370, "test": 3_761},
    words={"train": 929_589, "valid": 73_760, "test": 82_430},
    vocabulary=10_000,
)
HOW_TO_GET = (
    "--data takes a folder with ptb.train.txt, ptb.valid.txt and ptb.test.txt, "
    "such as simple-examples/data of Mikolov's simple-examples archive; 'archsearch data get ptb' keeps them for good"
)


def load(difficulty: str, data: Path | None = None) -> Task:
    """Return the task at this difficulty.

    Args:
        difficulty: `paper`, or `small`: the same but for the validation part, its first 7,000 words.
        data: The folder with the three files; None for where `archsearch data get ptb` keeps them.

    Raises:
        TaskError: A file is missing, or is not the one that is expected.
    """
    folder = data or found_folder("ptb")
    if folder is None:
        raise TaskError(f"task 'ptb:{difficulty}' needs the Penn Treebank: {HOW_TO_GET}")
    return read(folder, difficulty, PENN_TREEBANK)


def read(folder: Path, difficulty: str, sizes: Sizes) -> Corpus:
    """Return the task on the files in `folder`, whose sizes must be `sizes`.

    Args:
        folder: Where the files lie.
        difficulty: `paper` or `small`.
        sizes: What the files must have.
    """
    digest = hashlib.sha256()
    words = {split: _words(folder, split, sizes, digest) for split in sizes.words}
    vocabulary = {word: symbol for symbol, word in enumerate(dict.fromkeys(words["train"]))}
    if len(vocabulary) != sizes.vocabulary:
        raise TaskError(
            f"{_path(folder, 'train')} has {len(vocabulary):,} different words with {EOS}; "
            f"the Penn Treebank set has {sizes.vocabulary:,}. It is another edition; {HOW_TO_GET}"
        )
    parts = {split: _encode(_path(folder, split), text, vocabulary) for split, text in words.items()}
    if difficulty == "small":
        parts["valid"] = parts["valid"][:SMALL_VALID]
    digest.update(difficulty.encode())
    return Corpus(f"ptb:{difficulty}", tuple(vocabulary), parts, digest.hexdigest())


def _path(folder: Path, split: str) -> Path:
    return folder / f"ptb.{split}.txt"


def _words(folder: Path, split: str, sizes: Sizes, digest: "hashlib._Hash") -> list[str]:
    """Return the words of a file, each line ended by `<eos>`, after a check of its sizes."""
    path = _path(folder, split)
    try:
        content = path.read_bytes()
        lines = content.decode("utf-8").removesuffix("\n").split("\n")
    except FileNotFoundError:
        raise TaskError(f"{path} is missing; {HOW_TO_GET}") from None
    except OSError as error:
        raise TaskError(f"{path} cannot be read: {error.strerror}; {HOW_TO_GET}") from None
    except UnicodeDecodeError:
        raise TaskError(f"{path} is no text; {HOW_TO_GET}") from None
    digest.update(content)
    words = f" {EOS} ".join((*lines, "")).split()
    expected = sizes.lines[split], sizes.words[split]
    if (len(lines), len(words)) != expected:
        raise TaskError(
            f"{path} has {len(lines):,} lines and {len(words):,} tokens; "
            f"the Penn Treebank set has {expected[0]:,} and {expected[1]:,}. "
            f"The file is cut or another edition; {HOW_TO_GET}"
        )
    return words


def _encode(path: Path, words: list[str], vocabulary: dict[str, int]) -> NDArray[np.int32]:
    try:
        return np.fromiter(map(vocabulary.__getitem__, words), np.int32, len(words))
    except KeyError as error:
        raise TaskError(
            f"{path} has the word {error.args[0]!r}, which the training file does not; "
            f"the files are not of one set; {HOW_TO_GET}"
        ) from None


PTB = Family(("paper", "small"), load)
