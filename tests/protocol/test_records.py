"""Records: the key of a trial covers all of it, and everything survives a journey through JSON."""

from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from archsearch.mutations import Applied
from archsearch.protocol.records import VERSION, Outcome, Stage, Step, Trial, Validation, Verdict
from tests.helpers.plans import GRU, run_plan

PLAN = run_plan()
SETTINGS = PLAN.settings["xml"]
TRIAL = PLAN.trial(GRU, "xml", SETTINGS[0])
OTHER: dict[str, Any] = {
    "cell": "c0",
    "task": "xml:paper",
    "setting": SETTINGS[1],
    "seed": 1,
    "init_draw": 1,
    "measure": "nll",
    "steps": 21,
    "epoch_steps": 11,
    "batch": 21,
    "unroll": 36,
    "validation": 3,
    "data": "other",
    "engine": "other",
    "machine": "other",
    "schedule": "halving",
    "stop_at": 0.5,
    "protocol": VERSION + 1,
    "x_width": 16,
}


def test_the_key_is_pinned() -> None:
    """It is the name under which outcomes are cached and stored."""
    assert TRIAL.key == "b5591e1b459d47f6d987a2468b283fb8f83d26353618fa0779ea4508803fd448"
    assert len(TRIAL.key) == 64


@pytest.mark.parametrize("field", Trial.__struct_fields__)
def test_every_field_of_a_trial_changes_its_key(field: str) -> None:
    assert replace(TRIAL, **{field: OTHER[field]}).key != TRIAL.key


@pytest.mark.parametrize("field", TRIAL.setting.__struct_fields__)
def test_every_field_of_a_setting_changes_the_key(field: str) -> None:
    other = {
        "optimiser": "sgd",
        "rate": 9.0,
        "clip": 9.0,
        "scale": 9.0,
        "layers": 9,
        "budget": 9,
        "dropout": 0.5,
    }
    assert replace(TRIAL, setting=replace(TRIAL.setting, **{field: other[field]})).key != TRIAL.key


def test_the_version_of_the_protocol_is_written_even_though_it_is_the_default() -> None:
    """Else tomorrow's trials would have today's keys."""
    assert msgspec.to_builtins(TRIAL)["protocol"] == VERSION
    assert '"protocol":' in msgspec.json.encode(TRIAL).decode()


@pytest.mark.parametrize(
    "record",
    [
        TRIAL,
        Outcome(
            "done", 0.1 + 0.2, 0.3, 1.0, 0.2, 1.1, 20, 40, 33, 9_999, (Validation(20, 0.1, 2.0),), "", 1.5
        ),
        Outcome("diverged", reason="loss nan at step 3"),
        Step(0, "start", GRU, stages=(Stage("xml", SETTINGS),)),
        Step(
            9,
            "propose",
            "c1",
            GRU,
            (Applied("remove", 3, "r * h"),),
            SETTINGS[0],
            (Stage("xml", SETTINGS[:2], ("fresh", "parent")),),
            True,
            2,
            1,
        ),
        Step(3, "nothing", known=60, invalid=40),
        Verdict("stopped at gate", 1, "xml", "0.500 <= 0.6"),
    ],
    ids=lambda record: type(record).__name__,
)
def test_a_record_survives_json(record: msgspec.Struct) -> None:
    again = msgspec.json.decode(msgspec.json.encode(record), type=type(record))
    assert again == record
    assert msgspec.json.encode(again) == msgspec.json.encode(record)
