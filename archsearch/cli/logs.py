"""The tables of the logs that `evolve --log` writes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from archsearch.cli.log_files import csv_log, json_log
from archsearch.cli.log_services import MlflowLog, TensorBoardLog, WandbLog
from archsearch.cli.logged import StepLog
from archsearch.errors import InputError
from archsearch.words import did_you_mean

FILES: dict[str, Callable[[Path], StepLog]] = {".jsonl": json_log, ".csv": csv_log}
"""The ending of a file's name -> what writes it."""

SERVICES: dict[str, Callable[[str], StepLog]] = {
    "tensorboard": TensorBoardLog,
    "wandb": WandbLog,
    "mlflow": MlflowLog,
}
"""The name before a colon -> what sends rows there."""


def open_logs(said: Sequence[str]) -> dict[str, StepLog]:
    """Return the logs that `--log` names: FILE.jsonl, FILE.csv, or SERVICE:WHERE.

    Raises:
        InputError: There is no such kind, its package is missing, or a file cannot be there.
    """
    logs: dict[str, StepLog] = {}
    for name in said:
        service, colon, where = name.partition(":")
        if colon and where and service in SERVICES:
            logs[name] = SERVICES[service](where)
        elif Path(name).suffix in FILES and not colon:
            path = Path(name)
            if path.is_dir() or not path.parent.is_dir():
                raise InputError(f"--log {name}: no file can be there; its folder must exist")
            logs[name] = FILES[path.suffix](path)
        else:
            hint = did_you_mean(service, SERVICES, " ({})")
            raise InputError(
                f"--log {name!r}{hint}: write FILE.jsonl, FILE.csv, tensorboard:FOLDER, wandb:PROJECT or mlflow:EXPERIMENT"
            )
    return logs
