"""Presets: those that come with archsearch, and one clear line for each way in which a file can be wrong."""

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import pytest
import tomli_w

from archsearch.cell import library
from archsearch.errors import PresetError
from archsearch.mutations import MAGNITUDES
from archsearch.protocol.duration import parse_duration
from archsearch.protocol.loading import load_preset, preset_names
from archsearch.protocol.plan import PlannedTask, RunPlan, TaskFacts
from archsearch.protocol.preset import Preset
from archsearch.resources import grammars
from archsearch.tasks import TASKS, load
from tests.helpers.plans import MEMORY, run_plan

SYMBOLS = {"arithmetic": 40, "xml": 29, "english": 256, "ptb": 10_000}
"""Of those tasks that are slow to load, or need data."""


def symbols_of(task: str) -> int:
    """Return how many symbols a task has in its small difficulty."""
    return SYMBOLS.get(task) or load(f"{task}:small").symbols


def test_four_presets_come_with_archsearch() -> None:
    assert preset_names() == ("laptop", "paper", "quick", "track")


@pytest.mark.parametrize("name", preset_names())
def test_a_shipped_preset_names_only_what_exists(name: str) -> None:
    stem, preset = load_preset(name)
    assert stem == name and preset.note
    assert set(preset.search.start) | set(preset.search.references) <= set(library.names())
    assert preset.mutation.magnitude in MAGNITUDES
    assert set(preset.search.tasks) <= set(preset.tasks) <= set(TASKS)
    for task, plan in preset.tasks.items():
        assert plan.difficulty in TASKS[task].difficulties
    family, difficulty = preset.filter.task.split(":")
    assert family == "memorization" and difficulty in TASKS[family].difficulties


@pytest.mark.parametrize("name", preset_names())
def test_every_library_cell_of_a_shipped_preset_has_at_least_8_units(name: str) -> None:
    _, preset = load_preset(name)
    facts = {
        task: TaskFacts(f"{task}:{plan.difficulty}", symbols_of(task), "accuracy", 0.0, 1.0, 0.5, "")
        for task, plan in preset.tasks.items()
    }
    courses = tuple(PlannedTask(task, facts[task], plan) for task, plan in preset.tasks.items())
    memory = msgspec.structs.replace(MEMORY, symbols=27)
    plan = RunPlan(name, preset, "jozefowicz", run_plan().space, 0, courses, memory, "", "")
    plan.check_references({cell: library.load(cell) for cell in preset.search.references})


TWINS = ("gru_x", "lstm_x", "mgu_x")
"""The controls that read x itself, which every preset trains."""


def test_quick_and_laptop_are_paired_with_adamw() -> None:
    for name in ("quick", "laptop"):
        _, preset = load_preset(name)
        assert (preset.rule, preset.grid.optimiser, preset.training.schedule) == (
            "paired",
            ("adamw",),
            "constant",
        )
    _, quick = load_preset("quick")
    assert quick.search.start == ("gru", "lstm", "mgu", "ugrnn")
    assert (quick.search.look_ahead, quick.search.pool, quick.search.max_time) == (8, 20, "170s")
    _, laptop = load_preset("laptop")
    assert laptop.search.start == ("gru", "lstm")
    assert laptop.search.references == ("gru", "lstm", "lstm_b", "mut1", "mut2", "mut3", *TWINS)
    assert (laptop.search.look_ahead, laptop.search.pool, laptop.mutation.magnitude) == (16, 100, "per_node")
    assert {(plan.k, plan.G, plan.gate) for plan in laptop.tasks.values()} == {(6, 24, "noise")}


def test_paper_is_as_published() -> None:
    """docs/measuring.md, "The search of 2015"."""
    _, paper = load_preset("paper")
    assert (paper.rule, paper.grid.optimiser, paper.training.schedule) == ("published", ("sgd",), "halving")
    assert (paper.training.batch, paper.training.unroll) == (20, 35)
    assert (paper.search.look_ahead, paper.search.pool, paper.search.max_candidates) == (400, 100, 10_000)
    assert (paper.search.start, paper.search.references) == (("gru", "lstm"), ("gru", "lstm", *TWINS))
    assert (paper.filter.task, paper.filter.budget, paper.filter.threshold) == (
        "memorization:paper",
        25_000,
        0.95,
    )
    assert paper.filter.grid == paper.grid
    assert {plan.gate for plan in paper.tasks.values()} == {0.9}
    assert {plan.k for plan in paper.tasks.values()} == {20}
    sizes = {task: len(paper.grid.all(plan.budgets)) for task, plan in paper.tasks.items()}
    assert sizes == {"arithmetic": 1_680, "xml": 1_680, "ptb": 840}


def quick() -> dict[str, Any]:
    return tomllib.loads((grammars() / "presets" / "quick.toml").read_text(encoding="utf-8"))


def loaded(folder: Path, content: dict[str, Any]) -> Preset:
    path = folder / "mine.toml"
    path.write_text(tomli_w.dumps(content), encoding="utf-8")
    return load_preset(str(path))[1]


def changed(key: str, value: Any) -> dict[str, Any]:
    """Return the quick preset with the value at a dotted key replaced."""
    content = quick()
    *tables, last = key.split(".")
    table = content
    for name in tables:
        table = table[name]
    table[last] = value
    return content


@pytest.mark.parametrize(
    ("key", "least"),
    [
        ("training.batch", 1),
        ("training.unroll", 2),
        ("tasks.xml.validation", 1),
        ("filter.validation", 1),
        ("filter.tries", 0),
        ("search.noise_draws", 1),
    ],
)
def test_the_least_number_is_taken_and_one_less_is_refused(tmp_path: Path, key: str, least: int) -> None:
    loaded(tmp_path, changed(key, least))
    with pytest.raises(PresetError, match=key.rpartition(".")[2]):
        loaded(tmp_path, changed(key, least - 1))


def test_a_file_is_called_after_its_stem(tmp_path: Path) -> None:
    loaded(tmp_path, quick())
    assert load_preset(str(tmp_path / "mine.toml"))[0] == "mine"


def test_whole_numbers_become_decimals(tmp_path: Path) -> None:
    """So that 1 and 1.0 make one setting, one seed and one key."""
    assert str(loaded(tmp_path, changed("grid.rate", [1])).grid.rate) == "(1.0,)"
    assert str(loaded(tmp_path, changed("filter.threshold", 1)).filter.threshold) == "1.0"


@pytest.mark.parametrize(
    ("key", "near"),
    [
        ("search.lookahead", "look_ahead"),
        ("grid.rates", "rate"),
        ("tasks.xml.step", "steps"),
        ("filter.trys", "tries"),
        ("training.bach", "batch"),
        ("serch", "search"),
    ],
)
def test_an_unknown_key_comes_with_the_nearest(tmp_path: Path, key: str, near: str) -> None:
    with pytest.raises(PresetError, match=rf"mine.toml: .*`{key.split('.')[-1]}`.*; did you mean '{near}'\?"):
        loaded(tmp_path, changed(key, 1))


def test_an_unknown_key_like_no_other_comes_with_all(tmp_path: Path) -> None:
    with pytest.raises(PresetError, match=r"`zzzzzz`.*; known keys: G, batch, behind, budget"):
        loaded(tmp_path, changed("grid.zzzzzz", 1))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("rule", "unpaired", "rule is 'unpaired'; allowed: 'paired', 'published'"),
        ("grid.optimiser", ["adam"], "grid.optimiser[0] is 'adam'; allowed: 'adamw', 'sgd'"),
        ("tasks.xml.gate", "nois", "tasks.….gate is 'nois'; allowed: a number, 'noise'"),
        ("tasks.xml.gate", [1], "tasks.….gate is a list; it must be a number or a text"),
        ("search.pool", "big", "search.pool is a text; it must be a whole number"),
        (
            "search.max_time",
            170,
            "max_time is a whole number; it must be a text such as 90s, 30m, 2h or 1h30m",
        ),
        (
            "search.max_time",
            "170",
            "search.max_time: '170' is no duration; write 90s, 30m, 2h or 1h30m (a number",
        ),
        ("search.max_time", "9" * 400 + "h", "is longer than a hundred years"),
        ("start", ["gru"], "unknown key `start`; this is a search space, which goes with --space"),
        ("search.look_ahead", 0, "search.look_ahead is 0; it must be at least 1"),
        ("search.pool", 0, "search.pool is 0; it must be at least 1"),
        ("search.noise_draws", -1, "search.noise_draws is -1; it must be at least 0"),
        ("search.max_candidates", 0, "search.max_candidates is 0; it must be at least 1"),
        ("search.max_time", "soon", "search.max_time: 'soon' is no duration"),
        ("search.max_time", "", "search.max_time: '' is no duration"),
        ("search.references", ["gru", "my.cell"], "search.references: no library cell 'my.cell'"),
        ("search.start", ["grru"], "search.start: no library cell 'grru'; did you mean 'gru'?"),
        ("search.start", [], "search.start is empty; a search starts from at least one cell"),
        ("search.start", ["gru", "mut1"], "start cells must be references too; missing there: mut1"),
        ("search.references", ["lstm"], "search.references lacks 'gru', the baseline of every ratio"),
        ("search.tasks", [], "search.tasks is empty; a search has at least one task"),
        ("search.tasks", ["xml", "xml"], "search.tasks names a task twice"),
        ("search.tasks", ["xml", "music"], "search.tasks names music, which has no [tasks.…] table"),
        ("search.reexamine", 1.0, "search.reexamine is 1.0; it lies in [0, 1)"),
        ("search.placebo", 0.6, "search.placebo is 0.6; it lies in [0, 0.5]"),
        ("search.placebo", -0.1, "search.placebo is -0.1; it lies in [0, 0.5]"),
        ("training.batch", 0, "training.batch is at least 1, training.unroll at least 2"),
        ("training.unroll", 1, "training.batch is at least 1, training.unroll at least 2"),
        (
            "filter.tries",
            -1,
            "filter: budget, steps, epoch_steps and validation are at least 1, tries at least 0",
        ),
        ("filter.threshold", 1.5, "filter.threshold is 1.5; it lies in (0, 1]"),
        ("tasks.xml.budget", [], "tasks.xml: budget is a number, or a list of different ones"),
        ("tasks.xml.budget", [9_000, 9_000], "tasks.xml: budget is a number, or a list of different ones"),
        ("tasks.xml.steps", 0, "tasks.xml: budget, steps, epoch_steps and validation are at least 1"),
        ("tasks.xml.k", 7, "tasks.xml: k is 7 and G 6; 1 <= k <= G"),
        ("tasks.xml.k", 0, "tasks.xml: k is 0 and G 6; 1 <= k <= G"),
        ("tasks.xml.gate", 1.0, "tasks.xml: gate is 1.0; it lies in [0, 1) or is 'noise'"),
        ("tasks.xml.gate", float("nan"), "tasks.xml: gate is nan; it lies in [0, 1) or is 'noise'"),
        (
            "tasks.xml.rungs",
            [750, 750],
            "tasks.xml: rungs are 750, 750; they grow, are multiples of epoch_steps",
        ),
        ("tasks.xml.min_skill", 0, "tasks.xml: min_skill is 0.0; it lies in (0, 1)"),
        ("own.epoch_steps", 0, "own: budget, steps, epoch_steps and validation are at least 1"),
        ("grid.rate", [], "grid.rate: it needs at least one value, and none twice"),
        ("grid.rate", [0.1, 0.1], "grid.rate: it needs at least one value, and none twice"),
        ("grid.rate", [0.1, float("nan")], "grid: rates, scales, clips and layers are positive"),
        ("grid.clip", [float("inf")], "grid: rates, scales, clips and layers are positive"),
        ("grid.layers", [0], "grid: rates, scales, clips and layers are positive"),
        ("filter.grid.scale", [-1.0], "filter.grid: rates, scales, clips and layers are positive"),
        ("grid.dropout", [1.0], "grid: dropout lies in [0, 1)"),
    ],
)
def test_a_number_that_makes_no_search_is_refused(tmp_path: Path, key: str, value: Any, message: str) -> None:
    with pytest.raises(PresetError, match=re.escape("mine.toml: ") + ".*" + re.escape(message)):
        loaded(tmp_path, changed(key, value))


@pytest.mark.parametrize(
    ("key", "most"),
    [
        ("search.look_ahead", 1_000_000),
        ("search.pool", 1_000_000),
        ("search.noise_draws", 1_000),
        ("training.batch", 10_000),
        ("training.unroll", 10_000),
        ("tasks.xml.epoch_steps", 100_000),
        ("tasks.xml.validation", 100_000),
        ("tasks.xml.budget", 10**9),
        ("tasks.xml.G", 100_000),
        ("own.budget", 10**9),
        ("filter.tries", 100_000),
        ("filter.budget", 10**9),
        ("filter.steps", 5_000_000),
    ],
)
def test_the_largest_number_is_taken_and_one_more_is_refused(tmp_path: Path, key: str, most: int) -> None:
    content = changed(key, most)
    content["tasks"]["xml"]["rungs"] = []
    loaded(tmp_path, content)
    content = changed(key, most + (most == 5_000_000) * 49 + 1)
    with pytest.raises(
        PresetError, match=rf"mine.toml: .*{key.rpartition('.')[2]}.* must be at most [\d,]+$"
    ):
        loaded(tmp_path, content)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("tasks.xml.steps", 10**18),
        ("tasks.xml.steps", 10**9 + 250),
        ("filter.steps", 10**18),
        ("grid.rate", [float(rate) for rate in range(1, 30_000)]),
        ("filter.grid.rate", [float(rate) for rate in range(1, 30_000)]),
        ("tasks.xml.budget", list(range(10_000, 60_000))),
        ("grid.layers", [1, 101]),
        ("tasks.xml.rungs", [250] * 1_001),
        ("search.references", ["gru"] * 1_001),
    ],
)
def test_what_would_take_all_time_or_memory_is_refused_at_once(tmp_path: Path, key: str, value: Any) -> None:
    with pytest.raises(PresetError, match=r"mine.toml: .*must be at most [\d,]+$"):
        loaded(tmp_path, changed(key, value))


def test_a_window_has_so_many_positions(tmp_path: Path) -> None:
    content = changed("training.batch", 10_000)
    content["training"]["unroll"] = 101
    with pytest.raises(
        PresetError, match="training.batch times unroll is 1,010,000; it must be at most 1,000,000"
    ):
        loaded(tmp_path, content)


@pytest.mark.parametrize(("key", "value"), [("placebo", 0.1), ("reexamination", "top-two")])
def test_the_published_rule_has_neither_placebos_nor_blocks(tmp_path: Path, key: str, value: object) -> None:
    content = tomllib.loads((grammars() / "presets" / "paper.toml").read_text(encoding="utf-8"))
    content["search"][key] = value
    with pytest.raises(PresetError, match="go with rule = 'paired'"):
        loaded(tmp_path, content)


def test_the_top_two_need_noise(tmp_path: Path) -> None:
    content = changed("search.noise_draws", 0)
    content["own"]["gate"] = 0.6
    with pytest.raises(
        PresetError, match="search.reexamination is 'top-two', which needs search.noise_draws"
    ):
        loaded(tmp_path, content)


def test_gates_from_noise_need_noise(tmp_path: Path) -> None:
    content = changed("search.noise_draws", 0)
    content["tasks"]["xml"]["gate"] = "noise"
    with pytest.raises(
        PresetError, match="tasks.xml: gate is 'noise', which needs search.noise_draws of at least 1"
    ):
        loaded(tmp_path, content)


def test_a_missing_key_is_named(tmp_path: Path) -> None:
    content = quick()
    del content["tasks"]["xml"]["steps"]
    with pytest.raises(PresetError, match=r"tasks.… lacks the key `steps`"):
        loaded(tmp_path, content)


def test_a_preset_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    with pytest.raises(
        PresetError, match=r"no preset 'quik' \(presets: laptop, paper, quick, track.*did you mean 'quick'\?"
    ):
        load_preset("quik")
    with pytest.raises(PresetError, match="none.toml: No such file or directory"):
        load_preset(str(tmp_path / "none.toml"))
    (tmp_path / "folder.toml").mkdir()
    with pytest.raises(PresetError, match="folder.toml: Is a directory"):
        load_preset(str(tmp_path / "folder.toml"))


@pytest.mark.parametrize("content", [b"rule = ", b"\xff\xfe\x00", b"", b"rule = 3\n[search"])
def test_what_is_no_toml_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad.toml").write_bytes(content)
    with pytest.raises(PresetError, match=r"bad.toml: \S+"):
        load_preset(str(tmp_path / "bad.toml"))


@pytest.mark.parametrize("key", ["tasks.xml.budget", "filter.steps", "search.max_candidates", "grid.layers"])
def test_a_number_that_no_database_holds_is_refused_by_its_key(tmp_path: Path, key: str) -> None:
    value = 10**30 if key != "grid.layers" else [1, 10**30]
    with pytest.raises(PresetError, match=rf"mine.toml: .*{key.split('.')[-1]}.*31 digits|out of range"):
        loaded(tmp_path, changed(key, value))


@pytest.mark.parametrize("text", [f"note = {'9' * 5_000}", f"note = {'[' * 100_000}"])
def test_what_breaks_the_reader_is_refused_in_one_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "mine.toml").write_text(text, encoding="utf-8")
    with pytest.raises(PresetError, match=r"mine.toml: (a number has thousands|brackets nested too deeply)"):
        load_preset(str(tmp_path / "mine.toml"))


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("90s", 90),
        ("3m", 180),
        ("2h", 7_200),
        ("1h30m", 5_400),
        ("1d", 86_400),
        ("1.5h", 5_400),
        (" 1m30s ", 90),
    ],
)
def test_a_duration_is_read_in_seconds(text: str, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "0s", "soon", "-3m", "3 m", "30m1h", "1h30", "90", "3M", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(PresetError, match=re.escape(f"{text!r} is no duration; write 90s, 30m, 2h or 1h30m")):
        parse_duration(text)


def test_a_number_in_the_place_of_a_duration_is_refused() -> None:
    with pytest.raises(PresetError, match="170 is no duration; write it as a text, such as 90s"):
        parse_duration(170)  # type: ignore[arg-type]
