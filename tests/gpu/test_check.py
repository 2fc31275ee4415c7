"""The check of a GPU, on parts that need none."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tests.gpu.check import Ended, Part, check, machine, missing_packages, parts, run_part


def python(name: str, source: str, limit: float = 60.0, **of: bool) -> Part:
    return Part(name, (sys.executable, "-c", source), limit, **of)


def test_a_part_s_document_is_kept_and_of_one_that_failed_its_last_words(tmp_path: Path) -> None:
    chosen = [
        python("good", "print('{\"a\": 1}')"),
        python("bad", "import sys; print('so far'); sys.exit('broken')"),
        python("plain", "print('12 passed')", has_document=False),
    ]
    ended = list(check(tmp_path / "gpu.json", "cpu", chosen))
    assert [(each.ended, each.document) for each in ended] == [
        ("passed", {"a": 1}),
        ("failed", None),
        ("passed", None),
    ]
    assert ended[1].words == "so far\n\nbroken" and ended[2].words == "12 passed"
    written = json.loads((tmp_path / "gpu.json").read_text())
    assert [part["name"] for part in written["parts"]] == ["good", "bad", "plain"]
    assert written["machine"]["torch"] and written["machine"]["processor"]


def test_what_ended_is_written_before_the_next_begins(tmp_path: Path) -> None:
    running = check(tmp_path / "gpu.json", "cpu", [python("one", "print(1)"), python("two", "print(2)")])
    next(running)
    assert [part["name"] for part in json.loads((tmp_path / "gpu.json").read_text())["parts"]] == ["one"]


def test_a_part_that_is_too_slow_is_stopped_with_what_it_had_said() -> None:
    ended = run_part(python("slow", "import time; print('begun', flush=True); time.sleep(60)", limit=1.0))
    assert (ended.ended, ended.words) == ("too slow", "begun")


def test_kernels_are_compiled_whatever_the_tests_of_triton_s_interpreter_would_have(monkeypatch) -> None:
    monkeypatch.setenv("TRITON_INTERPRET", "1")
    ended = run_part(python("plain", "import os; print(os.environ['TRITON_INTERPRET'])"))
    assert ended.document == 0


def test_the_trial_on_ptb_is_left_out_without_its_files(tmp_path: Path) -> None:
    ptb = parts("cuda:0", tmp_path, None)[-1]
    assert run_part(ptb) == Ended(
        "ptb", " ".join(("python", *ptb.command[1:])), "left out", 0.0, None, "it needs a folder of data"
    )


def test_all_parts_together_take_eight_minutes_at_most_and_name_the_device(tmp_path: Path) -> None:
    chosen = parts("cuda:1", tmp_path, tmp_path)
    assert sum(part.limit for part in chosen) <= 8 * 60
    assert all("cuda:1" in part.command for part in chosen[1:])


def test_nothing_is_missing_here() -> None:
    assert missing_packages() == []
    assert "card" not in machine("cpu")
