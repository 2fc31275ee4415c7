"""`archsearch bench` at a shape that takes no time."""

import json

import pytest

from archsearch.bench import jax_scan, trials
from archsearch.cell import library
from tests.cli.conftest import Call

PROMISED = {
    "cell", "engine", "batch", "steps", "width", "ms", "ratio_nn_gru", "ratio_nn_lstm", "ratio_reference", "gflops",
    "share_of_peak",
}  # fmt: skip


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_scan, "is_installed", lambda: False)
    monkeypatch.setattr(trials, "BUDGETS", (1_000,))


def test_json_is_one_document_with_the_rows_that_are_promised(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert all(set(row) >= PROMISED for row in document["rows"])
    assert {row["cell"] for row in document["rows"] if row["engine"] == "reference"} == {"mgu"}
    assert "mgu at B2T3H8" in done.err


def test_people_see_tables_and_what_they_mean(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "b2t3h8", "--rounds", "1")
    assert done.code == 0, done.err
    assert "Forward and backward of one layer, batch 2, 3 steps, 8 units:" in done.out
    assert "One training step of xml:small" in done.out
    assert "how many times faster than these" in done.out


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--shape", "20x35"], "no shape '20x35'; a shape is batch, steps and width, such as B20T35H256"),
        (["gru", "--all"], "--all measures every library cell: name cells, or give --all"),
        (["gruu"], "did you mean 'gru'"),
    ],
)
def test_wrong_use_is_said_before_anything_is_measured(call: Call, arguments: list[str], said: str) -> None:
    done = call("bench", *arguments)
    assert done.code == 2 and said in done.err and " at B" not in done.err


def test_all_means_the_whole_library(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    monkeypatch.setattr("archsearch.bench.measure", lambda cells, *others: measured.extend(cells) or {})
    call("bench", "--all", "--quick", "--json")
    assert set(library.names()) < set(measured)
