"""Forges a run: every free text that its database holds says something that harms a terminal.

Texts of cells are none: one with a control character is refused where it is parsed.
"""

from __future__ import annotations

import importlib.util
import json
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from archsearch.protocol.records import Trial

EVIL = "\x1b]0;pwned\x07\x1b[31m\u202e\u2028\x9b2J\r\nFORGED"
HARMFUL = ("\x1b", "\x07", "\u202e", "\u2028", "\x9b", "\r", "\nFORGED")
"""What of it must reach no terminal and no file."""


def forge(folder: Path, engine: bool) -> None:
    """Forge a run; with other names of engine and machine nothing goes on with it."""
    with closing(sqlite3.connect(folder / "run.db", isolation_level=None)) as connection:
        _plan(connection, engine)
        for number, asked, verdict in connection.execute(
            "SELECT number, asked, verdict FROM steps"
        ).fetchall():
            row = _step(json.loads(asked)), _verdict(json.loads(verdict)) if verdict else None
            connection.execute("UPDATE steps SET asked = ?, verdict = ? WHERE number = ?", (*row, number))
        for key, record, outcome in connection.execute("SELECT key, record, outcome FROM trials").fetchall():
            row = _trial(record, outcome, engine)
            connection.execute(
                "UPDATE trials SET key = ?, record = ?, outcome = ? WHERE key = ?", (*row, key)
            )
        connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('data', ?)", (EVIL,))
        seal(connection)


def _plan(connection: sqlite3.Connection, engine: bool) -> None:
    ((text,),) = connection.execute("SELECT value FROM facts WHERE name = 'plan'")
    plan = json.loads(text)
    plan["preset_name"] += EVIL
    plan["preset"]["note"] += EVIL
    plan["strategy"] += EVIL if engine else ""
    plan["space"]["name"] += EVIL
    for course in plan["courses"]:
        course["task"] += EVIL
    if engine:
        plan["engine"], plan["machine"] = plan["engine"] + EVIL, plan["machine"] + EVIL
    connection.execute("UPDATE facts SET value = ? WHERE name = 'plan'", (json.dumps(plan),))


def _step(step: dict[str, Any]) -> str:
    step["applied"] = [
        [operator + EVIL, node, words + EVIL] for operator, node, words in step.get("applied", [])
    ]
    step["stages"] = [[task + EVIL, *rest] for task, *rest in step.get("stages", [])]
    return json.dumps(step)


def _verdict(verdict: dict[str, Any]) -> str:
    if verdict.get("task"):
        verdict["task"] += EVIL
    if verdict.get("reason"):
        verdict["reason"] += EVIL
    return json.dumps(verdict)


def _trial(record: str, outcome: str | None, engine: bool) -> tuple[str, str, str | None]:
    trial = msgspec.json.decode(record, type=Trial)
    if engine:
        trial = msgspec.structs.replace(trial, engine=trial.engine + EVIL, machine=trial.machine + EVIL)
    ended = json.loads(outcome) if outcome else None
    if ended:
        ended["reason"] = ended.get("reason", "") + EVIL
    return trial.key, msgspec.json.encode(trial).decode(), json.dumps(ended) if ended else None


def seal(connection: sqlite3.Connection) -> None:
    """Seal what was forged, where rows have seals."""
    if importlib.util.find_spec("tests.helpers.sealing"):
        importlib.import_module("tests.helpers.sealing").seal_again(connection)
