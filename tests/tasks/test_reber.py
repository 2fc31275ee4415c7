"""The embedded Reber grammar: the automaton of the paper, and the strings that it makes."""

import numpy as np
import pytest

from archsearch.tasks.reber import automaton, draw_reber, may_follow, reber_grammar

COUNT = 40_000
NEXT = {  # of the inner automaton, as the paper draws it
    0: {"t": 1, "p": 2},
    1: {"s": 1, "x": 3},
    2: {"t": 2, "v": 4},
    3: {"x": 2, "s": 5},
    4: {"p": 3, "v": 5},
    5: {"e": 6},
}


def strings(count: int = COUNT) -> list[str]:
    grammar = reber_grammar()
    symbols, ends = grammar.draw(np.random.default_rng(0), count)
    text = "".join(grammar.words[symbol] for symbol in symbols)
    return [text[start:end] for start, end in zip([0, *ends[:-1]], ends, strict=True)]


def is_inner(text: str) -> bool:
    """Whether a text is a string of the inner automaton, b and e at its ends."""
    state = 0
    for symbol in text[1:]:
        if symbol not in NEXT[state]:
            return False
        state = NEXT[state][symbol]
    return text[0] == "b" and state == 6


def test_a_string_is_a_reber_string_between_two_equal_marks() -> None:
    for text in strings(2_000):
        assert text[0] == "b" and text[-1] == "e" and text[1] == text[-2] and text[1] in "tp"
        assert is_inner(text[2:-2])


def test_lengths_are_those_that_are_known() -> None:
    lengths = np.array([len(text) for text in strings()])
    assert lengths.min() == 9
    assert lengths.mean() == pytest.approx(12.0, abs=0.05)
    assert np.percentile(lengths, 99) == pytest.approx(24, abs=1)


def test_both_branches_of_a_state_are_equally_frequent() -> None:
    seen = strings()
    assert sum(text[1] == "t" for text in seen) / COUNT == pytest.approx(0.5, abs=0.01)
    assert sum(text[3] == "t" for text in seen) / COUNT == pytest.approx(0.5, abs=0.01)
    after = [text[4] for text in seen if text[3] == "p"]
    assert after.count("v") / len(after) == pytest.approx(0.5, abs=0.015)


def test_the_automaton_has_seven_symbols_and_one_or_two_ways_on_from_every_state() -> None:
    machine = automaton(reber_grammar())
    assert machine.words == ("b", "e", "p", "s", "t", "v", "x")
    assert set(machine.legal.sum(axis=1)) == {1, 2}


def test_the_target_is_always_among_what_may_follow_and_the_last_mark_is_known() -> None:
    window = draw_reber(np.random.default_rng(1), 500)
    legal = may_follow(window)
    steps, columns = np.nonzero(window.scored)
    assert legal[steps, columns, window.targets[steps, columns]].all()
    lengths = window.scored.sum(axis=0)
    at_mark = legal[lengths - 2, np.arange(500)]
    assert (at_mark.sum(axis=1) == 1).all()
    assert np.array_equal(at_mark.argmax(axis=1), window.inputs[1])
