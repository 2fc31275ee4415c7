"""Sentences of the small English grammar."""

import functools
import re

import numpy as np

from archsearch import tasks
from archsearch.tasks import pcfg
from archsearch.tasks.english import English
from tests.tasks.samples import stream

MANY = set(
    [
        "go",
        "run",
        "wait",
        "sleep",
        "sing",
        "fall",
        "rest",
        "shout",
        "say",
        "think",
        "know",
        "hope",
        "hide",
        "wash",
        "help",
        "hurt",
        "are",
        "were",
        "see",
        "find",
    ]
)
MANY |= set(
    ["sail", "catch", "steer", "sink", "feed", "plant", "sell", "grow", "serve", "judge", "fear", "rule"]
)
ONE = {"is", "was", "goes", "washes", "catches", "judges", "shows", "proves"} | {f"{verb}s" for verb in MANY}
PRONOUNS = {"he": "himself", "she": "herself", "it": "itself", "they": "themselves"}


@functools.cache
def sentences() -> tuple[str, ...]:
    task = tasks.load("english:small")
    return tuple(tasks.decode(task, stream(task, 150_000)).split(" <eos> ")[1:-1])


def test_the_vocabulary_has_a_few_hundred_words() -> None:
    assert 190 <= tasks.load("english:small").symbols <= 256


def test_word_frequencies_are_zipf_like() -> None:
    task = tasks.load("english:small")
    counts = np.sort(np.bincount(stream(task, 200_000), minlength=task.symbols))[::-1]
    rank = np.arange(1, len(counts) + 1)
    slope = np.polyfit(np.log(rank[2:150]), np.log(counts[2:150]), 1)[0]
    assert -1.4 < slope < -0.7
    assert counts[-1] > 20


def test_verbs_agree_with_their_subject_across_a_relative_clause() -> None:
    found = [re.match(r"(the|these|this|every) \w+ , (?:who|which) [\w ]+ , (\w+)", s) for s in sentences()]
    pairs = [(match[1], match[2]) for match in found if match]
    for determiner, verb in pairs:
        if determiner == "these":
            assert verb in MANY
        elif determiner != "the":
            assert verb in ONE
    assert len(pairs) > 50


def test_pronouns_agree_with_the_verb_and_the_reflexive() -> None:
    text = " ".join(sentences())
    for subject, verb in re.findall(r"\b(he|she|it|they) ([a-z]+)\b", text):
        if verb in MANY | ONE:
            assert verb in (MANY if subject == "they" else ONE)
    reflexives = re.findall(r"\b(he|she|it|they) \w+ (himself|herself|itself|themselves)", text)
    assert len(reflexives) > 100 and all(PRONOUNS[subject] == own for subject, own in reflexives)


def test_quotations_are_closed() -> None:
    assert all(sentence.count('"') in (0, 2) for sentence in sentences())


def test_the_grammar_knows_the_mean_length_of_its_texts() -> None:
    task = tasks.load("english:small")
    assert isinstance(task, English)
    symbols, ends = task.grammar.draw(np.random.default_rng(0), 5_000)
    assert ends[-1] == len(symbols)
    assert abs(len(symbols) / 5_000 / task.grammar.mean_length - 1) < 0.03


def test_memory_pays() -> None:
    """Bigrams are far under the unigram floor, trigrams under bigrams, the grammar's own choices under both."""
    task = tasks.load("english:small")
    assert isinstance(task, English)
    train, valid = stream(task, 1_000_000), stream(task, 100_000, seed=1)
    uniform = np.full(len(valid), 1 / task.symbols)
    losses = []
    for order in (1, 2, 3):
        uniform = interpolated(train, valid, order, task.symbols, uniform)
        losses.append(-np.log(uniform[2:]).mean())
    assert abs(losses[0] - task.floor) < 0.03
    assert losses[1] < 0.65 * task.floor
    assert losses[2] < losses[1] - 0.1
    assert entropy(task.grammar) < losses[2] - 0.5


def interpolated(train, valid, order, symbols, lower):  # type: ignore[no-untyped-def]
    """Return the n-gram probability of each word of `valid`, mixed with that of the next shorter context."""
    power = symbols ** np.arange(order)
    size = symbols**order

    def codes(text):  # type: ignore[no-untyped-def]
        padded = np.concatenate((np.zeros(order - 1, np.int64), text))
        return sum(padded[order - 1 - k : len(padded) - k] * power[k] for k in range(order))

    joint = np.bincount(codes(train), minlength=size)
    context = joint.reshape(-1, symbols).sum(axis=1)
    return (joint[codes(valid)] + 5 * lower) / (context[codes(valid) // symbols] + 5)


def entropy(grammar: pcfg.Grammar) -> float:
    """Return the entropy of all choices of a text, per word: at least that of the text itself."""
    probability = np.diff(grammar.cumulative, prepend=0)
    left = np.ceil(grammar.cumulative - 1e-9).astype(int) - 1
    expected = np.zeros((left.max() + 1, left.max() + 1))
    for rule, (begin, size) in enumerate(zip(grammar.begin, grammar.size, strict=True)):
        for symbol in grammar.right[begin : begin + size]:
            if symbol >= len(grammar.words):
                expected[left[rule], symbol - len(grammar.words)] += probability[rule]
    choices = np.bincount(left, -probability * np.log(probability))
    return float(np.linalg.solve(np.eye(len(expected)) - expected, choices)[0] / grammar.mean_length)
