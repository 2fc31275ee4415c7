"""Read probabilistic context-free grammars, and draw texts from them, thousands of words at a time.

A grammar is a text file:

    # a comment
    feature number = sg pl                      a feature and its values
    Sentence -> 3 NP[number] VP[number] <eos>   a weight (1 if left out), then nonterminals and words
              | NP[sg] is old <eos>             a further choice, here or on the next line
    NP[number] -> the Noun[number]
    Noun[sg] ~ dog cat house                    a word list: the r-th word has weight 1 / r (Zipf)

Names with a capital are nonterminals, everything else is a word. A feature's name in brackets is a variable:
its line is repeated for every value, the same value wherever the name stands in it; several are written
`NP[number,topic]`. The first line's left side is the start. Several lines may add to one nonterminal.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from archsearch.errors import TaskError
from archsearch.tasks.task import Symbols

NONTERMINAL = re.compile(r"([A-Z]\w*)(?:\[(\w+(?:,\w+)*)\])?$")
NUMBER = re.compile(r"\d+(\.\d+)?$")
DEEPEST = 1000
"""Rounds of rewriting after which a text is given up; with a finite mean length it ends long before."""


@dataclass(frozen=True, slots=True)
class GrammarRule:
    """One way to rewrite a nonterminal."""

    left: str
    weight: float
    right: tuple[str, ...]
    line: int


@dataclass(frozen=True)
class Grammar:
    """A grammar compiled to tables; words have the ids 0..len(words) - 1, nonterminals the ones above."""

    words: tuple[str, ...]
    """In alphabetical order."""
    start: int
    """The id of the start symbol."""
    cumulative: NDArray[np.float64]
    """By rule: its nonterminal's number plus the probability of the nonterminal's rules up to this one."""
    right: Symbols
    """The right sides of all rules, one after another."""
    begin: Symbols
    """By rule: where its right side begins."""
    size: Symbols
    """By rule: how long its right side is."""
    mean_length: float
    """The expected number of words of a text."""

    def draw(self, rng: np.random.Generator, texts: int) -> tuple[Symbols, Symbols]:
        """Return the words of independent texts, one after another, and the end of each text.

        All nonterminals of all texts are rewritten at once, round by round, until only words are left.
        """
        symbols = np.full(texts, self.start)
        ends = np.arange(1, texts + 1)
        for _ in range(DEEPEST):
            open_ = np.flatnonzero(symbols >= len(self.words))
            if len(open_) == 0:
                return symbols, ends
            symbols, ends = self._rewrite(rng, symbols, ends, open_)
        raise TaskError(f"a text of the grammar is nested more than {DEEPEST} rules deep")

    def _rewrite(
        self, rng: np.random.Generator, symbols: Symbols, ends: Symbols, open_: Symbols
    ) -> tuple[Symbols, Symbols]:
        chance = symbols[open_] - len(self.words) + rng.random(len(open_))
        rule = np.searchsorted(self.cumulative, chance, side="right")
        size = self.size[rule]
        sizes = np.ones(len(symbols), np.int64)
        sizes[open_] = size
        after = np.cumsum(sizes)
        new = np.repeat(symbols, sizes)
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        place = np.repeat(after[open_] - size, size) + within
        new[place] = self.right[np.repeat(self.begin[rule], size) + within]
        return new, after[ends - 1]


def parse_grammar(text: str, source: str) -> Grammar:
    """Return the grammar that a text describes.

    Args:
        text: The grammar, in the format above.
        source: Where it is from, for messages.

    Raises:
        TaskError: A line cannot be read; a nonterminal has no rule, cannot end or is never reached; the
        expected
            length of a text is infinite.
    """
    rules = _read(text, source)
    if not rules:
        raise TaskError(f"{source}: no rules; the first one looks like `Sentence -> NP VP`")
    _check(rules, source)
    return _compile(rules, source)


def _read(text: str, source: str) -> list[GrammarRule]:
    features: dict[str, tuple[str, ...]] = {}
    rules: list[GrammarRule] = []
    left = ""
    for number, line in enumerate(text.splitlines(), 1):
        parts = line.split("#")[0].split()
        where = f"{source}:{number}"
        if not parts:
            continue
        if parts[0] == "feature":
            if len(parts) < 4 or parts[2] != "=":
                raise TaskError(f"{where}: expected `feature name = values`, got {line.strip()!r}")
            features[parts[1]] = tuple(parts[3:])
            continue
        if parts[0] == "|" and left:
            parts = [left, "->", *parts[1:]]
        if len(parts) < 3 or parts[1] not in ("->", "~") or not NONTERMINAL.match(parts[0]):
            raise TaskError(
                f"{where}: expected `Name -> ...`, `Name ~ words` or `| ...`, got {line.strip()!r}"
            )
        left = parts[0]
        for weight, right in _choices(parts[1], parts[2:], where):
            rules.extend(_instances(features, GrammarRule(left, weight, right, number), where))
    return rules


def _choices(arrow: str, parts: list[str], where: str) -> Iterator[tuple[float, tuple[str, ...]]]:
    if arrow == "~":
        for rank, word in enumerate(parts, 1):
            yield 1 / rank, (word,)
        return
    for is_bar, group in itertools.groupby(parts, lambda part: part == "|"):
        choice = list(group)
        if is_bar:
            continue
        weight = float(choice.pop(0)) if NUMBER.match(choice[0]) else 1.0
        if not choice or weight <= 0:
            raise TaskError(f"{where}: a choice needs at least one symbol and a weight above 0")
        yield weight, tuple(choice)


def _instances(features: dict[str, tuple[str, ...]], rule: GrammarRule, where: str) -> Iterator[GrammarRule]:
    """Yield the rule once for every combination of values of the features it names."""
    symbols = (rule.left, *rule.right)
    used = {name for symbol in symbols for name in _brackets(symbol) if name in features}
    known = {value for values in features.values() for value in values}
    for name in sorted({name for symbol in symbols for name in _brackets(symbol)} - used - known):
        raise TaskError(f"{where}: {name!r} is no feature and no feature's value")
    variables = [name for name in features if name in used]
    for values in itertools.product(*(features[name] for name in variables)):
        chosen = dict(zip(variables, values, strict=True))
        left, *right = (_substitute(symbol, chosen) for symbol in symbols)
        yield GrammarRule(left, rule.weight, tuple(right), rule.line)


def _brackets(symbol: str) -> list[str]:
    match = NONTERMINAL.match(symbol)
    return match[2].split(",") if match and match[2] else []


def _substitute(symbol: str, chosen: dict[str, str]) -> str:
    names = _brackets(symbol)
    if not names:
        return symbol
    return f"{symbol.split('[')[0]}[{','.join(chosen.get(name, name) for name in names)}]"


def _is_nonterminal(symbol: str) -> bool:
    return NONTERMINAL.match(symbol) is not None


def _check(rules: list[GrammarRule], source: str) -> None:
    """Raise TaskError unless every nonterminal has a rule, can end, and is reached from the start."""
    lefts = {rule.left for rule in rules}
    for rule in rules:
        for symbol in filter(_is_nonterminal, rule.right):
            if symbol not in lefts:
                raise TaskError(f"{source}:{rule.line}: {symbol} has no rule")
    ending: set[str] = set()
    reached = {rules[0].left}
    for _ in lefts:
        ending |= {r.left for r in rules if all(s in ending or not _is_nonterminal(s) for s in r.right)}
        reached |= {s for r in rules if r.left in reached for s in r.right}
    for rule in rules:
        if rule.left not in ending:
            raise TaskError(f"{source}:{rule.line}: {rule.left} never ends: every rule leads to itself")
        if rule.left not in reached:
            raise TaskError(f"{source}:{rule.line}: {rule.left} is not reached from {rules[0].left}")


def _compile(rules: list[GrammarRule], source: str) -> Grammar:
    words = tuple(sorted({s for rule in rules for s in rule.right if not _is_nonterminal(s)}))
    lefts = list(dict.fromkeys(rule.left for rule in rules))
    ids = {symbol: number for number, symbol in enumerate((*words, *lefts))}
    rules = sorted(rules, key=lambda rule: ids[rule.left])  # stable: choices keep their order
    of = np.array([ids[rule.left] - len(words) for rule in rules])
    weight = np.array([rule.weight for rule in rules])
    probability = weight / np.bincount(of, weight)[of]
    cumulative = np.cumsum(probability)
    last = np.flatnonzero(np.append(of[1:] != of[:-1], True))
    cumulative[last] = of[last] + 1  # exact, so that no chance falls beyond its nonterminal's last rule
    size = np.array([len(rule.right) for rule in rules])
    return Grammar(
        words=words,
        start=len(words),
        cumulative=cumulative,
        right=np.array([ids[symbol] for rule in rules for symbol in rule.right]),
        begin=np.cumsum(size) - size,
        size=size,
        mean_length=_mean_length(
            rules, probability, {left: ids[left] - len(words) for left in lefts}, source
        ),
    )


def _mean_length(
    rules: list[GrammarRule], probability: NDArray[np.float64], ids: dict[str, int], source: str
) -> float:
    """Return the expected number of words of a text, or raise TaskError if it is infinite."""
    expected = np.zeros((len(ids), len(ids)))  # of nonterminals after rewriting one
    length = np.zeros(len(ids))
    for rule, p in zip(rules, probability, strict=True):
        for symbol in rule.right:
            if symbol in ids:
                expected[ids[rule.left], ids[symbol]] += p
            else:
                length[ids[rule.left]] += p
    growth = max(abs(np.linalg.eigvals(expected)))
    if growth >= 0.999:
        raise TaskError(
            f"{source}: texts grow without end (rewriting multiplies what is open by {growth:.2f}); "
            "give the rules that nest less weight"
        )
    return float(np.linalg.solve(np.eye(len(ids)) - expected, length)[0])
