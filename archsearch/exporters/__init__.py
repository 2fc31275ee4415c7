"""Exports: cells as files that others read, one format per file.

`EXPORTERS` is the table of formats, `export` writes one file, checked and complete or not at all, and `Scores` is what
a run may tell about the cell in it.
"""

from archsearch.exporters.formats import EXPORTERS, Exporter
from archsearch.exporters.graph_json import from_json
from archsearch.exporters.model import ModelEnds, SizedModel
from archsearch.exporters.scores import Scores, TaskScore
from archsearch.exporters.write import export, export_bytes

__all__ = [
    "EXPORTERS",
    "Exporter",
    "ModelEnds",
    "SizedModel",
    "Scores",
    "TaskScore",
    "export",
    "export_bytes",
    "from_json",
]
