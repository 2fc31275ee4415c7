"""Logs of a search for services that show experiments: numbers of each step, sent as it ends."""

from __future__ import annotations

from typing import Any

from archsearch.actions.listener import RunInfo
from archsearch.cli.logged import Row, StepLog
from archsearch.errors import InputError
from archsearch.protocol.plan import RunPlan


class TensorBoardLog(StepLog):
    """Numbers for TensorBoard.

    Args:
        folder: Where its files go.

    Attributes:
        folder: The same.
        make: Makes a writer of the tensorboard package.
        writer: The one of this session, once it has begun.
    """

    def __init__(self, folder: str) -> None:
        try:
            from tensorboard.summary import Writer
        except ImportError:
            raise _missing("tensorboard", "archsearch[tensorboard]") from None
        self.folder, self.make = folder, Writer
        self.writer: Any = None

    def begin(self, info: RunInfo) -> str:
        """Make a file for this session; steps have their numbers."""
        self.writer = self.make(self.folder)
        return ""

    def write(self, row: Row) -> None:
        """Add the numbers of a row."""
        for name, value in _numbers(row).items():
            self.writer.add_scalar(name, value, row["step"])
        self.writer.flush()


class WandbLog(StepLog):
    """Numbers for a project of Weights & Biases.

    Args:
        project: Its name.

    Attributes:
        project: The same.
        wandb: The package.
        run: The run there, once it has begun.
    """

    def __init__(self, project: str) -> None:
        try:
            import wandb
        except ImportError:
            raise _missing("wandb") from None
        self.project, self.wandb = project, wandb
        self.run: Any = None

    def begin(self, info: RunInfo) -> str:
        """Start a run there, with this run's name and preset."""
        self.run = self.wandb.init(project=self.project, name=info.folder.name, config=_described(info.plan))
        return ""

    def write(self, row: Row) -> None:
        """Log the numbers of a row."""
        self.run.log(_numbers(row), step=row["step"])


class MlflowLog(StepLog):
    """Numbers for an experiment of MLflow.

    Args:
        experiment: Its name.

    Attributes:
        experiment: The same.
        mlflow: The package.
    """

    def __init__(self, experiment: str) -> None:
        try:
            import mlflow
        except ImportError:
            raise _missing("mlflow") from None
        self.experiment, self.mlflow = experiment, mlflow

    def begin(self, info: RunInfo) -> str:
        """Start a run there, with this run's name and preset."""
        self.mlflow.set_experiment(self.experiment)
        self.mlflow.start_run(run_name=info.folder.name)
        self.mlflow.log_params(_described(info.plan))
        return ""

    def write(self, row: Row) -> None:
        """Log the numbers of a row, without signs that it does not take in a name."""
        metrics = {name.replace("@", "_").replace(":", "_"): value for name, value in _numbers(row).items()}
        self.mlflow.log_metrics(metrics, step=row["step"])


def _numbers(row: Row) -> dict[str, float]:
    """Return the numbers of a row but for its step's."""
    return {name: value for name, value in row.items() if isinstance(value, float)}


def _described(plan: RunPlan) -> dict[str, Any]:
    """Return what a run is, for those who list many."""
    return {
        "preset": plan.preset_name,
        "strategy": plan.strategy,
        "seed": plan.seed,
        "engine": plan.engine,
        "tasks": ",".join(task.name for task in plan.tasks),
    }


def _missing(package: str, wanted: str = "") -> InputError:
    return InputError(f"--log needs {package}, which is not installed: pip install {wanted or package}")
