"""A request becomes what is searched: a preset with changes is the preset whose file says so."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from archsearch.actions.request import Request
from archsearch.actions.resolve import resolve
from archsearch.actions.resume import request_of_run
from archsearch.errors import InputError, PresetError
from archsearch.protocol.loading import changed_preset, load_preset, parse_change, preset_schema
from archsearch.protocol.preset import Preset
from archsearch.store import RunStore, make_run
from tests.helpers.in_process import search_on
from tests.helpers.plans import preset, run_plan
from tests.helpers.searches import TINY


def test_a_change_is_recorded_as_if_the_file_had_said_so(tmp_path: Path) -> None:
    file = tmp_path / "tiny.toml"
    text = TINY.read_text()
    assert "look_ahead = 4" in text
    file.write_text(text.replace("look_ahead = 4", "look_ahead = 7"))
    changed = resolve(Request(preset=str(TINY), changes={"search.look_ahead": 7}), None)
    assert changed == resolve(Request(preset=str(file)), None)


@pytest.mark.parametrize(
    ("budget", "chosen"),
    [(None, "quick"), (10_000, "quick"), (31_000, "quick"), (32_000, "laptop"), (10**6, "laptop")],
)
def test_the_preset_of_own_data_is_the_one_for_models_of_their_size_and_is_said(
    budget: int | None, chosen: str, tmp_path: Path
) -> None:
    (tmp_path / "song.txt").write_text("la la")
    changes = {} if budget is None else {"own.budget": budget}
    resolved = resolve(Request(own=(f"text:{tmp_path}/song.txt",), changes=changes), None)
    assert resolved.preset_name == chosen
    assert f"preset {chosen} for {budget or 10_000:,} parameters" in resolved.note
    named = resolve(Request(preset="quick", own=(f"text:{tmp_path}/song.txt",), changes=changes), None)
    assert named.preset_name == "quick" and not named.note


CHANGES: dict[str, Any] = {
    "own.steps=3000": 3000,
    "grid.rate = [0.1, 0.2]": [0.1, 0.2],
    "search.max_time=3m": "3m",
    'search.max_time="3m"': "3m",
    "search.regroup=true": True,
}


@pytest.mark.parametrize("text", CHANGES)
def test_a_value_is_read_as_in_a_file_and_may_lack_quotes(text: str) -> None:
    assert parse_change(text)[1] == CHANGES[text]


def test_a_run_goes_on_with_the_changes_that_it_began_with_and_no_others() -> None:
    plan = run_plan(msgspec.structs.replace(preset(), note="as it began"))
    began = plan.preset.search.pool
    assert request_of_run(Request(changes={"search.pool": began}), plan).preset == plan.preset
    with pytest.raises(InputError, match=f"search.pool is {began}, asked for 9"):
        request_of_run(Request(changes={"search.pool": 9}), plan)


def test_a_change_that_makes_no_preset_says_what_was_given() -> None:
    name, tiny = load_preset(str(TINY))
    with pytest.raises(PresetError, match=r"preset tiny with search.pool = 0: search.pool is 0; it must be"):
        changed_preset(name, tiny, {"search.pool": 0})


def test_without_a_filter_candidates_train_at_once(tmp_path: Path) -> None:
    make_run(tmp_path / "run", run_plan(preset(tries=0)))
    search_on(tmp_path / "run", 20)
    with RunStore.open(tmp_path / "run") as store:
        fates = {verdict.fate for _, verdict in store.steps.read() if verdict}
        tasks = {trial.task for trial, _ in store.trials.ended()}
    assert "failed filter" not in fates and "evaluated" in fates
    assert tasks == {"arithmetic:small", "xml:small"}


def test_the_schema_of_presets_has_every_table_and_key() -> None:
    tables = preset_schema()["$defs"]
    assert set(tables["Preset"]["properties"]) == set(Preset.__struct_fields__)
    assert {"steps", "budget", "rungs"} <= set(tables["TaskRules"]["properties"])
