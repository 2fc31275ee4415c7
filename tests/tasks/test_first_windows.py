"""A task is looked at before it is trained on: twice the same windows, something scored in every split."""

from pathlib import Path

import pytest

from archsearch import tasks
from archsearch.errors import TaskError
from archsearch.tasks import check_first_windows
from tests.helpers.sources import ROOT
from tests.tasks.samples import GENERATED

HEAD = "import numpy as np\nclass T:\n    symbols = 4\n    count = 0\n"
BODY = """
    def windows(self, split, rng, batch, unroll):
        mine = {source}
        scored = np.ones((unroll, batch), bool)
        while True:
            self.count += 1
            text = {draw}
            yield text, text, {scored}
"""
DRAW = "mine.integers(4, size=(unroll, batch))"
FINE = {"source": "rng", "draw": DRAW, "scored": "scored"}


def check(folder: Path, **changes: str) -> None:
    (folder / "mine.py").write_text(HEAD + BODY.format(**{**FINE, **changes}))
    check_first_windows(tasks.load(f"{folder}/mine.py:T"))


@pytest.mark.parametrize("spec", [*GENERATED, f"{ROOT / 'tests' / 'tasks' / 'parity.py'}:Parity"])
def test_a_task_that_draws_from_its_generator_alone_passes(spec: str) -> None:
    check_first_windows(tasks.load(spec))


@pytest.mark.parametrize(
    ("changes", "window"),
    [
        ({"source": "np.random.default_rng()"}, 1),
        ({"draw": DRAW + " * 0 + self.count % 4"}, 1),
        ({"source": "self.__dict__.setdefault('kept', rng)"}, 1),
        ({"draw": DRAW + " if self.count != 3 else " + DRAW + " * 0"}, 3),
        ({"scored": "scored & bool(self.count % 3)"}, 1),
    ],
)
def test_a_task_that_is_another_at_every_draw_is_refused(
    tmp_path: Path, changes: dict[str, str], window: int
) -> None:
    with pytest.raises(
        TaskError, match=rf"mine.py:T, split 'train': window {window}.*take all chance from `rng`"
    ):
        check(tmp_path, **changes)


def test_every_split_must_score_something(tmp_path: Path) -> None:
    with pytest.raises(TaskError, match=r"split 'valid': nothing is scored in the first 100 windows"):
        check(tmp_path, scored="scored & (split != 'valid')")


def test_what_is_scored_may_come_late(tmp_path: Path) -> None:
    check(
        tmp_path,
        draw="np.zeros((unroll, batch), int)",
        source="iter(range(99))",
        scored="scored & (next(mine) > 49)",
    )


def test_a_window_that_is_filled_again_and_again_is_read_as_it_was(tmp_path: Path) -> None:
    body = HEAD + (
        "    def windows(self, split, rng, batch, unroll):\n"
        "        text, ones = np.zeros((unroll, batch), int), np.ones((unroll, batch), bool)\n"
        "        while True:\n"
        "            text[:] = rng.integers(4, size=text.shape)\n"
        "            yield text, text, ones\n"
    )
    (tmp_path / "mine.py").write_text(body)
    check_first_windows(tasks.load(f"{tmp_path}/mine.py:T"))
