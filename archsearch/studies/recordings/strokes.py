"""A line of handwriting from an IAM-OnDB stroke file, as the four numbers a point of Greff et al. (2017)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from archsearch.errors import TaskError
from archsearch.studies.recordings.recording import of_extra
from archsearch.tasks.task import Numbers


def read_line(path: Path) -> Numbers:
    """Return the points of a line, every second one: steps in x, y and seconds, and 1 where the pen was lifted before.

    Args:
        path: A file of `lineStrokes`.

    Returns:
        Shape (T, 4); the first point has zeros and a 1.

    Raises:
        TaskError: The file is cut, hostile or of another kind; the message names it.
        InputError: defusedxml is not installed.
    """
    parser, refused = of_extra("defusedxml.ElementTree"), of_extra("defusedxml").DefusedXmlException
    try:
        root = parser.parse(path).getroot()
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from None
    except refused as error:
        raise TaskError(f"{path}: XML with {type(error).__name__}, which no stroke file has") from None
    except (parser.ParseError, ValueError, LookupError) as error:
        raise TaskError(f"{path}: no whole XML: {error}") from None
    strokes = [stroke.findall("Point") for stroke in root.iterfind("StrokeSet/Stroke")]
    if not any(strokes):
        raise TaskError(
            f"{path}: no point of a stroke in it (WhiteboardCaptureSession/StrokeSet/Stroke/Point)"
        )
    points = np.array([_numbers(path, point) for stroke in strokes for point in stroke])
    stroke_of = np.repeat(np.arange(len(strokes)), [len(stroke) for stroke in strokes])
    points, stroke_of = points[::2], stroke_of[::2]
    steps = np.diff(points, axis=0, prepend=points[:1])
    lifted = np.diff(stroke_of, prepend=-1) != 0
    return np.column_stack([steps, lifted])


def _numbers(path: Path, point: Any) -> tuple[float, float, float]:
    try:
        x, y, time = (float(point.attrib[name]) for name in ("x", "y", "time"))
    except (KeyError, ValueError):
        raise TaskError(f"{path}: a point has x, y and time, not {dict(point.attrib)!r:.80}") from None
    if not np.isfinite([x, y, time]).all():
        raise TaskError(f"{path}: a point with {dict(point.attrib)!r:.80} lies nowhere")
    return x, y, time
