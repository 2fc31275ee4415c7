"""The embedded Reber grammar: predict the next symbol of short strings whose second and last but one agree.

Experiment 1 of Hochreiter and Schmidhuber (1997). The grammar is `grammars/tasks/reber.pcfg`, a regular one, so a string
is a walk through an automaton, and the symbols that may come next are those of its state.
"""

import functools
from dataclasses import dataclass

import numpy as np

from archsearch.resources import grammars
from archsearch.tasks import pcfg
from archsearch.tasks.episodes import step_scored
from archsearch.tasks.task import Mask, Symbols, Window

OVER = -1
"""The state after the last symbol."""


@dataclass(frozen=True)
class Automaton:
    """A regular grammar as a machine that reads symbols."""

    words: tuple[str, ...]
    """What each symbol is written as."""
    after: Symbols
    """The state after reading a symbol in a state, shape (states, symbols); state 0 is the first."""
    legal: Mask
    """Whether a symbol may come in a state, same shape."""

    def states(self, strings: Symbols) -> Symbols:
        """Return the state before each symbol, shape (T, B) as the strings; they may be cut, but break no rule."""
        states = np.zeros_like(strings)
        for step in range(len(strings) - 1):
            states[step + 1] = self.after[states[step], strings[step]]
        return states


@functools.cache
def reber_grammar() -> pcfg.Grammar:
    """Return the grammar."""
    path = grammars() / "tasks" / "reber.pcfg"
    return pcfg.parse_grammar(path.read_text(encoding="utf-8"), str(path))


def automaton(grammar: pcfg.Grammar) -> Automaton:
    """Return the machine of a regular grammar: each of its rules is a word, or a word and a nonterminal."""
    words = len(grammar.words)
    owner = np.ceil(grammar.cumulative).astype(np.int64) - 1
    after = np.full((owner.max() + 1, words), OVER)
    legal = np.zeros(after.shape, np.bool_)
    word = grammar.right[grammar.begin]
    legal[owner, word] = True
    longer = grammar.size == 2
    after[owner[longer], word[longer]] = grammar.right[grammar.begin[longer] + 1] - words
    return Automaton(grammar.words, after, legal)


def draw_reber(rng: np.random.Generator, count: int) -> Window:
    """Return independent strings; the input is each symbol but the last, the target each but the first, shape (T, B)."""
    symbols, ends = reber_grammar().draw(rng, count)
    return next_symbols(np.split(symbols, ends[:-1]))


def next_symbols(strings: list[Symbols]) -> Window:
    """Return strings as episodes that predict each next symbol, padded at their ends to the longest, shape (T, B)."""
    lengths = np.array([len(string) for string in strings])
    text = np.zeros((lengths.max(), len(strings)), np.int64)
    for column, string in enumerate(strings):
        text[: len(string), column] = string
    return step_scored(text[:-1], text[1:], lengths - 1)


def may_follow(window: Window) -> Mask:
    """Return which symbols may come next at each step of strings of the embedded Reber grammar, shape (T, B, symbols).

    Beyond the end of a string it is what may come first.
    """
    machine = automaton(reber_grammar())
    states = machine.states(np.where(window.scored, window.inputs, 0))
    states = machine.after[states, np.where(window.scored, window.inputs, 0)]
    return machine.legal[np.where(window.scored, states, 0)]
