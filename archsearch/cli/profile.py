"""The table of `evolve --profile`."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console

from archsearch.cli.tables import Column, print_table
from archsearch.workers.spending import Profile

PARTS = ("compile", "data", "training", "validation", "test", "rest")


def print_profile(out: Console, profile: Profile) -> None:
    """Print where the workers' time went: a row for what trials were for, and for what was none.

    Args:
        out: Where it is printed.
        profile: What the search has measured.
    """
    columns = [Column("core time of", least=10), Column("trials", right=True), Column("seconds", right=True)]
    columns += [Column("share", right=True), *(Column(part, right=True, drop=1) for part in PARTS)]
    rows = [
        [purpose, f"{profile.trials[purpose]:,}", *_figures(profile, list(map(parts.get, PARTS)))]
        for purpose, parts in profile.seconds.items()
    ]
    rows += [
        [name, "", *_figures(profile, [seconds], shown=0)]
        for name, seconds in (("waiting", profile.waited), ("other", profile.other))
    ]
    every = [sum(parts.get(part, 0.0) for parts in profile.seconds.values()) for part in PARTS]
    total = [f"{profile.offered:.1f}", "100%", *(f"{seconds:.1f}" for seconds in every)]
    rows += [["all", f"{sum(profile.trials.values()):,}", *total]]
    print_table(out, columns, rows)
    out.print(
        "compile: all before the first step. rest: checkpoints, parsing. other: trials that were cut short, "
        "and workers that started.",
        f"The driver took {profile.driver:.1f} s of a core besides.",
        sep="\n",
    )


def _figures(profile: Profile, parts: Sequence[float | None], shown: int = len(PARTS)) -> list[str]:
    """Return the seconds of a row, their share of all, and of how many parts what each took."""
    seconds = sum(part or 0.0 for part in parts)
    texts = ["" if part is None else f"{part:.1f}" for part in parts[:shown]]
    share = f"{seconds / max(1e-9, profile.offered):.1%}"
    return [f"{seconds:.1f}", share, *texts, *[""] * (len(PARTS) - len(texts))]
