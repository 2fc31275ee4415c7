"""Reads a Parquet file as the text of a CSV file, where pyarrow is installed: so one set of rules holds for both."""

from __future__ import annotations

import importlib
import io
from pathlib import Path
from typing import Any

from archsearch.errors import TaskError

MAGIC = b"PAR1"
"""How such a file begins."""


def is_parquet(content: bytes) -> bool:
    """Return whether a file's bytes are Parquet that can be read here: pyarrow is installed."""
    return content.startswith(MAGIC) and _pyarrow("pyarrow") is not None


def parquet_as_csv(path: Path, content: bytes, most: int) -> str:
    """Return a file's table with a line for each row after one of names; what is missing is an empty field.

    Args:
        path: The file.
        content: Its bytes, for which `is_parquet` holds.
        most: Bytes that the text may have.

    Raises:
        TaskError: The file is damaged, too large as text, or has a column whose values are no single fields.
    """
    arrow, parquet, csv = map(_pyarrow, ("pyarrow", "pyarrow.parquet", "pyarrow.csv"))
    text = io.BytesIO()
    try:
        file = parquet.ParquetFile(io.BytesIO(content))
        fields = file.metadata.num_rows * file.metadata.num_columns
        if 2 * fields > most:  # a field and what ends it
            raise TaskError(f"{path} has {fields:,} fields; a series takes at most {most // 2:,}: fewer rows")
        csv.write_csv(file.read(), text)
    except (arrow.ArrowException, OSError, ValueError) as error:
        reason = str(error).partition("\n")[0]
        raise TaskError(f"{path} is no table of numbers in Parquet, or was cut: {reason}") from None
    return text.getvalue().decode()


def _pyarrow(module: str) -> Any:
    """Return a module of pyarrow, None where it is not installed."""
    try:
        return importlib.import_module(module)
    except ImportError:
        return None
