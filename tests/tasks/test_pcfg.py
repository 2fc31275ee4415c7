"""Reading grammars and drawing from them."""

import numpy as np
import pytest

from archsearch.errors import TaskError
from archsearch.tasks import pcfg

SMALL = """
feature number = sg pl   # a comment
S -> 3 the N[number] V[number] . | 1 no .
N[sg] ~ dog cat
N[pl] -> dogs
V[sg] -> barks
V[pl] -> bark
"""


def texts(grammar: pcfg.Grammar, count: int) -> list[str]:
    symbols, ends = grammar.draw(np.random.default_rng(0), count)
    return [" ".join(grammar.words[s] for s in text) for text in np.split(symbols, ends[:-1])]


def test_texts_follow_the_rules_with_their_weights() -> None:
    drawn = texts(pcfg.parse_grammar(SMALL, "small"), 8_000)
    share = {text: drawn.count(text) / len(drawn) for text in set(drawn)}
    assert share == pytest.approx(
        {"the dog barks .": 2 / 7, "the cat barks .": 1 / 7, "the dogs bark .": 3 / 7, "no .": 1 / 7},
        abs=0.02,
    )


def test_words_are_in_alphabetical_order_and_the_mean_length_is_known() -> None:
    grammar = pcfg.parse_grammar(SMALL, "small")
    assert grammar.words == (".", "bark", "barks", "cat", "dog", "dogs", "no", "the")
    assert grammar.mean_length == pytest.approx(6 / 7 * 4 + 1 / 7 * 2)


def test_nesting_keeps_its_order() -> None:
    drawn = texts(pcfg.parse_grammar("S -> 2 ( S ) | 3 x", "nest"), 200)
    assert all(text == f"{'( ' * text.count('(')}x{' )' * text.count('(')}" for text in drawn)
    assert max(map(len, drawn)) > 10


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "g: no rules"),
        ("S -> a\nhello", "g:2: expected"),
        ("s -> a", "g:1: expected"),
        ("feature f a", "g:1: expected `feature name = values`"),
        ("S -> a B", "g:1: B has no rule"),
        ("S -> a A\nA -> b A", "g:1: S never ends"),
        ("S -> a\nB -> b", "g:2: B is not reached from S"),
        ("S -> 2 S S | 1 a", "g: texts grow without end .* by 1.33"),
        ("S -> a | 3", "g:1: a choice needs"),
        ("S -> 0 a", "g:1: a choice needs"),
        ("feature f = x y\nS -> A[f]\nA[x] -> a", r"g:2: A\[y\] has no rule"),
        ("S -> A[g]\nA[g] -> a", "g:1: 'g' is no feature"),
    ],
)
def test_a_faulty_grammar_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(TaskError, match=message):
        pcfg.parse_grammar(text, "g")
