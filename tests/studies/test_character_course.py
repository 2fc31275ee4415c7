"""What a model is like while it learns."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import Cell
from archsearch.studies.characters.course import course, symmetric_divergence
from archsearch.studies.characters.recipe import recipe_for
from archsearch.studies.characters.text import characters


def test_the_divergence_is_the_sum_of_both_ways_and_zero_between_equals() -> None:
    p, q = np.array([[0.5, 0.5]], np.float32), np.array([[0.9, 0.1]], np.float32)
    there = float((p * np.log(p / q)).sum() + (q * np.log(q / p)).sum())
    assert symmetric_divergence(p, q) == pytest.approx(there, rel=1e-5)
    assert symmetric_divergence(p, q) == pytest.approx(symmetric_divergence(q, p))
    assert symmetric_divergence(p, p) == 0


def test_a_model_is_like_single_symbols_first_and_like_longer_ones_later() -> None:
    rng = np.random.default_rng(0)
    text = characters("pairs", b"".join(rng.choice([b"ab", b"cd"], 3_000)))
    recipe = replace(recipe_for(Cell.load("gru"), text, 1, 12), batch=20, unroll=20, rate=0.02)
    points = course(text, recipe, 60)
    assert [point.step for point in points] == [1, 2, 5, 10, 20, 50]
    assert points[0].nearest == 0 < points[-1].nearest
    assert points[-1].valid < points[0].valid and len(points[0].divergence) == 9
