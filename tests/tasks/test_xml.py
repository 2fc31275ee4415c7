"""Nested tags, with the statistics that are known of the published generator."""

import functools
import re
from collections import Counter

import numpy as np
import pytest
from numpy.typing import NDArray

from archsearch import tasks
from archsearch.tasks.xml import Xml
from tests.tasks.samples import stream

SPECS = ["xml:paper", "xml:small"]


def load(spec: str) -> Xml:
    task = tasks.load(spec)
    assert isinstance(task, Xml)
    return task


@functools.cache
def sample(spec: str) -> tuple[str, NDArray[np.int64]]:
    task = load(spec)
    symbols, ends = task.draw(np.random.default_rng(0), 20_000)
    return tasks.decode(task, symbols), ends


def test_names() -> None:
    assert set(map(len, re.findall("<([a-z]+)>", sample("xml:paper")[0]))) == set(range(2, 11))
    assert set(map(len, re.findall("<([a-f]+)>", sample("xml:small")[0]))) == {1, 2, 3}


@pytest.mark.parametrize("spec", SPECS)
def test_closing_tags_repeat_the_name_that_was_opened_last(spec: str) -> None:
    task = tasks.load(spec)
    depths, open_ = [], []
    for tag in re.findall("<(/?[a-z]+)>", tasks.decode(task, stream(task, 100_000))):
        if tag.startswith("/"):
            assert open_.pop() == tag[1:]
        else:
            open_.append(tag)
        depths.append(len(open_))
    assert depths.count(0) > 100 and max(depths) > 5


@pytest.mark.parametrize(
    ("spec", "mean", "median", "high"), [("xml:paper", 176, 74, 580), ("xml:small", 94, 39, 308)]
)
def test_documents_have_the_published_lengths(spec: str, mean: float, median: float, high: float) -> None:
    lengths = np.diff(sample(spec)[1], prepend=0)
    assert lengths.mean() == pytest.approx(mean, rel=0.03)
    assert load(spec).mean_document == pytest.approx(mean, rel=0.015)
    assert np.median(lengths) == pytest.approx(median, rel=0.05)
    assert np.percentile(lengths, 99) == pytest.approx(high, rel=0.04)


@pytest.mark.parametrize(
    ("spec", "floor", "ceiling"), [("xml:paper", 0.301, 0.650), ("xml:small", 0.577, 0.781)]
)
def test_floor_and_ceiling_are_the_known_ones(spec: str, floor: float, ceiling: float) -> None:
    assert tasks.load(spec).floor == pytest.approx(floor, abs=0.001)
    assert tasks.load(spec).ceiling == pytest.approx(ceiling, abs=0.001)


@pytest.mark.parametrize("spec", SPECS)
def test_floor_and_ceiling_are_what_the_two_oracles_score(spec: str) -> None:
    task = load(spec)
    assert score(spec, recall=False) == pytest.approx(task.floor, abs=0.002)
    assert score(spec, recall=True) == pytest.approx(task.ceiling, abs=0.002)


def score(spec: str, *, recall: bool) -> float:
    """Return how often the most frequent character of each context comes, counted on a sample."""
    task = load(spec)
    text = tasks.decode(task, task.draw(np.random.default_rng(1), 6_000)[0])
    counts: dict[tuple[object, ...], Counter[str]] = {}
    open_: list[str] = []
    for slash, name in re.findall("<(/?)([a-z]+)>", text):
        known = f"{open_[-1]}>" if slash and recall else ""
        depth = "inside" if open_ else "outside"
        counts.setdefault((">",), Counter())["<"] += 1
        counts.setdefault(("<", depth), Counter())[slash or name[0]] += 1
        for position in range(0 if slash else 1, len(name) + 1):
            context = (slash, position, known[position : position + 1])
            counts.setdefault(context, Counter())[f"{name}>"[position]] += 1
        if slash:
            open_.pop()
        else:
            open_.append(name)
    return sum(max(c.values()) for c in counts.values()) / sum(c.total() for c in counts.values())
