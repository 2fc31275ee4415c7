"""Exports: cells as files that others read, one format per file.

`EXPORTERS` is the table of formats, `export` writes one file, checked and complete or not at all, and `Scores` is what
a run may tell about the cell in it.
"""

from archsearch.exporters.formats import EXPORTERS, Exporter
from archsearch.exporters.graph_json import from_json
from archsearch.exporters.scores import Scores, TaskScore
from archsearch.exporters.write import export, export_text

__all__ = ["EXPORTERS", "Exporter", "Scores", "TaskScore", "export", "export_text", "from_json"]
