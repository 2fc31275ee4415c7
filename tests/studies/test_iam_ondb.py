"""IAM-OnDB read from files that the tests make in its true format: strokes, texts of forms, and lists of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from archsearch.errors import TaskError
from archsearch.studies.recordings.iam import LISTS, load_iam
from archsearch.studies.recordings.strokes import read_line

pytest.importorskip("defusedxml")

Stroke = list[tuple[int, int, float]]
STROKES: list[Stroke] = [
    [(10, 5, 769.05), (12, 6, 769.07), (13, 8, 769.09)],
    [(20, 5, 769.50)],
    [(30, 5, 770.0), (31, 5, 770.02)],
]


def xml(strokes: list[Stroke]) -> str:
    """Return a stroke file."""
    points = [
        "".join(f'<Point x="{x}" y="{y}" time="{time}"/>' for x, y, time in stroke) for stroke in strokes
    ]
    body = "".join(f'<Stroke colour="black" start_time="0" end_time="1">{one}</Stroke>' for one in points)
    return (
        '<?xml version="1.0" encoding="ISO-8859-1"?><WhiteboardCaptureSession><WhiteboardDescription>'
        '<SensorLocation corner="top_left"/></WhiteboardDescription>'
        f"<StrokeSet>{body}</StrokeSet></WhiteboardCaptureSession>"
    )


def put(folder: Path, form: str, lines: list[str], *, strokes: int | None = None) -> None:
    """Make a form: a stroke file for each line, and its texts."""
    inner = Path(form[:3], form.rstrip("abcdefghijklmnopqrstuvwxyz"))
    for kind in ("lineStrokes", "ascii"):
        (folder / kind / inner).mkdir(parents=True, exist_ok=True)
    for number in range(1, 1 + (len(lines) if strokes is None else strokes)):
        (folder / "lineStrokes" / inner / f"{form}-{number:02}.xml").write_text(xml(STROKES))
    text = "OCR:\n\nnot this\n\nCSR:\n\n" + "\n".join(lines) + "\n"
    (folder / "ascii" / inner / f"{form}.txt").write_text(text, encoding="iso-8859-1")


@pytest.fixture
def iam(tmp_path: Path) -> Path:
    """A small set with a form in each list, and lines that are left out."""
    forms = {
        "trainset.txt": "a01-000u",
        "testset_v.txt": "b02-001z",
        "testset_t.txt": "c03-002",
        "testset_f.txt": "d04-003x",
    }
    put(tmp_path, "a01-000u", ["ab", "", "%%", "b a"], strokes=4)
    put(tmp_path, "b02-001z", ["a"])
    put(tmp_path, "c03-002", ["b", "ba"], strokes=1)
    put(tmp_path, "d04-003x", ["caf\xe9"])
    for name, form in forms.items():
        (tmp_path / name).write_text(f" {form} \nz01-000z\n" if name == "trainset.txt" else f"{form}\n")
    return tmp_path


def test_lines_go_to_the_part_of_their_form_with_their_text(iam: Path) -> None:
    read = load_iam(iam)
    texts = {
        split: {one.name: "".join(read.alphabet[label] for label in one.labels) for one in part}
        for split, part in read.parts.items()
    }
    assert texts == {
        "train": {"a01-000u-01": "ab", "a01-000u-04": "b a"},
        "valid": {"b02-001z-01": "a", "c03-002-01": "b"},
        "test": {"d04-003x-01": "caf\xe9"},
    }
    assert read.is_text and read.alphabet == (" ", "a", "b", "c", "f", "\xe9")
    assert read.left_out == {
        "strokes without a text": 2,
        "lines without strokes": 1,
        "forms known to be faulty": 1,
    }


def test_a_point_is_steps_in_x_y_and_time_and_whether_the_pen_was_lifted(tmp_path: Path) -> None:
    path = tmp_path / "line.xml"
    path.write_text(xml(STROKES))
    # Every second of (10, 5), (12, 6), (13, 8), (20, 5), (30, 5), (31, 5).
    wanted = [(0, 0, 0, 1), (3, 3, 0.04, 0), (17, -3, 0.91, 1)]
    np.testing.assert_allclose(read_line(path), wanted, atol=1e-9)


def test_a_stroke_of_a_point_that_is_passed_over_still_lifts_the_pen(tmp_path: Path) -> None:
    path = tmp_path / "line.xml"
    path.write_text(xml([[(0, 0, 0.0)], [(1, 0, 0.1)], [(2, 0, 0.2)]]))
    np.testing.assert_allclose(read_line(path)[:, 3], [1, 1])


BOMB = '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;">]><a>&c;</a>'
HOSTILE = {
    "entities": (BOMB, "a01-000u-01.xml: XML with EntitiesForbidden"),
    "cut": (xml(STROKES)[:200], "a01-000u-01.xml: no whole XML"),
    "another kind": ("<svg/>", "a01-000u-01.xml: no point of a stroke"),
    "no numbers": (xml(STROKES).replace('x="12"', 'x="12px"'), "a01-000u-01.xml: a point has x, y and time"),
    "no place": (xml(STROKES).replace('x="12"', 'x="inf"'), "a01-000u-01.xml: a point .* lies nowhere"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_cut_or_hostile_stroke_file_is_named(iam: Path, kind: str) -> None:
    text, said = HOSTILE[kind]
    (iam / "lineStrokes/a01/a01-000/a01-000u-01.xml").write_text(text)
    with pytest.raises(TaskError, match=said):
        load_iam(iam)


def test_a_form_without_a_text_and_a_list_of_something_else_are_named(iam: Path) -> None:
    (iam / "testset_v.txt").write_text("../../etc/passwd\n")
    with pytest.raises(TaskError, match="testset_v.txt:1: a form is called as a01-000u"):
        load_iam(iam)
    (iam / "testset_v.txt").write_text("b02-009z\n")
    with pytest.raises(TaskError, match="b02-009z.txt: No such file"):
        load_iam(iam)
    (iam / "ascii/a01/a01-000/a01-000u.txt").write_text("OCR:\n\nab\n")
    with pytest.raises(TaskError, match="a01-000u.txt: no line 'CSR:'"):
        load_iam(iam)


def test_a_set_without_a_part_of_it_is_named(iam: Path) -> None:
    (iam / "testset_f.txt").write_text("\n")
    with pytest.raises(TaskError, match="no recording for test of IAM-OnDB"):
        load_iam(iam)
    (iam / "testset_f.txt").unlink()
    with pytest.raises(TaskError, match="no testset_f.txt; name the folder"):
        load_iam(iam)
    assert set(LISTS) == {"train", "valid", "test"}
