"""Makes a graph of a cell: `python -m archsearch.exporters.converting FOLDER FORMAT`, in a folder that `write_job` made."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch

from archsearch.exporters.exported_module import exported_module
from archsearch.exporters.job import ABOUT, GRAPHS, read_job
from archsearch.exporters.over_time import OverTime, traced
from archsearch.exporters.whole_model import WholeModel


def convert(folder: Path, format: str) -> None:
    """Write `exported.FORMAT` into the folder of a job."""
    cell, model = read_job(folder)
    module = exported_module(folder, cell, model)
    over_time = WholeModel(module, model.ends) if model.ends else OverTime(module)
    program = traced(over_time, model.input_size, len(cell.states))
    about = (folder / ABOUT).read_text(encoding="utf-8")
    content = importlib.import_module(GRAPHS[format]).write(program, over_time, cell.states, about)
    (folder / f"exported.{format}").write_bytes(content)


if __name__ == "__main__":
    torch.set_num_threads(1)
    try:
        convert(Path(sys.argv[1]), sys.argv[2])
    except Exception as error:
        sys.exit(f"{type(error).__name__}: {' '.join(str(error).split())}")
