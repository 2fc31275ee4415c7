"""The referee in worlds whose truth is known: small numbers here, the full ones in `make test-long`."""

import json

import numpy as np
import pytest

from archsearch.cli.main import run_command
from archsearch.studies import referee
from tests.helpers.commands import program


def rows(report: referee.Report) -> dict[str, referee.RuleRow]:
    return {row.rule: row for row in report.rules}


def holds(report: referee.Report, slack: float) -> None:
    """Fail where a level of 5 % does not hold within the doubt of the simulation."""
    assert report.adversaries <= 0.05 + slack
    assert report.one_real_task <= 0.05 + slack
    for row in report.coverage:
        assert row.median <= 0.05 + slack
        assert row.mean <= 0.05 + slack or row.law == "skewed"  # the t-mixture assumes roughly normal pairs
    assert min(report.luck.values()) >= 0.90 - slack
    assert rows(report)["the referee: sign bets on fresh pairs, one ledger"].sessions <= 0.05 + slack


def test_the_referee_holds_its_levels_and_other_rules_do_not() -> None:
    report = referee.simulate(np.random.default_rng(70), sessions=100, clones=300)
    holds(report, slack=0.06)
    assert rows(report)["keep if better"].false_keeps > 3
    assert rows(report)["keep if better"].gain > 2
    assert rows(report)["three fresh runs of each, z test at 5 % per edit"].sessions > 0.9


@pytest.mark.slow
def test_a_thousand_adversaries_among_ten_thousand_clones_do_not_fool_it() -> None:
    report = referee.simulate(np.random.default_rng(71), sessions=1_000, clones=10_000)
    holds(report, slack=0.0)
    found = {(row.effect, row.claim, row.bets): row for row in report.power}
    assert found[1.0, 1, "sign"].found > 0.98 and found[2.0, 10, "sign"].found > 0.98
    assert found[2.0, 1, "sign"].median <= 9 and found[1.0, 1, "sign"].median <= 18


def test_an_adversary_would_fool_a_referee_without_a_ledger(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(referee, "level", lambda claim: 0.05)
    assert np.mean([referee.fooled(np.random.default_rng(seed), 300) for seed in range(20)]) > 0.5


def test_true_differences_are_seen_the_sooner_the_larger_they_are() -> None:
    table = list(referee.power_table(np.random.default_rng(72), 200))
    for bets in ("sign", "t"):
        found = [row.found for row in table if row.bets == bets and row.claim == 1]
        assert found == sorted(found) and found[-1] == 1


def test_the_command_prints_the_tables_and_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    few = ("study", "referee", "--sessions", "10", "--clones", "20")
    document = program(*few, "--json")
    assert document.code == 0, document.err
    assert json.loads(document.out)["sessions"] == 10
    assert run_command(list(few)) == 0
    shown = capsys.readouterr().out
    assert "keep if better" in shown and "median pairs" in shown and "line of luck" in shown
    assert run_command([*few, "--json"]) == 0
    assert capsys.readouterr().out == document.out
