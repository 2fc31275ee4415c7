"""What the referee says of two cells, in whole sentences."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import UNSET

from archsearch.protocol.claims import Control
from archsearch.protocol.hearing import Hearing, files_among
from archsearch.referee.ruling import Ruling
from archsearch.words import plain

FRESH = "fresh data, initial weights and settings"
"""What a pair does not share with any other."""

EQUAL = {"width": "width", "flops": "FLOPs", "time": "time"}
"""What `--equal` is called in a sentence."""

BOUNDS: dict[Control, str] = {
    "family": 'The chance that any of its claims is ever called "better" falsely is at most 5 %, however many there '
    "will be.",
    "discoveries": 'Of the claims that it calls "better" at most 5 % are false, in expectation, however many there '
    "will be.",
}
"""What a ledger promises, by what it keeps small."""


def verdict_sentences(hearing: Hearing, ledger: str, control: Control = "family") -> list[str]:
    """Return what is said of two cells, of the tasks that are files, and of the ledger.

    Args:
        hearing: What is known.
        ledger: Whose it is.
        control: What it keeps small.
    """
    place = f"Claim {hearing.number} of {ledger}"
    needed = f"{place}: E must reach {1 / hearing.level:,.0f} on every task. {BOUNDS[control]}"
    files = [
        f"{task} is a file and has no fresh data: its pairs vary initial weights and settings alone, "
        "and the verdict speaks of this text."
        for task in files_among(hearing)
    ]
    return [_said(hearing), *_alone(hearing), *_terms(hearing), *files, needed]


def _said(hearing: Hearing) -> str:
    a, b = hearing.names
    where = listed(list(hearing.pairs))
    if hearing.claim.length is not UNSET:
        where += f", on sequences of {hearing.claim.length:,} steps"
    if hearing.scale != 1:
        where += f", at {hearing.scale:g} times the preset's parameters and steps"
    if hearing.claim.alike != "parameters":
        where += f", at equal {EQUAL[hearing.claim.alike]}"
    after = "1 pair" if hearing.count == 1 else f"{hearing.count} pairs"
    return {
        Ruling.BETTER: f"{a} is better than {b} on {where}, after {after} of {FRESH}.",
        Ruling.WORSE: f"{a} is worse than {b} on {where}, after {after} of {FRESH}.",
        Ruling.NO_DIFFERENCE: f"{a} and {b} differ by no more than {hearing.margin:g} of skill on {where}, after {after}.",
        Ruling.NOT_TOLD_APART: f"{a} and {b} are not told apart on {where} after {after}.",
    }[hearing.ruling]


def _alone(hearing: Hearing) -> list[str]:
    """Return what holds on some of the tasks, where nothing holds on all of them."""
    if hearing.ruling is not Ruling.NOT_TOLD_APART or len(hearing.pairs) < 2:
        return []
    by_ruling: dict[Ruling, list[str]] = {}
    for task in hearing.pairs:
        by_ruling.setdefault(hearing.of_task(task), []).append(task)
    said = [
        f"{ruling.value} on {listed([f'{task} ({score(hearing, task)})' for task in by_ruling[ruling]])}"
        for ruling in Ruling
        if ruling in by_ruling
    ]
    return [f"Each task alone: {'; '.join(said)}."] if len(said) > 1 else []


def _terms(hearing: Hearing) -> list[str]:
    """Return what the first cell costs for each of the second's, where that is not the same parameters."""
    if hearing.claim.equal is UNSET:
        return []
    ratios: dict[str, list[float]] = {}
    for terms in hearing.claim.equal.terms:
        ratios.setdefault(terms.task, []).append(terms.ratio)
    shown = listed([f"{sum(those) / len(those):.2f} on {task}" for task, those in ratios.items()])
    a, b = hearing.names
    cost = {
        "width": f"{a} has so many times the parameters of {b}",
        "flops": f"A step of {a} takes so many times the operations of {b}'s",
        "time": f"A step of {a} takes so many times as long as {b}'s, as measured when the claim was made",
    }[hearing.claim.equal.what]
    return [f"{cost}: {shown}."]


def outlook(hearing: Hearing, way: str) -> list[str]:
    """Return what more pairs would bring; nothing where there is a verdict.

    Args:
        hearing: What is known.
        way: How they are trained; "{pairs}" in it is how many there would be in all.
    """
    if hearing.ruling is not Ruling.NOT_TOLD_APART:
        return []
    a, b = hearing.names
    if hearing.is_split:
        better, worse = (
            listed([task for task in hearing.pairs if hearing.of_task(task) is ruling])
            for ruling in (Ruling.BETTER, Ruling.WORSE)
        )
        return [f"{a} is better on {better} and {b} on {worse}: more pairs bring no verdict on all of them."]
    if not hearing.count:
        return ["There was no time for a pair."]
    if hearing.needed is None:
        return ["As wins and losses stand, no number of pairs would bring a verdict."]
    more = max(1, hearing.needed - hearing.count)
    words = f"If wins and losses went on like this, about {more} more pair{'s' * (more > 1)} would tell them apart"
    return [f"{words}: {way.format(pairs=hearing.count + more)}."]


def score(hearing: Hearing, task: str) -> str:
    """Return the pairs that the first cell has won and lost: `7:1`."""
    found = hearing.evidence[task]
    return f"{found.wins}:{found.losses}"


def scores(hearing: Hearing) -> str:
    """Return the pairs won and lost on every task."""
    return ", ".join(f"{plain(task)} {score(hearing, task)}" for task in hearing.pairs)


def listed(names: Sequence[str]) -> str:
    """Return names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
