"""The choice of settings: under `published` as Jozefowicz et al. draw them (docs/measuring.md, "The search of 2015")."""

import math
from collections import Counter

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from archsearch.protocol.records import Try
from archsearch.protocol.settings import Grid, Setting
from archsearch.search import choice
from tests.helpers.plans import GRID

GRID_840 = Grid(
    ("sgd",),
    (0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 5.0),
    (0.3, 0.7, 1.0, 1.4, 2.0, 2.8),
    (1.0, 2.5, 5.0, 10.0, 20.0),
    (1, 2, 3, 4),
).all((250_000,))
SMALL = GRID.all((10_000,))


def tried(settings: list[Setting], first: float = 0.0) -> dict[Setting, Try]:
    """Return trials whose score falls along the list."""
    return {setting: Try(first + 1 - i / 10_000, 20) for i, setting in enumerate(settings)}


def drawn(
    parent: dict[Setting, Try] | None, starts: list[dict[Setting, Try]], draws: int = 3000
) -> Counter[str]:
    sources: Counter[str] = Counter()
    for seed in range(draws // 20):
        stage = choice.published(
            "xml", GRID_840, set(), 20, rng=np.random.default_rng(seed), parent=parent, starts=starts
        )
        sources.update(stage.sources)
    return sources


def test_paired_takes_the_next_k_of_the_shared_list() -> None:
    assert choice.paired("xml", SMALL, set(), 3).settings == tuple(SMALL[:3])
    assert choice.paired("xml", SMALL, set(SMALL[:3]), 3).settings == tuple(SMALL[3:6])
    assert choice.paired("xml", SMALL, set(SMALL[:11]), 3).settings == tuple(SMALL[11:])
    assert choice.paired("xml", SMALL, set(SMALL), 3).settings == ()


def test_half_a_grid_is_420_and_a_parent_with_more_is_mature() -> None:
    starts = [tried(GRID_840)]
    young, mature = drawn(tried(GRID_840[:420]), starts), drawn(tried(GRID_840[:421]), starts)
    assert set(young) == {"fresh", "start cells' best", "parent"}
    assert set(mature) == {"fresh", "parent's best"}


def test_a_child_of_a_young_parent_draws_from_three_sources_alike() -> None:
    sources = drawn(tried(GRID_840[:420]), [tried(GRID_840)])
    assert all(0.30 < count / sources.total() < 0.37 for count in sources.values()), sources


def test_a_child_of_a_mature_parent_inherits_four_of_five() -> None:
    sources = drawn(tried(GRID_840[:600]), [tried(GRID_840)])
    assert 0.77 < sources["parent's best"] / sources.total() < 0.83


def test_a_child_inherits_only_the_best_100() -> None:
    order = [GRID_840[i] for i in np.random.default_rng(0).permutation(840)]
    for parent, starts, source in (
        (tried(order[:600]), [], "parent's best"),
        (tried(GRID_840[:3]), [tried(order[200:400]), tried(order[:200], 1.0)], "start cells' best"),
    ):
        inherited = set()
        for seed in range(200):
            stage = choice.published(
                "xml", GRID_840, set(), 20, rng=np.random.default_rng(seed), parent=parent, starts=starts
            )
            inherited |= {s for s, of in zip(stage.settings, stage.sources, strict=True) if of == source}
        assert inherited == set(order[:100])


@pytest.mark.parametrize("score", [None, math.nan, math.inf])
def test_a_trial_without_a_finite_score_is_among_the_tried_but_not_among_the_best(
    score: float | None,
) -> None:
    parent = tried(GRID_840[:500]) | {GRID_840[0]: Try(score, 20)}
    for seed in range(50):
        stage = choice.published(
            "xml", GRID_840, set(), 20, rng=np.random.default_rng(seed), parent=parent, starts=[]
        )
        best = {
            s for s, source in zip(stage.settings, stage.sources, strict=True) if source == "parent's best"
        }
        assert best <= set(GRID_840[1:101])


def test_a_reexamination_is_all_fresh() -> None:
    assert set(drawn(None, [tried(GRID_840)])) == {"fresh"}


def test_a_child_whose_parent_has_nothing_there_falls_back_on_fresh_settings() -> None:
    sources = drawn({}, [tried(GRID_840)])
    assert set(sources) == {"fresh", "start cells' best"}
    assert 0.62 < sources["fresh"] / sources.total() < 0.71


@given(st.integers(0, 10**6), st.integers(0, 12), st.integers(1, 15), st.integers(-1, 12), st.integers(0, 12))
@settings(max_examples=200)
def test_nothing_used_is_drawn_and_an_exhausted_grid_gives_fewer(
    seed: int, had: int, k: int, of_parent: int, of_start: int
) -> None:
    rng = np.random.default_rng(seed)
    order = [SMALL[i] for i in rng.permutation(12)]
    used = set(order[:had])
    parent = tried(order[:of_parent]) if of_parent >= 0 else None
    stage = choice.published(
        "xml", SMALL, used, k, rng=rng, parent=parent, starts=[tried(order[12 - of_start :])]
    )
    assert len(stage.settings) == len(set(stage.settings)) == len(stage.sources) == min(k, 12 - had)
    assert not used & set(stage.settings) and set(stage.settings) <= set(SMALL)
    assert used == set(order[:had]), "the caller's set is left alone"


class Scripted:
    """Stands for a generator: says whose settings come next, and which of them."""

    def __init__(self, numbers: list[int]) -> None:
        self.numbers = iter(numbers)

    def integers(self, high: int) -> int:
        number = next(self.numbers)
        assert number < high
        return number


@pytest.mark.parametrize(("used", "source"), [(0, "parent"), (20, "parent"), (21, "fresh")])
def test_a_used_setting_is_drawn_again_20_times_before_a_fresh_one_is_taken(used: int, source: str) -> None:
    parent, from_parent = tried(SMALL[:2]), 2
    draws = [from_parent, *[0] * used, 1] if used <= 20 else [from_parent, *[0] * 21, 3]
    rng = Scripted(draws)
    stage = choice.published("xml", SMALL, {SMALL[0]}, 1, rng=rng, parent=parent)  # type: ignore[arg-type]
    assert stage.sources == (source,)
    assert stage.settings == ((SMALL[1],) if source == "parent" else (SMALL[4],))
    assert next(rng.numbers, None) is None, "every draw was used"


def test_fresh_settings_are_uniform_over_what_is_left() -> None:
    used = set(SMALL[:4])
    found = Counter(
        choice.published("xml", SMALL, used, 1, rng=np.random.default_rng(seed)).settings[0]
        for seed in range(4000)
    )
    assert set(found) == set(SMALL[4:])
    assert all(400 < count < 600 for count in found.values())


@pytest.mark.parametrize("k", [1, 20])
def test_one_generator_state_gives_one_stage(k: int) -> None:
    stages = [
        choice.published(
            "xml",
            GRID_840,
            set(),
            k,
            rng=np.random.default_rng(7),
            parent=tried(GRID_840[:300]),
            starts=[tried(GRID_840)],
        )
        for _ in range(2)
    ]
    assert stages[0] == stages[1]
