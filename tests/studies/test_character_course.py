"""What a model is like while it learns."""

from __future__ import annotations

import numpy as np
import pytest
from msgspec.structs import replace

from archsearch.cell import Cell
from archsearch.studies.characters.course import CoursePoint, course, symmetric_divergence
from archsearch.studies.characters.course_figure import course_picture
from archsearch.studies.characters.recipe import recipe_for
from archsearch.studies.characters.text import characters
from archsearch.studies.characters.windows import trained_window


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
    networks = {n: trained_window(text.train, 4, n, 100) for n in (1, 2)}
    points = course(text, recipe, 60, networks)
    assert [point.step for point in points] == [1, 2, 5, 10, 20, 50]
    assert points[0].nearest == 0 < points[-1].nearest
    assert points[-1].valid < points[0].valid and len(points[0].divergence) == 9
    near = points[-1]
    assert near.windows[1] < points[0].windows[1] and near.nearest_window in near.windows
    assert near.windows[1] == pytest.approx(near.divergence[1], abs=0.2), "1-NN and pairs say the same"


def test_without_networks_a_model_is_like_none() -> None:
    text = characters("pairs", b"ab" * 1_000)
    recipe = replace(recipe_for(Cell.load("gru"), text, 1, 4), batch=20, unroll=20)
    (point,) = course(text, recipe, 1, {})
    assert point.windows == {} and point.nearest_window is None


def test_the_picture_of_a_course_has_a_line_for_each_n() -> None:
    points = [CoursePoint(step, 1.0, [2.0, 1.0 / step], 1, {1: 1.0, 2: 0.5}, 2) for step in (1, 10)]
    picture = course_picture([("gru 1x4", points), ("lstm 1x4", points)])
    lines = [[line.get_label() for line in axes.get_lines()] for axes in picture.axes]
    assert lines == [["n = 0", "n = 1"], ["n = 1", "n = 2"]] * 2
    assert picture.axes[0].get_lines()[1].get_ydata() == pytest.approx([1.0, 0.1])
    bare = [replace(point, windows={}, nearest_window=None) for point in points]
    assert len(course_picture([("gru 1x4", bare)]).axes) == 1
