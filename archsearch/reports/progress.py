"""Progress as a section: the best cell so far against steps, beside what luck would have reached."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate

from archsearch.actions.board_words import cell_name, placebo_words
from archsearch.protocol.history import Place
from archsearch.protocol.records import Step, Verdict
from archsearch.reports.content import DrawnSeries, Panel, Section, ShownTable
from archsearch.reports.material import RunMaterial

MOST = 1_500
"""Candidates that are drawn as points; of more every second, third … by step."""


def progress(material: RunMaterial) -> Section:
    """Return how the best cell rose, as all cells are believed to be now."""
    if not material.history.places:
        return Section("progress", "Progress", ("No candidate has a fitness yet.",))
    blocks, last = material.plan.in_blocks, len(material.steps)
    best = sorted(material.candidates.values(), key=lambda each: each.step)
    series = [_points(material), *_best(material, last)]
    luck = _luck(material)
    series += luck
    if placebos := material.history.placebos:
        series.append(_marks("placebo clones", sorted(placebos, key=lambda each: each.step)))
    words = [
        "A cell stands at the step that brought it, with what is believed of it now: re-examinations move cells.",
    ]
    words += (
        ["Luck: the best of as many clones of the GRU, in the median, and once in twenty searches."]
        if luck
        else []
    )
    words += [placebo_words(material.board.placebo)] if material.board.placebo else []
    return Section(
        key="progress",
        title="Progress",
        words=tuple(words),
        panels=(Panel("Best cell so far", "step", "the GRU is 1", tuple(series), (("GRU", 1.0),)),),
        table=ShownTable(
            ("step", "cell", "fitness", *(["estimate"] if blocks else [])),
            tuple(
                (each.step, cell_name(each.id), each.fitness, *([each.estimate] if blocks else []))
                for each in best
            ),
        ),
        folded=True,
    )


def _points(material: RunMaterial) -> DrawnSeries:
    places = sorted(material.history.places, key=lambda each: each.step)
    return _marks("candidates", places[:: -(-len(places) // MOST)], thin=True)


def _marks(name: str, places: Sequence[Place], thin: bool = False) -> DrawnSeries:
    """Return points for candidates.

    Args:
        name: What they are called.
        places: Their places.
        thin: Whether they stand behind the others.
    """
    labels = tuple("" if each.is_placebo else cell_name(each.id) for each in places)
    x, y = tuple(float(each.step) for each in places), tuple(-each.loss for each in places)
    return DrawnSeries(name, "points", x, y, labels=labels, thin=thin)


def _best(material: RunMaterial, last: int) -> list[DrawnSeries]:
    """Return the lines of the best so far: its estimate, and the fitness that was measured of it, up to the last step."""
    best = sorted(material.candidates.values(), key=lambda each: each.step)
    if not best:
        return []
    x = (*(float(each.step) for each in best), float(max(last, best[-1].step)))
    labels = (*(cell_name(each.id) for each in best), cell_name(best[-1].id))
    fitness = [each.fitness for each in best]
    lines = [DrawnSeries("best, fitness", "steps", x, (*fitness, fitness[-1]), labels=labels)]
    if material.plan.in_blocks:
        estimates = [each.estimate for each in best]
        lines.insert(0, DrawnSeries("best, estimate", "steps", x, (*estimates, estimates[-1]), labels=labels))
    return lines


def _luck(material: RunMaterial) -> list[DrawnSeries]:
    """Return what the best of as many clones as there were candidates by a step would reach."""
    if not material.luck:
        return []
    so_far = list(accumulate(_finished_first_stage(step, verdict) for step, verdict in material.steps))
    points = [
        (float(step), said)
        for clones, said in material.luck.items()
        if (step := next((number for number, count in enumerate(so_far) if count >= clones), None))
        is not None
    ]
    points += [(float(len(so_far)), points[-1][1])] if points else []
    x = tuple(step for step, _ in points)
    return [
        DrawnSeries("luck", "line", x, tuple(said.luck for _, said in points)),
        DrawnSeries("luck, once in twenty", "line", x, tuple(said.line for _, said in points)),
    ]


def _finished_first_stage(step: Step, verdict: Verdict) -> bool:
    """Whether a step brought a candidate that was trained on a whole stage."""
    return step.kind == "propose" and verdict.reached > (verdict.fate == "not evaluated")
