"""Tables keep to their width: columns are left out or cut as was meant, and lines never fold."""

import io
import re

import pytest
from rich.cells import cell_len
from rich.console import Console

from archsearch.cli.tables import Column, fits, print_table

GAPS = re.compile(" {2,}")
COLUMNS = [
    Column("id"),
    Column("size", right=True, drop=2),
    Column("age", right=True, drop=1),
    Column("what", least=6),
]
ROWS = [["c1", "1,000", "7", "a short text"], ["c22", "20", "12", "a text that is a good deal longer"]]


def printed(width: int) -> tuple[list[str], list[str]]:
    out = io.StringIO()
    left_out = print_table(Console(file=out, width=width), COLUMNS, ROWS)
    lines, words = out.getvalue().splitlines()[:3], out.getvalue().splitlines()[3:]
    said = f"No room here for: {', '.join(left_out)}; --json has everything."
    assert " ".join(line.strip() for line in words).replace(" ", "") == (
        said.replace(" ", "") if left_out else ""
    )
    return lines, left_out


def test_where_there_is_room_everything_is_shown() -> None:
    lines, left_out = printed(80)
    assert left_out == []
    assert lines == [
        "id    size  age  what",
        "c1   1,000    7  a short text",
        "c22     20   12  a text that is a good deal longer",
    ]


@pytest.mark.parametrize("width", range(8, 60))
def test_no_line_is_longer_than_there_is_room(width: int) -> None:
    lines, _ = printed(width)
    assert len(lines) == 3
    assert all(cell_len(line) <= width for line in lines)


def test_the_last_column_is_cut_before_others_are_left_out_in_their_order() -> None:
    assert printed(30)[1] == []
    assert "…" in printed(30)[0][2]
    assert printed(20)[1] == ["size"]
    assert printed(12)[1] == ["size", "age"]


def table(width: int, columns: list[Column], rows: list[list[str]]) -> str:
    out = io.StringIO()
    print_table(Console(file=out, width=width), columns, rows)
    return out.getvalue()


@pytest.mark.parametrize("width", range(20, 70))
def test_a_number_is_shown_whole_or_goes_with_its_column_which_is_said(width: int) -> None:
    titles = ["rungs", "candidates", "rho", "ratio lost", "steps saved"]
    numbers = ["20", "1,234", "0.97", "0.000", "15%"]
    columns = [Column("task"), *(Column(title, right=True) for title in titles)]
    shown = table(width, columns, [["memorization", *numbers]])
    heading, line, *words = shown.splitlines()
    whole = [number for number in numbers if number in line.split()]
    assert len(line.split()) == 1 + len(whole) == len(GAPS.split(heading))
    gone = titles[len(whole) :]
    assert gone == [title for title in titles if title in " ".join(" ".join(words).split())]
    assert all(len(part) >= 5 for part in GAPS.split(heading) if part.endswith("…"))


def test_wide_characters_count_twice() -> None:
    out = io.StringIO()
    print_table(Console(file=out, width=12), [Column("a", least=4), Column("b")], [["漢字漢字漢字", "1"]])
    assert all(cell_len(line) <= 12 for line in out.getvalue().splitlines())


def test_whether_a_table_fits_is_known_before() -> None:
    assert fits(Console(width=23), COLUMNS, ROWS)
    assert not fits(Console(width=22), COLUMNS, ROWS)
