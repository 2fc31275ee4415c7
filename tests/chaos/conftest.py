"""Sizes of the chaos, its seed, and the table of numbers at the end.

`make chaos ARGS="--driver-kills 20 --chaos-seed 7"` changes them; the ordinary slow tests run a small slice.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import pytest

SIZES = {
    "driver_kills": (200, 4, "kills of the driver"),
    "worker_kills": (1000, 40, "kills of workers"),
    "logs": (300, 10, "logs that are cut or garbled"),
    "flips": (200, 10, "runs with a flipped bit that are salvaged and go on"),
    "candidates": (500, 40, "candidates of the soak, which are compiled and trained"),
    "reading": (30, 3, "seconds that four readers read while a search writes"),
}
"""Option -> the full size, that of the slice, and of what."""

NUMBERS = pytest.StashKey[list[tuple[str, str]]]()


@dataclass(frozen=True)
class Sizes:
    """How much of each kind of chaos.

    Attributes:
        driver_kills, worker_kills, logs, flips, candidates, reading: As in `SIZES`.
        seed: Of everything that is drawn.
    """

    driver_kills: int
    worker_kills: int
    logs: int
    flips: int
    candidates: int
    reading: int
    seed: int


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("chaos")
    for name, (full, _, what) in SIZES.items():
        group.addoption(
            f"--{name.replace('_', '-')}", type=int, metavar="N", help=f"{what}, {full} by default"
        )
    group.addoption("--chaos-seed", type=int, default=0, metavar="N", help="seed of the chaos, 0 by default")


@pytest.fixture(
    params=[pytest.param("slice", marks=pytest.mark.slow), pytest.param("full", marks=pytest.mark.chaos)]
)
def sizes(request: pytest.FixtureRequest) -> Sizes:
    """The full sizes, or those of the slice, as far as no option says otherwise."""
    chosen: dict[str, Any] = {"seed": request.config.getoption("--chaos-seed", default=0)}
    for name, (full, small, _) in SIZES.items():
        said = request.config.getoption(f"--{name.replace('_', '-')}", default=None)
        chosen[name] = said if said is not None else full if request.param == "full" else small
    assert chosen.keys() == {field.name for field in fields(Sizes)}
    return Sizes(**chosen)


class Numbers:
    """Collects the rows of the table.

    Attributes:
        rows: What was counted or measured, with how much.
    """

    def __init__(self, rows: list[tuple[str, str]]) -> None:
        self.rows = rows

    def add(self, what: str, much: object) -> None:
        """Add a row, printed at once too, for a test that fails later."""
        self.rows.append((what, str(much)))
        print(f"{what}: {much}")


@pytest.fixture
def numbers(request: pytest.FixtureRequest, sizes: Sizes) -> Numbers:
    rows = request.config.stash.setdefault(NUMBERS, [("seed", str(sizes.seed))])
    return Numbers(rows)


@pytest.fixture
def quick_disk(tmp_path: Path) -> Path:
    """A folder in memory where there is one: what is damaged is damaged by us, so no disk need be waited for."""
    import tempfile

    memory = Path("/dev/shm")
    return Path(tempfile.mkdtemp(dir=memory)) if memory.is_dir() else tmp_path


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    rows = config.stash.get(NUMBERS, [])
    if rows:
        terminalreporter.section("numbers of the chaos")
        width = max(len(what) for what, _ in rows)
        for what, much in rows:
            terminalreporter.write_line(f"{what:<{width}}  {much}")
