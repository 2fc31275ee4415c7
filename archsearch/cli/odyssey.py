"""`archsearch study odyssey`."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from archsearch.actions.cells import load_cell
from archsearch.cli.figures import check_figure, figure_option, write_figure
from archsearch.cli.odyssey_tables import print_effects, print_importance, print_variants
from archsearch.cli.options import json_option, runs_option
from archsearch.cli.printing import console, print_json
from archsearch.errors import InputError
from archsearch.studies import STUDIES

if TYPE_CHECKING:
    from archsearch.studies.importance import ImportanceRow

FOLDER = Path("runs", "odyssey")
VARIANTS = "vanilla,nig,nfg,nog,niaf,noaf,cifg,np,fgr"


@click.command(
    help=STUDIES["odyssey"],
    epilog="Example: archsearch study odyssey --data DIR --reduced --trials 20 --figure boxes.svg",
)
@click.option(
    "--data",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    help="Folder with the music, such as jsb_chorales.npz or jsb_chorales.json.",
)
@click.option(
    "--music",
    metavar="NAME",
    default="jsb_chorales",
    show_default=True,
    help="jsb_chorales, nottingham, piano_midi or muse_data.",
)
@click.option(
    "--cells",
    metavar="A,B,C",
    default=VARIANTS,
    show_default=True,
    help="Of the library, a .cell file, or RUN/1; held against vanilla, or else the first.",
)
@click.option(
    "--trials",
    metavar="N",
    type=click.IntRange(min=1),
    default=200,
    show_default=True,
    help="Settings that are drawn, the same for every cell.",
)
@click.option(
    "--seed", metavar="N", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search."
)
@click.option("--reduced", is_flag=True, help="At most 30 epochs with a patience of 5, not 150 and 15.")
@click.option("--epochs", metavar="N", type=click.IntRange(min=1), help="At most so many epochs.")
@click.option(
    "--loss",
    type=click.Choice(["mean", "sum"]),
    default="mean",
    show_default=True,
    help="Whether the loss of a sequence is the mean of its steps or their sum.",
)
@click.option(
    "--workers",
    metavar="N",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    help="Processes that train.",
)
@click.option(
    "--folder",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    default=FOLDER,
    show_default=True,
    help="Where ended trials are kept; they are not trained again.",
)
@click.option(
    "--factorial",
    is_flag=True,
    help="Train the LSTM with each subset of its gates besides, and say what each gate does and what they do together.",
)
@click.option(
    "--importance",
    is_flag=True,
    help="Say besides how much each hyper-parameter explains of the test NLL (fANOVA); needs scikit-learn.",
)
@figure_option("Draw the test NLL of all trials and of the best tenth there")
@figure_option("Draw what each hyper-parameter does to the test NLL there", "--marginals")
@runs_option
@json_option
def odyssey(
    data: Path,
    music: str,
    cells: str,
    trials: int,
    seed: int,
    reduced: bool,
    epochs: int | None,
    loss: str,
    workers: int,
    folder: Path,
    factorial: bool,
    importance: bool,
    figure: Path | None,
    marginals: Path | None,
    runs: Path,
    as_json: bool,
) -> None:
    """Run and print the tables; see `archsearch.studies.odyssey`."""
    for option, file in (("--figure", figure), ("--marginals", marginals)):
        if file is not None:
            check_figure(file, option)
    if importance or marginals is not None:
        _check_forests("--importance" if importance else "--marginals")
    from archsearch.studies import gates as study_of_gates  # torch takes its time to import
    from archsearch.studies import odyssey as study_of
    from archsearch.studies.random_search.training import PAPER, REDUCED
    from archsearch.tasks.music import read_music

    wanted = {cell.name: cell for cell in (load_cell(name.strip(), runs) for name in cells.split(","))}
    made = study_of_gates.gated_cells() if factorial else {}
    wanted |= {cell.name: cell for cell in made.values() if cell.name not in wanted}
    effort = msgspec.structs.replace(REDUCED if reduced else PAPER, loss=loss)
    if epochs is not None:
        effort = msgspec.structs.replace(effort, epochs=epochs)
    learned = read_music(data, music)
    with console(error=True).status("starting") as status:
        started = time.monotonic()

        def told(name: str | None, done: int, total: int) -> None:
            rate = 60 * done / max(time.monotonic() - started, 1e-9)
            status.update(f"{name or 'training'}: {done} of {total} trials, {rate:.1f} a minute")

        found = study_of.search_trials(
            wanted,
            range(trials),
            folder,
            music=learned,
            effort=effort,
            seed=seed,
            workers=workers,
            told=told,
        )
    rows = study_of.variant_rows(wanted, found)
    if figure is not None:
        from archsearch.studies.odyssey_figure import variants_picture

        write_figure(variants_picture(found), figure)
    effects = (
        study_of_gates.gate_effects({gates: found[cell.name] for gates, cell in made.items()}) if made else []
    )
    explained: list[ImportanceRow] = []
    if importance or marginals is not None:
        from archsearch.studies import importance as forests_of

        scored = forests_of.scored_settings(found)
        explained = forests_of.importance_rows(scored) if importance else []
        if marginals is not None:
            from archsearch.studies.importance_figure import marginals_picture

            write_figure(marginals_picture(scored), marginals, "--marginals")
    if as_json:
        document = {"music": music, "effort": effort, "rows": rows, "gates": effects, "importance": explained}
        print_json(msgspec.to_builtins(document))
        return
    print_variants(rows)
    if factorial:
        print_effects(effects)
    if importance:
        print_importance(explained)


def _check_forests(option: str) -> None:
    try:
        import sklearn  # noqa: F401
    except ImportError:
        raise InputError(
            f"{option} needs scikit-learn, which is not installed: pip install archsearch[studies]"
        ) from None
