"""Pictures: well-formed, complete, nothing on top of anything else, nothing that runs."""

import itertools
import re
import time
from xml.etree import ElementTree

import pytest

from archsearch.cell import OPS, Cell, library
from archsearch.exporters.drawing.picture import picture
from archsearch.exporters.drawing.svg import _Drawing, to_svg
from archsearch.exporters.tidy import tidy
from tests.exporters.cells import CORNERS, corner, mutant, renamed

SVG = "{http://www.w3.org/2000/svg}"
CELLS = [library.load(name) for name in library.names()]
CELLS += [corner(name) for name in CORNERS] + [mutant(seed, "lstm", 12) for seed in range(12)]


def glyphs(cell: Cell) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(to_svg(cell))
    return [group for group in root.iter(f"{SVG}g") if group.get("class", "").startswith("glyph")]


def rectangle(glyph: ElementTree.Element) -> tuple[float, float, float, float]:
    """Return left, top, right, bottom."""
    rect = glyph.find(f"{SVG}rect")
    assert rect is not None
    x, y, width, height = (float(rect.get(key, "nan")) for key in ("x", "y", "width", "height"))
    return x, y, x + width, y + height


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_every_op_and_every_state_is_in_the_picture(cell: Cell) -> None:
    shown = tidy(cell).cell
    covered = [int(handle) for glyph in glyphs(cell) for handle in glyph.get("data-nodes", "").split()]
    assert len(covered) == len(set(covered))
    wanted = {node.handle for node in shown.nodes if node.op in OPS or node.op in ("input", "state")}
    assert wanted <= set(covered)
    kinds = [glyph.get("class") for glyph in glyphs(cell)]
    assert kinds.count("glyph next") == kinds.count("glyph state") == len(shown.states)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_no_two_boxes_overlap_and_all_lie_on_the_card(cell: Cell) -> None:
    root = ElementTree.fromstring(to_svg(cell))
    width, height = (float(root.get(key, "nan")) for key in ("width", "height"))
    boxes = [rectangle(glyph) for glyph in glyphs(cell)]
    for left, top, right, bottom in boxes:
        assert 0 < left < right < width and 0 < top < bottom < height
    for one, other in itertools.combinations(boxes, 2):
        apart = one[2] < other[0] or other[2] < one[0] or one[3] < other[1] or other[3] < one[1]
        assert apart, f"{one} and {other} overlap"


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: cell.name)
def test_no_edge_runs_through_a_box_of_others(cell: Cell) -> None:
    shown = tidy(cell)
    drawing = _Drawing(shown, picture(shown))
    boxes = []
    for i, shape in enumerate(drawing.shapes):
        x, y = drawing.layout.x[i], drawing.middle[drawing.rank[i]]
        boxes.append((x - shape.half, y - shape.height / 2, x + shape.half, y + shape.height / 2))
    for edge, ends in enumerate(drawing.edges):
        for x, y in points(drawing.curve(edge)):
            for i, (left, top, right, bottom) in enumerate(boxes):
                inside = left + 1 < x < right - 1 and top + 1 < y < bottom - 1
                assert i in ends or not inside, f"edge {ends} runs through glyph {i}"


def points(pieces: list[tuple[float, ...]]) -> list[tuple[float, float]]:
    """Return points along a path of straight and cubic pieces."""
    found = [(pieces[0][0], pieces[0][1])]
    for piece in pieces[1:]:
        x, y = found[-1]
        x1, y1, x2, y2, x3, y3 = piece if len(piece) == 6 else (x, y, *piece, *piece)
        for i in range(1, 13):
            t = i / 12
            a, b, c, d = (1 - t) ** 3, 3 * t * (1 - t) ** 2, 3 * t * t * (1 - t), t**3
            found.append((a * x + b * x1 + c * x2 + d * x3, a * y + b * y1 + c * y2 + d * y3))
    return found


def test_gates_are_the_sigmoids_that_multiply() -> None:
    kinds = {glyph.name: glyph.kind for glyph in picture(tidy(library.load("lstm"))) if glyph.name}
    assert kinds == {"i": "gate", "f": "gate", "o": "gate", "g": "activation", "c\u2032": "point"}
    assert "gate" not in {glyph.kind for glyph in picture(tidy(library.load("tanh_rnn")))}
    inverted = {glyph.name: glyph.kind for glyph in picture(tidy(library.load("mingru")))}
    assert inverted["z"] == "gate" and inverted["n"] == "linear"


def test_a_sum_of_linear_maps_is_one_box_with_its_formula() -> None:
    texts = ["".join(glyph.itertext()) for glyph in glyphs(library.load("gru"))]
    assert "r\u03c3(W\u2009x + U\u2009h)" in texts
    assert "ntanh(W\u2009x + U(r\u00b7h))" in texts


def test_the_subtracted_operand_is_marked() -> None:
    shown = picture(tidy(Cell.parse("cell sub(x, h):\n    a = tanh(x)\n    h' = linear(h) * (a - h)\n")))
    minus = next(glyph for glyph in shown if glyph.lines == [[("\u2212", False)]])
    assert [(shown[i].name or shown[i].lines[0][0][0], mark) for i, mark in minus.operands] == [
        ("a", ""),
        ("h", "\u2212"),
    ]


def test_names_are_escaped_and_nothing_runs() -> None:
    hostile = '"><script>alert(1)</script><a href="javascript:x" onload="y">&{0}'
    text = to_svg(renamed(library.load("gru"), [hostile], hostile, (hostile,)))
    root = ElementTree.fromstring(text)
    assert {element.tag.removeprefix(SVG) for element in root.iter()} <= {
        "svg",
        "title",
        "desc",
        "style",
        "rect",
        "text",
        "tspan",
        "path",
        "g",
    }
    keys = {key for element in root.iter() for key in element.attrib}
    assert not [key for key in keys if key.startswith("on") or "href" in key]
    assert not re.search(r"url\(|@import|<!|<\?", text)


def test_a_large_cell_is_drawn_in_a_moment() -> None:
    lines = [f"    n{i} = tanh(linear(n{i - 1}) + n{i // 2})" for i in range(1, 120)]
    cell = Cell.parse("\n".join(["cell tall(x, h):", "    n0 = tanh(x)", *lines, "    h' = h * n119"]))
    assert len(glyphs(cell)) > 119


@pytest.mark.timing
def test_a_cell_of_many_twins_is_drawn_within_a_second() -> None:
    lines = [f"    a{i} = tanh(x)\n" for i in range(170)]
    cell = Cell.parse(
        f"cell twins(x, h):\n{''.join(lines)}    h' = {' + '.join(f'a{i}' for i in range(170))}\n"
    )
    start = time.process_time()
    assert to_svg(cell).startswith("<svg")
    assert time.process_time() - start < 1
