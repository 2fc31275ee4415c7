"""A run over the Model Context Protocol: a scripted client reads it, proposes, and tries what it must not be able to do."""

from __future__ import annotations

import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from archsearch.actions.run_tools import TOOLS, RunTools
from archsearch.cell import Cell, library
from archsearch.store import RunStore
from archsearch.store.inbox import Inbox
from tests.helpers.in_process import search_on
from tests.helpers.sources import ROOT
from tests.helpers.told_runs import MINE, answer, assert_no_test_score, make_told_run

pytest.importorskip("mcp", reason="mcp is not installed")
import anyio
from mcp.client import Client
from mcp.client.stdio import StdioServerParameters

from archsearch.cli.serve import server_of


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_told_run(tmp_path_factory.mktemp("runs") / "run")


def records(run: Path) -> dict[str, bytes]:
    """Return what a run's files hold; SQLite's index of its log, and a log with nothing in it, come with any reader."""
    files = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    return {name: content for name, content in files.items() if content and name != "run.db-shm"}


def asked(server: Any, *calls: tuple[str, dict[str, Any]]) -> list[tuple[bool, str]]:
    """Return how a server answers calls of its tools: whether it did what was asked, and all that it said."""

    async def talk() -> list[tuple[bool, str]]:
        answers = []
        async with Client(server) as client:
            for name, arguments in calls:
                try:
                    result = await client.call_tool(name, arguments)
                    text = "\n".join(getattr(block, "text", "") for block in result.content)
                    answers.append((not result.is_error, text))
                except Exception as error:
                    answers.append((False, str(error)))
        return answers

    return anyio.run(talk)


def test_a_client_reads_the_run_and_proposes(run: Path) -> None:
    calls = [
        ("status", {}),
        ("leaderboard", {"top": 3}),
        ("show_cell", {"cell": "1"}),
        ("show_cell", {"cell": "mgu"}),
    ]
    calls += [
        ("verdicts", {}),
        ("library_cells", {}),
        ("cell_language", {}),
        ("propose", {"cells": MINE + MINE}),
    ]
    answers = asked(server_of(RunTools(run)), *calls)
    assert all(good for good, _ in answers), answers
    status, board, best, mgu = (json.loads(text) for _, text in answers[:4])
    assert status["candidates"] == 6 and status["tasks"][0]["name"] == "xml"
    assert [row["rank"] for row in board["rows"] if row["rank"]] == [1, 2, 3]
    (ruling,) = json.loads(answers[4][1]) if answers[4][1].startswith("[") else [json.loads(answers[4][1])]
    assert (ruling["verdict"], ruling["pairs"], ruling["beside"]) == ("not told apart", 3, "gru")
    assert (
        best["id"] == board["rows"][0]["id"]
        and best["fitness"] == board["rows"][0]["fitness"]
        and best["trials"]
    )
    assert Cell.parse(mgu["text"]).id == library.load("mgu").id
    assert "cell gru(x, h):" in answers[6][1] and "at most 60 nodes" in answers[6][1]
    assert '"new"' in answers[7][1] and '"waiting"' in answers[7][1] and Cell.parse(MINE).id in answers[7][1]
    assert len(Inbox(run).waiting()) == 1
    Inbox(run).remove(Inbox(run).waiting()[0])


def test_the_tools_say_which_of_them_only_read(run: Path) -> None:
    async def listed() -> dict[str, Any]:
        async with Client(server_of(RunTools(run))) as client:
            assert not (await client.list_resources()).resources
            return {tool.name: tool for tool in (await client.list_tools()).tools}

    tools = anyio.run(listed)
    assert tuple(tools) == TOOLS
    assert [name for name, tool in tools.items() if not tool.annotations.read_only_hint] == ["propose"]
    arguments = {name for tool in tools.values() for name in tool.input_schema.get("properties", {})}
    assert arguments == {"top", "cell", "cells"}, "no tool takes a path"


HOSTILE = [
    *(
        ("show_cell", {"cell": cell})
        for cell in (
            "../run.db",
            "/etc/passwd",
            "{outside}",
            "{outside}/secret.cell",
            "secret.cell",
            "-",
            "/dev/stdin",
            "run/1",
            "c",
            "c%",
            "1; DROP TABLE trials",
            "1e9",
            "0",
            "999999",
            "\x00",
            "c" * 10_000,
        )
    ),
    ("show_cell", {"cell": "1", "path": "/etc/passwd"}),
    ("show_cell", {"cell": ["1"]}),
    ("show_cell", {}),
    ("leaderboard", {"top": 10**9}),
    ("leaderboard", {"top": -1}),
    ("leaderboard", {"top": "all"}),
    ("propose", {"cells": "{outside}/secret.cell"}),
    ("propose", {"cells": "file://{outside}/secret.cell"}),
    ("propose", {"cells": ""}),
    ("propose", {"cells": "cell x" * 1_000_000}),
    ("propose", {"cells": 'cell a(x, h):\n    h\' = __import__("os")\n'}),
    ("propose", {"cells": "cell ../../x(x, h):\n    h' = tanh(linear(x) + h)\n"}),
    ("propose", {"cells": "cell a(x, h):\n    h' = " + "(" * 5_000 + "x" + ")" * 5_000}),
    ("propose", {"cells": MINE, "score": 2.0, "run": "{outside}"}),
    ("evolve", {}),
    ("read_file", {"path": "{outside}/secret.cell"}),
    ("set_score", {"cell": "1", "score": 2.0}),
    ("propose_score", {"cells": MINE}),
]


def test_a_client_cannot_read_test_scores_or_files_nor_alter_a_score(run: Path, tmp_path: Path) -> None:
    """It tries: paths, other runs, made-up tools and arguments, code, and texts that are no cells."""
    secret = "cell secret(x, h):\n    h' = relu(linear(x) + linear(h))\n"
    (tmp_path / "secret.cell").write_text(secret)
    before = records(run)
    filled = json.loads(json.dumps(HOSTILE).replace("{outside}", str(tmp_path)))
    honest = [("leaderboard", {"top": 100}), ("verdicts", {}), ("status", {})]
    with RunStore.open(run) as store:
        honest += [("show_cell", {"cell": cell}) for cell in store.cells.ids_like("c")]
    answers = asked(server_of(RunTools(run)), *filled, *honest)
    everything = "\n".join(text for _, text in answers)
    assert_no_test_score(everything)
    assert "root:" not in everything
    assert "relu(linear(x) + linear(h))" not in everything, "a file outside was opened"
    assert str(run.parent) not in everything, "nobody is told where the run lies"
    assert "Traceback" not in everything
    assert [text for good, text in answers[len(filled) :] if not good] == []
    for call, (good, text) in zip(filled, answers, strict=False):
        taken = call[0] == "propose" and '"refused"' in text
        ignored = set(call[1]) & {"path", "score", "run"}
        assert not good or taken or ignored, (call, text)
        assert len(text) < 5_000 or ignored, call
    assert records(run) == before, "the records are what they were"
    for file in Inbox(run).waiting():
        assert Cell.parse(file.read_text()).id == Cell.parse(MINE).id
        Inbox(run).remove(file)


def test_an_inbox_that_takes_no_more_says_so_and_not_where_it_lies(
    run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.store.inbox.MOST", 0)
    ((_, text),) = asked(server_of(RunTools(run)), ("propose", {"cells": MINE}))
    assert "refused" in text and "wait already in the inbox" in text and str(run.parent) not in text


def test_what_was_proposed_over_the_protocol_is_judged_as_ever(run: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(run, tmp_path / "copy"))
    asked(server_of(RunTools(copy)), ("propose", {"cells": MINE, "fitness": 99.0}))
    search_on(copy, 9, answer=answer)
    mine = Cell.parse(MINE).id
    with RunStore.open(copy) as store:
        steps = [step for step, _ in store.steps.read() if step.cell == mine]
        assert steps[0].proposer == "inbox" and steps[0].gated
        assert all(outcome.score == answer(trial).score for trial, outcome in store.trials.of(mine))


@pytest.mark.slow
def test_a_client_starts_the_command_and_talks_to_it_over_pipes(run: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    server = StdioServerParameters(
        command=sys.executable, args=["-m", "archsearch", "serve", str(run), "--mcp"], env=environment
    )
    (good, text), (refused, words) = asked(
        server, ("leaderboard", {"top": 1}), ("show_cell", {"cell": "/etc/passwd"})
    )
    assert good and json.loads(text)["rows"][0]["rank"] == 1
    assert not refused and "a cell is a rank" in words
