"""Places of a text by what a model holds there: their kinds, their neighbours, and their map."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from archsearch.cell import Cell
from archsearch.studies.characters.errors import error_kinds, ngram_hits
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import part_to_read
from archsearch.studies.characters.sample import Sample, context_kinds, neighbour_rows, sample_of
from archsearch.studies.characters.text import CharText, characters
from archsearch.studies.characters.tsne import tsne_points
from archsearch.studies.characters.tsne_figure import maps_picture


@pytest.fixture(scope="module")
def text() -> CharText:
    return characters("words", b'ab, "cd" ef.\n' * 200)


@pytest.fixture(scope="module")
def model(text: CharText) -> CharModel:
    made = CharModel(Cell.load("gru"), len(text.alphabet), 6, 2)
    made.draw(0.5, torch.Generator().manual_seed(0))
    return made


def two_clouds() -> Sample:
    """Return a sample whose states lie in two clouds, a kind each, and whose predictions say nothing."""
    rng = np.random.default_rng(0)
    ends = np.repeat([0.0, 9.0], 30)[:, None] + rng.normal(size=(60, 3))
    kinds = ["near"] * 30 + ["far"] * 30
    rows = {"states": ends.astype(np.float32), "predictions": rng.random((60, 3)).astype(np.float32)}
    return Sample(rows, {"context": kinds, "error": ["same"] * 59 + ["lone"]})


def test_contexts_are_told_by_the_symbol_before() -> None:
    content = np.frombuffer(b'a9_ \n",\x01', np.uint8)
    assert context_kinds(content) == [
        *["in a word"] * 3,
        "blank",
        "line end",
        "quote",
        "punctuation",
        "other",
    ]


def test_a_kind_of_error_is_that_of_the_oracle_that_removes_it(text: CharText) -> None:
    probabilities = np.full(len(text.test_bytes), 0.9)
    probabilities[5] = 0.1
    kinds = error_kinds(text, probabilities, ngram_hits(text))
    assert kinds[5] == "n-gram" and set(kinds) == {"n-gram", "no error"}


def test_rows_of_a_sample_belong_to_the_places_that_are_told(text: CharText, model: CharModel) -> None:
    sample = sample_of(model, text, ngram_hits(text), seed=3, most=50)
    part, before = part_to_read(text)
    with torch.no_grad():
        one_hot = model.one_hot(torch.from_numpy(part[:-1].astype(np.int64))[:, None])
        hidden = model.layers(one_hot)[0][before - 1 :, 0]
    states, predictions = sample.rows["states"], sample.rows["predictions"] ** 2
    distances = np.abs(states[:, None] - hidden.numpy()).max(axis=2)
    places = distances.argmin(axis=1)
    assert distances.min(axis=1).max() < 1e-3
    assert np.allclose(predictions, model.logits(hidden).softmax(-1).detach().numpy()[places], atol=1e-3)
    before_them = text.alphabet[part[before - 1 :][places]]
    assert context_kinds(before_them) == sample.kinds["context"]


def test_a_seed_says_which_places_and_every_model_has_the_same(text: CharText, model: CharModel) -> None:
    hits = ngram_hits(text)
    samples = [sample_of(model, text, hits, seed, most=40) for seed in (1, 1, 2)]
    assert (samples[0].rows["states"] == samples[1].rows["states"]).all()
    assert samples[0].kinds != samples[2].kinds


def test_neighbours_are_of_one_kind_where_kinds_lie_apart_and_by_chance_where_not() -> None:
    rows = {row.kind: row for row in neighbour_rows(two_clouds())}
    assert rows["near"].states == rows["far"].states == 1
    assert rows["near"].chance == pytest.approx(29 / 59) and 0.3 < rows["near"].predictions < 0.7
    assert rows["same"].places == 59 and rows["same"].chance == 58 / 59
    assert rows["lone"].states == rows["lone"].predictions == 0, "a place is no neighbour of itself"


def test_a_map_keeps_clouds_apart_and_is_the_same_for_a_seed() -> None:
    rows = two_clouds().rows["states"]
    first, second = (tsne_points(rows, seed=4) for _ in range(2))
    assert first.shape == (60, 2) and (first == second).all()
    near, far = first[:30], first[30:]
    spread = max(near.std(), far.std())
    assert np.linalg.norm(near.mean(axis=0) - far.mean(axis=0)) > 2 * spread


def test_the_picture_has_a_map_of_states_and_one_of_predictions_for_each_way_to_tell() -> None:
    picture = maps_picture([("gru 1x4", two_clouds())], seed=0)
    titles = [axes.get_title() for axes in picture.axes]
    assert titles == [
        "gru 1x4: states by context",
        "gru 1x4: predictions by context",
        "gru 1x4: states by error",
        "gru 1x4: predictions by error",
    ]
    assert [len(dots.get_offsets()) for dots in picture.axes[0].collections] == [30, 30]
