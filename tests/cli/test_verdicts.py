"""What people are told of a verdict: what holds, on which tasks, and what more pairs would bring."""

import json
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from archsearch.actions.judge import hear
from archsearch.actions.verdict_words import outlook, verdict_sentences
from archsearch.cell import library
from archsearch.errors import InputError
from archsearch.protocol.claims import Claim, PairResult
from archsearch.protocol.hearing import Hearing
from tests.helpers.commands import Call
from tests.helpers.plans import GRU, run_plan


def hearing(arithmetic: str, xml: str, number: int = 1) -> Hearing:
    """Return a hearing whose pairs are won (+) and lost (-) as said."""
    claim = Claim.of(run_plan(), library.load("mut1").id, GRU, 2)
    pairs = {
        task: tuple(PairResult(0.5, 0.4) if sign == "+" else PairResult(0.4, 0.5) for sign in signs)
        for task, signs in {"arithmetic": arithmetic, "xml": xml}.items()
    }
    return Hearing(claim, number, ("mut1", "gru"), pairs)


def test_a_verdict_names_cells_tasks_and_pairs() -> None:
    first, *others = verdict_sentences(hearing("+" * 8, "+" * 8), "this run")
    assert first == (
        "mut1 is better than gru on arithmetic and xml, after 8 pairs of fresh data, initial weights and settings."
    )
    assert len(others) == 1 and others[0].startswith(
        "Claim 1 of this run: E must reach 33 on every task. The"
    )
    assert outlook(hearing("+" * 8, "+" * 8), "--pairs {pairs}") == []


def test_a_verdict_on_sequences_of_one_length_says_so() -> None:
    whole = hearing("+" * 8, "+" * 8)
    at_length = replace(whole, claim=msgspec.structs.replace(whole.claim, length=2048))
    assert (
        "better than gru on arithmetic and xml, on sequences of 2,048 steps, after 8 pairs"
        in (verdict_sentences(at_length, "this run")[0])
    )
    assert at_length.as_document()["length"] == 2048 and "length" not in whole.as_document()


def test_cells_are_judged_on_sequences_of_one_length(
    call: Call, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    asked = ("judge", "mgu", "mingru", "--preset", "track", "--task", "s3", "--settings", 1, "--pairs", 1)
    at_length, whole = (
        json.loads(call(*asked, *more, "--workers", 1, "--json").out) for more in (("--length", 2048), ())
    )
    assert at_length["length"] == 2048 and "length" not in whole
    assert at_length["tasks"]["s3"]["skills"] != whole["tasks"]["s3"]["skills"]


def test_a_length_that_nothing_is_read_out_at_is_refused() -> None:
    with pytest.raises(InputError, match="length 300: cells are read out at 256, 512, 1024, 2048 steps"):
        hear("mgu", "gru", preset="track", tasks=["s3"], length=300)


def test_what_holds_on_one_task_alone_is_said_where_nothing_holds_on_all() -> None:
    mixed = hearing("+" * 9, "++-+-++--")
    assert verdict_sentences(mixed, "this run")[:2] == [
        "mut1 and gru are not told apart on arithmetic and xml after 9 pairs.",
        "Each task alone: better on arithmetic (9:0); not told apart on xml (5:4).",
    ]


def test_a_task_alone_needs_as_much_more_evidence_as_there_are_tasks() -> None:
    assert hearing("+" * 8, "+" * 8).ruling == "better"
    assert hearing("+" * 8, "-+").of_task("arithmetic") == "not told apart"
    assert hearing("+" * 9, "-+").of_task("arithmetic") == "better"


def test_the_outlook_says_how_many_more_pairs_would_do_and_how_they_are_had() -> None:
    open_still = hearing("+" * 5, "+" * 5)
    assert outlook(open_still, "--pairs {pairs}") == [
        "If wins and losses went on like this, about 3 more pairs would tell them apart: --pairs 8."
    ]


def test_no_pairs_are_promised_where_they_would_bring_nothing() -> None:
    assert outlook(hearing("+" * 9, "-" * 9), "x") == [
        "mut1 is better on arithmetic and gru on xml: more pairs bring no verdict on all of them."
    ]
    assert outlook(hearing("", ""), "x") == ["There was no time for a pair."]
    assert "no number of pairs" in outlook(hearing("+-+-", "+-+-"), "x")[0]
