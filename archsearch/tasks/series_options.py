"""What the name of a series says of its columns: `series:FILE.csv?target=load,price&time=hour&horizon=24`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from archsearch.errors import TaskError
from archsearch.tasks.name_options import decoded, said_of
from archsearch.tasks.task import Measure
from archsearch.words import did_you_mean

ABOUT = {
    "target": "the columns that are predicted, all where it is not said",
    "time": "the column that says when; it has to grow, and is not learned from",
    "key": "the column that says which series a row is of, where a file holds several",
    "horizon": "how many rows ahead",
    "season": "rows after which things repeat, for the floor",
    "loss": "mse, the squared error, or nll, the negative log-likelihood of a mean with a variance",
}
LOSSES: dict[str, Measure] = {"mse": "mse", "nll": "gaussian_nll"}
"""What a series may be scored by; the first where nothing is said."""
FARTHEST_ROWS = 100_000
"""Most rows of a horizon or a season."""


@dataclass(frozen=True, slots=True)
class SeriesOptions:
    """Which columns are predicted, how far ahead, and what that is scored by.

    Attributes:
        target: Names or numbers of columns; none: all that are learned from.
        time: The column of times; empty for none.
        key: The column of keys; empty for none.
        horizon: h: after row t, row t + h is predicted.
        season: s: another floor is the value s rows before the predicted one, or a multiple that is known; 0 for none.
        measure: What a prediction is scored by.
    """

    target: tuple[str, ...] = ()
    time: str = ""
    key: str = ""
    horizon: int = 1
    season: int = 0
    measure: Measure = field(default="mse", repr=False)  # checksums of older tasks are of the text without it

    @property
    def apart(self) -> tuple[str, ...]:
        """The columns that are not learned from."""
        return tuple(column for column in (self.time, self.key) if column)


def read_options(text: str) -> SeriesOptions:
    """Return what the text says; commas divide columns, and `%2C` and the like stand for marks within a name.

    Raises:
        TaskError: An option is unknown, is given twice, or is no such number.
    """
    said = said_of("series", text, ABOUT)
    target = tuple(map(decoded, filter(None, said.get("target", "").split(","))))
    if len(set(target)) < len(target):
        raise TaskError(f"target={said['target']} names a column twice")
    columns = {name: decoded(said.get(name, "")) for name in ("time", "key")}
    return SeriesOptions(
        target,
        **columns,
        horizon=_rows(said, "horizon", 1, 1),
        season=_rows(said, "season", 0, 2),
        measure=_measure(said.get("loss", "mse")),
    )


def _rows(said: dict[str, str], name: str, default: int, least: int) -> int:
    text = said.get(name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= FARTHEST_ROWS:
        raise TaskError(f"{name}={text}: a series takes {least} to {FARTHEST_ROWS:,} rows there")
    return int(text)


def _measure(loss: str) -> Measure:
    if loss not in LOSSES:
        raise TaskError(
            f"loss={loss}{did_you_mean(loss, LOSSES, ' ({})')}: a series takes {' or '.join(LOSSES)} there"
        )
    return LOSSES[loss]
