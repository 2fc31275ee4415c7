"""`archsearch bench` at a shape that takes no time."""

import json
import re
from pathlib import Path

import pytest

from archsearch.bench import LayerShape, in_bf16, jax_scan, layer_rows, trials
from archsearch.cell import library
from archsearch.cli.bench_tables import _busy
from archsearch.errors import BuildError
from tests.compiler.native.processors import needs_bf16
from tests.helpers.commands import Call

PROMISED = {
    "cell",
    "engine",
    "batch",
    "steps",
    "width",
    "ms",
    "low",
    "high",
    "ratio_nn_gru",
    "ratio_nn_lstm",
    "ratio_reference",
    "gflops",
    "share_of_peak",
}
STACKS = {
    "cell",
    "device",
    "lanes",
    "batch",
    "steps",
    "width",
    "persistent",
    "ms",
    "ms_per_lane",
    "ratio_cudnn",
    "first_step_seconds",
}


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax_scan, "is_installed", lambda: False)
    monkeypatch.setattr("archsearch.cli.bench.cuda_devices", list)
    monkeypatch.setattr(trials, "BUDGETS", (1_000,))


def test_json_is_one_document_with_the_rows_that_are_promised(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert all(set(row) >= PROMISED for row in document["rows"])
    assert {row["cell"] for row in document["rows"] if row["engine"] == "reference"} == {"mgu"}
    assert "mgu at B2T3H8" in done.err
    assert "stacks" not in document and "stacks" not in document["machine"]


def test_the_roofline_is_drawn_and_rows_say_what_limits_them(
    call: Call, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    file = tmp_path / "roofline.svg"
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--roofline", str(file))
    assert done.code == 0, done.err
    assert "mgu" in file.read_text(encoding="utf-8")
    assert re.search(r"^mgu +native .* (compute|L1|L2|L3|memory|calls) \d+ %$", done.out, re.MULTILINE)


@pytest.mark.parametrize("option", [["--torch-compile"], ["--roofline", "file.svg"]])
def test_what_needs_a_compiler_says_so(
    call: Call, monkeypatch: pytest.MonkeyPatch, option: list[str]
) -> None:
    def missing() -> None:
        raise BuildError("no C++ compiler was found")

    monkeypatch.setattr("archsearch.compiler.native.toolchain.toolchain", missing)
    done = call("bench", "mgu", *option)
    assert done.code == 2 and f"{option[0]} needs a C++ compiler: no C++ compiler was found" in done.err


def test_torch_compile_takes_part_where_it_is_asked_for(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(layer_rows, "torch_compile_call", lambda cell, shape: lambda: None)
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--torch-compile", "--json")
    assert done.code == 0, done.err
    rows = {row["engine"]: row for row in json.loads(done.out)["rows"]}
    assert rows["torch.compile"]["cell"] == "mgu" and rows["torch.compile"]["limits"] is None


@needs_bf16
def test_bfloat16_is_measured_where_it_is_asked_for(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--bf16")
    assert done.code == 0, done.err
    _, _, table = done.out.partition("Forward and backward of one layer, in float32 and in bfloat16:\n")
    assert [line.split()[:2] for line in table.splitlines()[1:4]] == [
        ["mgu", "native"],
        ["mgu", "native-bf16"],
        ["mgu", "native-3bf16"],
    ]
    assert "One training step, in float32 and in bfloat16:" in table


def test_bfloat16_needs_a_processor_that_multiplies_it(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(in_bf16, "can_round", lambda: False)
    done = call("bench", "mgu", "--bf16")
    assert done.code == 2 and "--bf16 needs a processor that multiplies bfloat16 (AVX512-BF16)" in done.err


def test_people_see_tables_and_what_they_mean(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "b2t3h8", "--rounds", "1")
    assert done.code == 0, done.err
    assert "Forward and backward of one layer, batch 2, 3 steps, 8 units:" in done.out
    assert "One training step of xml:small" in done.out
    _, _, table = done.out.partition("One step of one layer, without gradients:\n")
    assert table.splitlines()[0].split()[:2] == ["cell", "run"] and "nn.GRUCell" in table.splitlines()[0]
    assert table.splitlines()[1].split()[:4] == ["mgu", "native", "2", "8"]
    assert "Forward of one layer alone, without gradients:" in done.out
    assert "how many times faster than these" in done.out
    assert "quartiles" in done.out


@pytest.mark.parametrize(("high", "warned"), [(1.05, False), (1.4, True)])
def test_rounds_that_disagree_are_named(high: float, warned: bool) -> None:
    quiet = {"cell": "gru", "engine": "native 1", "ms": 1.0, "low": 1.0, "high": 1.01}
    words = _busy({"rows": [quiet, {**quiet, "cell": "mgu", "high": high}], "training_steps": []})
    assert (words == "") == (not warned)
    assert not warned or words.startswith("The rounds disagree: mgu in native 1 took 1.00 to 1.40 ms")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["--shape", "20x35"], "no shape '20x35'; a shape is batch, steps and width, such as B20T35H256"),
        (["gru", "--all"], "--all measures every library cell: name cells, or give --all"),
        (["gruu"], "did you mean 'gru'"),
        (
            ["--device", "tpu"],
            "--device tpu: stacks are measured on one device; allowed: cpu, cuda:0, cuda:1 …",
        ),
        (["--device", "cuda:0,cuda:1"], "stacks are measured on one device"),
        (["--device", "cuda:999"], "--device cuda:999: no such device here (CUDA devices: "),
    ],
)
def test_wrong_use_is_said_before_anything_is_measured(call: Call, arguments: list[str], said: str) -> None:
    done = call("bench", *arguments)
    assert done.code == 2 and said in done.err and " at B" not in done.err


def test_stacks_are_measured_on_the_device_that_is_named(call: Call) -> None:
    done = call("bench", "mgu", "--shape", "B2T3H8", "--rounds", "1", "--device", "cpu", "--json")
    assert done.code == 0, done.err
    document = json.loads(done.out)
    assert all(set(row) == STACKS for row in document["stacks"])
    assert {(row["cell"], row["device"]) for row in document["stacks"]} == {("mgu", "cpu")}
    assert [row["lanes"] for row in document["stacks"]] == [32, 1]
    assert document["machine"]["stacks"] == "CPU, float32, torch"
    assert "mgu in stacks at B2T3H8 on cpu" in done.err


def test_people_see_a_table_of_stacks(call: Call) -> None:
    done = call("bench", "gru", "--shape", "B2T3H8", "--rounds", "1", "--device", "cpu")
    assert done.code == 0, done.err
    _, _, table = done.out.partition("One training step of a stack on cpu (CPU, float32, torch):\n")
    head, whole, one = table.splitlines()[:3]
    assert head.split("  ")[0] == "cell" and "of torch's" in head
    assert whole.split()[:3] == ["gru", "B2T3H8", "32"] and one.split()[:3] == ["gru", "B2T3H8", "1"]
    assert whole.split()[3] == one.split()[3] == "launches"
    assert whole.split()[6] == one.split()[6] and whole.split()[6].endswith("x")


@pytest.mark.parametrize("here, chosen", [([], None), (["cuda:0", "cuda:1"], "cuda:0")])
def test_the_first_gpu_is_measured_where_there_is_one(
    call: Call, monkeypatch: pytest.MonkeyPatch, here: list[str], chosen: str | None
) -> None:
    asked: dict[str, object] = {}
    monkeypatch.setattr("archsearch.cli.bench.cuda_devices", lambda: here)
    monkeypatch.setattr("archsearch.bench.measure", lambda *given, **named: asked.update(named) or {})
    assert call("bench", "--quick", "--json").code == 0
    assert (asked["device"], asked["stacked"]) == (chosen, [LayerShape(20, 35, 256)])
    assert asked["stepped"] == (LayerShape(1, 1, 16), LayerShape(1, 1, 40))


def test_all_means_the_whole_library(call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    monkeypatch.setattr(
        "archsearch.bench.measure", lambda cells, *others, **named: measured.extend(cells) or {}
    )
    call("bench", "--all", "--quick", "--json")
    assert set(library.names()) < set(measured)
