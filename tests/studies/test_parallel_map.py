"""The map of cells: where each lies, what is said beside it, and what is left out."""

from __future__ import annotations

import pytest

from archsearch.studies.parallel import Medians, ParallelRow, parallel_front

matplotlib = pytest.importorskip("matplotlib")


def row(cell: str, skill: float, steps: float | None, jacobian: str = "dense") -> ParallelRow:
    found = Medians({8: 2, 20: steps}, -0.5)
    return ParallelRow(cell, jacobian, 5, 1, found, found, 0, {"as trained": 1.0, "x10": skill}, 1.0)


def places(rows: list[ParallelRow]) -> dict[str, tuple[float, float]]:
    """Return the names on the map of at most 16 steps, and where they are."""
    from archsearch.studies.parallel_map import parallel_map

    (axes,) = parallel_map(rows, 16).axes
    return {text.get_text(): text.xy for text in axes.texts}  # type: ignore[attr-defined]


def test_a_cell_lies_at_its_steps_at_the_longest_length_and_its_skill_on_longer_sequences() -> None:
    assert places([row("a", 0.5, 4), row("b", 0.25, 9, "diagonal, affine")]) == {
        "a": (4, 0.5),
        "b": (9, 0.25),
    }


def test_a_cell_that_needs_more_steps_than_were_allowed_lies_beyond_them() -> None:
    assert places([row("a", 1.0, None)]) == {"a": (24, 1.0)}


def test_cells_that_lie_together_share_a_line_of_names_that_counts_them() -> None:
    rows = [row("a", 1.0, 4), row("b", 0.99, 4), row("c", 0.985, 4), row("d", 0.9, 4)]
    assert places(rows) == {"c, b, … (3)": (4, 0.985), "d": (4, 0.9)}


def test_the_front_is_what_no_cell_beats_in_both_steps_and_skill() -> None:
    rows = [row("slow", 1.0, None), row("fast", 0.5, 2), row("beaten", 0.4, 3), row("worse", 0.9, None)]
    lost = ParallelRow("lost", "dense", 5, 1, Medians({8: 2, 20: 3}, None), None, 1, {"x10": 0.0}, 1.0)
    assert [each.cell for each in parallel_front([*rows, lost])] == ["fast", "slow"]


def test_of_many_cells_those_on_the_front_alone_are_named() -> None:
    many = [row(f"c{number}", number / 1000, 8) for number in range(100)]
    assert list(places([*many, row("best", 0.5, 4)])) == ["best"]
    assert len(places([*many[:5], row("best", 0.5, 4)])) > 1


def test_a_cell_whose_networks_all_diverged_is_left_out() -> None:
    diverged = ParallelRow("a", "dense", 5, 1, Medians({8: 2, 20: 3}, None), None, 1, {"x10": 0.0}, 1.0)
    assert list(places([diverged, row("b", 0.5, 4)])) == ["b"]
