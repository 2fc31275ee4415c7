"""`archsearch study strategies`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.options import folder_option, json_option, space_option, training_options
from archsearch.cli.printing import console, note, print_json
from archsearch.cli.tables import Column, number_text, print_table
from archsearch.errors import InputError
from archsearch.search import STRATEGIES, external
from archsearch.studies import STUDIES
from archsearch.words import plain, short_id
from archsearch.workers.devices import worker_devices

if TYPE_CHECKING:
    from archsearch.studies.comparison import Contest, StrategyRow
    from archsearch.studies.resampling import Figure
    from archsearch.studies.simulation import Likeness
    from archsearch.studies.strategies import StudyOptions

FOLDER = Path("runs", "strategies")

ALONE = [name for name in STRATEGIES if name != external.NAME]
"""The strategies that ask nobody."""


@click.command(
    help=STUDIES["strategies"],
    epilog="Example: archsearch study strategies --strategies jozefowicz,random --seeds 3 --trials 100",
)
@click.option(
    "--strategies",
    metavar="A,B,C",
    help=f"Of {', '.join(ALONE)}.  [default: all]",
)
@click.option(
    "--seeds",
    metavar="N",
    type=click.IntRange(min=1),
    default=10,
    show_default=True,
    help="Runs of each strategy.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Trials of each run.",
)
@click.option(
    "--preset",
    default="quick",
    show_default=True,
    metavar="NAME|FILE.toml",
    help="How cells are measured.",
)
@space_option
@click.option("--tasks", metavar="A,B,C", help="Tasks of the preset.  [default: those that it searches with]")
@folder_option(FOLDER, "Where the runs lie; those that are complete are not run again.")
@click.option(
    "--judge", "judged", is_flag=True, help="Send each run's final cell to the referee, against the GRU."
)
@click.option(
    "--pairs",
    metavar="N",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Pairs of each such claim, at most.",
)
@click.option(
    "--simulated",
    metavar="FILE.jsonl",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Train nothing: let a file of 'archsearch runs export' answer; its run says preset and tasks.",
)
@figure_option("Draw the curves there")
@training_options
@json_option
def strategies(
    strategies: str | None,
    seeds: int,
    trials: int,
    preset: str,
    space: str | None,
    tasks: str | None,
    folder: Path,
    judged: bool,
    pairs: int,
    simulated: Path | None,
    figure: Path | None,
    data: Path | None,
    workers: int | None,
    device: str,
    as_json: bool,
) -> None:
    """Search, compare and print; see `archsearch.studies.strategies`."""
    from archsearch.protocol.candidates import read_candidates
    from archsearch.protocol.recorded import RecordedTrials
    from archsearch.studies.comparison import compared  # scipy takes its time to import
    from archsearch.studies.simulation import likeness_agreement
    from archsearch.studies.strategies import (
        StudyOptions,
        check_strategies,
        judge_all,
        run_all,
    )

    names = _listed(strategies) or tuple(ALONE)
    check_strategies(names)
    check_figure(figure)
    if simulated is not None:
        if judged or tasks is not None or space is not None:
            raise InputError(
                "--simulated trains nothing, on the tasks and in the space of its file: leave out --judge, --tasks "
                "and --space"
            )
        folder = FOLDER.with_name(f"{FOLDER.name}-simulated") if folder == FOLDER else folder
    options = StudyOptions(
        folder=folder,
        strategies=names,
        seeds=seeds,
        trials=trials,
        preset=preset,
        space=space,
        tasks=_listed(tasks),
        data=data,
        devices=worker_devices(device, workers),
        simulated=None if simulated is None else RecordedTrials(read_candidates(simulated)),
    )
    with console(error=True).status("starting workers") as status:
        runs = run_all(options, lambda words: status.update(plain(words)))
        runs = judge_all(options, runs, pairs, lambda words: status.update(plain(words))) if judged else runs
    found = compared(runs, trials)
    if figure is not None:
        from archsearch.studies.anytime import anytime_picture

        write_figure(anytime_picture(found), figure)
    likeness = None if options.simulated is None else likeness_agreement(options.simulated)
    if as_json:
        print_json(_document(options, found, likeness))
    else:
        _print(found)
        if likeness is not None:
            note(_how_like(likeness))


def _listed(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(part.strip() for part in text.split(",") if part.strip())


def _document(options: StudyOptions, found: Contest, likeness: Likeness | None) -> dict[str, object]:
    return {
        "preset": options.preset,
        "space": options.space,
        "tasks": list(options.tasks) if options.tasks else None,
        "seeds": options.seeds,
        "likeness": likeness._asdict() if likeness else None,
        **msgspec.to_builtins(found),
    }


def _how_like(likeness: Likeness) -> str:
    """Return what is to be said of fitnesses that nobody has measured."""
    cells, figure = likeness.cells, number_text(likeness.spearman, ".2f")
    known = f"for the {cells} found cells of the file the two go together by {figure} (Spearman)"
    return f"Simulated: a cell that the file does not have got what the one most like it has; {known}."


def _print(found: Contest) -> None:
    out = console()
    rivals = list(dict.fromkeys(rival for row in found.rows for rival in row.over))
    columns = [
        Column("strategy"),
        Column(f"best after {found.trials} trials", right=True),
        *(Column(f"better than {rival}", right=True) for rival in rivals),
        Column(f"best after {found.seconds:.0f} s of a core", right=True),
        *(Column(f"so better than {rival}", right=True, drop=2) for rival in rivals),
        Column("new", right=True, drop=3),
        Column("confirmed", right=True, drop=1),
        Column("overrated by", right=True, drop=1),
    ]
    print_table(out, columns, [_line(row, rivals) for row in found.rows])
    out.print()
    columns = [
        Column("final cell of"),
        Column("cell"),
        *(Column(title, right=True) for title in ("fitness", "fresh", "pairs")),
        Column("against the GRU"),
    ]
    print_table(out, columns, _finals(found))
    note(
        "Best: the interquartile mean over runs of the best cell's fitness, the GRU left out, with 95 % intervals.",
        "Better than: the chance that a run of the one ends with a better cell than a run of the other.",
    )


def _line(row: StrategyRow, rivals: list[str]) -> list[str]:
    return [
        row.strategy,
        _figure(row.best, 3),
        *(_figure(row.over.get(rival), 2) for rival in rivals),
        _figure(row.timed, 3),
        *(_figure(row.over_timed.get(rival), 2) for rival in rivals),
        f"{row.new:.0%}",
        number_text(row.confirmed, ".0%"),
        _figure(row.bias, 3),
    ]


def _figure(figure: Figure | None, digits: int) -> str:
    if figure is None:
        return "-"
    if figure.low is None or figure.high is None:
        return f"{figure.value:.{digits}f}"
    return f"{figure.value:.{digits}f} ({figure.low:.{digits}f} to {figure.high:.{digits}f})"


def _finals(found: Contest) -> list[list[str]]:
    return [
        [
            final.run,
            short_id(final.cell),
            f"{final.fitness:.3f}",
            number_text(final.fresh),
            str(final.pairs),
            final.verdict or "not asked",
        ]
        for row in found.rows
        for final in row.finals
    ]
