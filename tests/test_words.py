"""The words that many commands share."""

import pytest

from archsearch.words import did_you_mean, escaped, plain, polynomial, short_id


def test_a_hint_names_the_nearest_known_name_in_the_wording_asked_for() -> None:
    assert did_you_mean("xm", ["ptb", "xml"]) == "; did you mean 'xml'?"
    assert did_you_mean("xm", {"xml": 1}, " ({})") == " (did you mean 'xml'?)"


@pytest.mark.parametrize(("name", "known"), [("XML", "xml"), ("gru", "GRU"), ("Lstn", "lstm")])
def test_a_hint_looks_past_capitals_and_spells_the_name_as_it_is_known(name: str, known: str) -> None:
    assert did_you_mean(name, ["ptb", known]) == f"; did you mean {known!r}?"


def test_no_hint_is_given_where_nothing_is_near() -> None:
    assert did_you_mean("qqq", ["ptb", "xml"]) == ""


@pytest.mark.parametrize(
    ("coefficients", "text"),
    [((6, 3), "6n²+3n"), ((1, 0), "n²"), ((0, 1), "n"), ((0, 0), "0")],
)
def test_a_parameter_count_is_written_as_a_polynomial(coefficients: tuple[int, int], text: str) -> None:
    assert polynomial(coefficients) == text


def test_a_short_id_has_nine_digits() -> None:
    assert short_id("c" + "0123456789abcdef" * 2) == "c01234567"


def test_control_characters_are_replaced_on_a_terminal_and_escaped_in_a_file() -> None:
    assert plain("a\x1b[2Jb\u202e") == "a�[2Jb�"
    assert escaped("a\x1b[2Jb\u202e") == "a\\x1b[2Jb\\u202e"
    assert plain("n² · é") == escaped("n² · é") == "n² · é"
