"""A look into character models makes what its parts need, and nothing else."""

from pathlib import Path

import pytest

from archsearch.cell import library
from archsearch.studies.characters.dynamic import Reading
from archsearch.studies.characters.text import characters
from archsearch.studies.inside import Budget
from archsearch.studies.inside_look import Look, looked


@pytest.fixture
def look(tmp_path: Path) -> Look:
    """A look into one small model."""
    text = characters("book", b'he said "well, (yes) now" and\n  went. ' * 90)
    cells, budget = [library.load("gru")], Budget(tmp_path, epochs=1, steps=1)
    return Look(text, cells, [(1, 2)], budget, 0, reading=Reading(), told=lambda words: None)


def test_ngrams_train_no_model(look: Look) -> None:
    assert list(looked(look, ["ngrams"])) == ["ngrams"] and "models" not in vars(look)


def test_parts_share_one_training_and_come_in_the_order_of_the_table(look: Look) -> None:
    found = looked(look, ["gates", "losses"])
    assert list(found) == ["losses", "gates"] and look.models is vars(look)["models"]
    assert found["losses"][0].steps == 1 and found["gates"][0].model == "gru 1x2"
