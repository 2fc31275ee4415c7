"""Compare two cells on a task: train both beside the GRU under the same settings, and print them side by side.

    python examples/compare_two_cells.py mut1 mgu --task xml --settings 4

Equal settings and equal data make the comparison fair; one seed of the data makes it no proof. Try --seed 1, 2, 3.
"""

from __future__ import annotations

import argparse

import archsearch


def shown(figure: float | None) -> str:
    """Return a figure with three digits, `-` where there is none because no trial has a score."""
    return "-" if figure is None else f"{figure:.3f}"


def main() -> None:
    """Read the command line, train both cells, and print the best skill of each beside the GRU's."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("cells", nargs=2, metavar="CELL", help="a library name, a .cell file, or RUN/3")
    parser.add_argument("--task", default="xml")
    parser.add_argument("--preset", default="quick")
    parser.add_argument("--settings", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    print(f"best skill on {arguments.task} over {arguments.settings} settings, seed {arguments.seed}")
    for cell in arguments.cells:
        compared = archsearch.train(
            cell,
            arguments.task,
            preset=arguments.preset,
            settings=arguments.settings,
            seed=arguments.seed,
        )
        best, gru, ratio = map(shown, (compared.best, compared.baseline_best, compared.ratio))
        print(f"{cell:12} {best}   gru {gru}   ratio {ratio}")


if __name__ == "__main__":
    main()
