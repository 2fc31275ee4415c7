"""`archsearch replay`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from archsearch.actions.board_words import cell_name
from archsearch.actions.replay import TOLERANCE, Replay, ReplayedScore
from archsearch.actions.replay import replay as train_again
from archsearch.actions.replay_verdicts import ReplayedClaim, replay_verdicts
from archsearch.actions.verdict_words import EQUAL
from archsearch.cli.options import json_option, own_option, runs_option, top_option, training_options
from archsearch.cli.printing import console, note, print_json, progress_line
from archsearch.cli.tables import Column, print_table
from archsearch.words import plain


@click.command(epilog="Example: archsearch replay quick-1 --top 3")
@click.argument("run")
@runs_option
@top_option(5, "Rows to train again.")
@click.option("--cell", metavar="ID", help="One cell instead: its id or the beginning of it.")
@click.option("--verdicts", is_flag=True, help="The pairs of all claims before the referee instead.")
@own_option
@training_options
@json_option
def replay(
    run: str,
    runs: Path,
    top: int,
    cell: str | None,
    verdicts: bool,
    own: tuple[str, ...],
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> int:
    """Train leaderboard rows again and compare the scores.

    On the machine and engine of the record a score holds if it is the same in every bit, elsewhere within a tolerance.
    Exits with 1 if one does not hold.
    """
    if verdicts:
        return _replay_verdicts(run, as_json, runs=runs, own=own, data=data, workers=workers, device=device)
    with progress_line("replayed") as progressed:
        result = train_again(
            run,
            top=top,
            cell=cell,
            runs=runs,
            own=own,
            data=data,
            workers=workers,
            device=device,
            progressed=progressed,
        )
    if as_json:
        print_json(result.as_document())
    else:
        _print(result)
    for score in result.scores:
        if not score.holds:
            note(plain(f"Does not hold: {_failure(score)}"))
    return 0 if result.holds else 1


def _replay_verdicts(run: str, as_json: bool, **options: Any) -> int:
    """Train the pairs of all claims again, and say whether they hold."""
    with progress_line("replayed") as progressed:
        claims = replay_verdicts(run, progressed=progressed, **options)
    if as_json:
        print_json({"claims": [claim.as_dict() for claim in claims]})
    else:
        _print_claims(claims)
    for claim in claims:
        if claim.failures:
            note(plain(f"Does not hold: claim {claim.number}, pairs {', '.join(claim.failures)}"))
    return int(any(claim.failures for claim in claims))


def _print_claims(claims: Sequence[ReplayedClaim]) -> None:
    columns = [
        Column("claim", right=True),
        Column("cell"),
        Column("against"),
        Column("on"),
        Column("pairs", right=True),
        Column("holds"),
    ]
    rows = [
        [
            str(claim.number),
            *claim.names,
            _where(claim),
            str(claim.count),
            "NO" if claim.failures else agreement(claim.exact),
        ]
        for claim in claims
    ]
    print_table(console(), columns, rows)


def _where(claim: ReplayedClaim) -> str:
    """Return the tasks of a claim with their parameters, and what else both cells have alike."""
    sizes = [
        f"{plain(task.name)} {'/'.join(f'{budget:,}' for budget in task.rules.budgets)}"
        for task in claim.claim.tasks
    ]
    alike = claim.claim.alike
    return "; ".join(sizes) + (f"; equal {EQUAL[alike]}" if alike != "parameters" else "")


def agreement(exact: bool) -> str:
    """Return how closely scores have to agree: on the machine and engine of the record, or elsewhere."""
    return "bit for bit" if exact else f"within {TOLERANCE:g}"


def _failure(score: ReplayedScore) -> str:
    where = f"rank {score.row.rank}" if score.row.rank else "reference"
    words = f"recorded {score.recorded!r}, replayed {_replayed(score)}"
    return f"{where}, cell {cell_name(score.row.id)}, {score.task}: {words}"


def _replayed(score: ReplayedScore) -> str:
    return "no score" if score.replayed is None else repr(score.replayed)


def _print(result: Replay) -> None:
    out, scores = console(), result.scores
    columns = [
        Column("rank", right=True),
        Column("cell", drop=1),
        Column("task"),
        Column("recorded", right=True),
        Column("replayed", right=True),
        Column("holds"),
    ]
    print_table(out, columns, [_line(score) for score in scores])
    out.print(plain(f"Recorded with {', '.join(result.recorded.values())}."))
    if scores and not scores[0].exact:
        here = ", ".join(result.here.values())
        out.print(plain(f"That is not here ({here}): a tolerance of {TOLERANCE:g} holds."))
    out.print(f"{sum(score.holds for score in scores)} of {len(scores)} scores hold.")


def _line(score: ReplayedScore) -> list[str]:
    return [
        str(score.row.rank or "ref"),
        score.row.name or cell_name(score.row.id),
        plain(score.task),
        repr(score.recorded),
        _replayed(score),
        agreement(score.exact) if score.holds else "NO",
    ]
