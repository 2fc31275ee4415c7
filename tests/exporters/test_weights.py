"""Weights go both ways between `Recurrent` and the exported class, which does in float64 what the interpreter does."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.nn.utils.rnn import PackedSequence, pack_sequence

from archsearch import export
from archsearch.compiler import Recurrent
from archsearch.errors import InputError

CELLS = ("gru", "lstm", "mut1", "indrnn")


def layer_of(name: str, **options: object) -> Recurrent:
    torch.manual_seed(0)
    return Recurrent(name, 3, 4, 2, dtype=torch.float64, engine="interpreter", **options)  # type: ignore[arg-type]


def states_of(layer: Recurrent, batch: int) -> Tensor | tuple[Tensor, ...]:
    shape = (2 * (1 + layer.bidirectional), batch, 4)
    made = tuple(torch.randn(shape, dtype=torch.float64) for _ in layer.cell.states)
    return made if len(made) > 1 else made[0]


def values(module: nn.Module, *given: object) -> list[Tensor]:
    """Return output, states, and the gradients of the sum of their squares at all weights."""
    output, final = module(given[0], hx=given[1])
    flat = output.data if isinstance(output, PackedSequence) else output
    found = [flat, *((final,) if isinstance(final, Tensor) else final)]
    total = torch.stack([value.square().sum() for value in found]).sum()
    gradients = torch.autograd.grad(total, list(module.parameters()))
    return [*found, *sorted(gradients, key=lambda gradient: gradient.square().sum().item())]


def check_equal(first: list[Tensor], second: list[Tensor]) -> None:
    for ours, theirs in zip(first, second, strict=True):
        torch.testing.assert_close(theirs, ours, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_the_exported_class_equals_the_layer_in_both_directions(name: str, bidirectional: bool) -> None:
    layer = layer_of(name, bidirectional=bidirectional, batch_first=True)
    x, states = torch.randn(5, 6, 3, dtype=torch.float64), states_of(layer, 5)
    check_equal(values(layer, x, states), values(layer.to_module(), x, states))
    check_equal(values(layer, x, None), values(layer.to_module(), x, None))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", CELLS)
def test_the_exported_class_takes_packed_sequences_as_the_layer_does(name: str, bidirectional: bool) -> None:
    layer = layer_of(name, bidirectional=bidirectional)
    ragged = [torch.randn(length, 3, dtype=torch.float64) for length in (2, 6, 1, 4)]
    packed, states = pack_sequence(ragged, enforce_sorted=False), states_of(layer, 4)
    check_equal(values(layer, packed, states), values(layer.to_module(), packed, states))


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("options", [{}, {"bidirectional": True}])
def test_weights_come_back_from_the_exported_class(name: str, options: dict[str, bool]) -> None:
    layer = layer_of(name, **options).eval()
    back = Recurrent.from_module(name, layer.to_module())
    assert not back.training and repr(back).startswith(repr(layer).split(", engine")[0].rstrip(")"))
    theirs = back.state_dict()
    assert all(torch.equal(weight, theirs[key]) for key, weight in layer.state_dict().items())


def test_dropout_between_layers_is_the_layers_own() -> None:
    layer, x = layer_of("gru", dropout=0.5, bidirectional=True), torch.randn(6, 5, 3, dtype=torch.float64)
    outputs = []
    for module in (layer, layer.to_module()):
        torch.manual_seed(1)
        outputs.append(module(x)[0])
    torch.testing.assert_close(*outputs, rtol=1e-10, atol=1e-10)


def test_an_exported_class_of_another_cell_is_refused() -> None:
    with pytest.raises(InputError, match="Gru is no export of cell 'lstm'"):
        Recurrent.from_module("lstm", layer_of("gru").to_module())
    with pytest.raises(InputError, match="Linear is no exported class: it has no input_size"):
        Recurrent.from_module("gru", nn.Linear(3, 4))


def test_the_exported_class_starts_at_a_scale_and_has_what_code_for_nn_gru_asks_for() -> None:
    module = layer_of("gru", bidirectional=True, bias=False).to_module()
    module.flatten_parameters()  # type: ignore[operator]
    module.reset_parameters(scale=0.01)  # type: ignore[operator]
    assert max(weight.abs().max().item() for weight in module.parameters()) <= 0.005
    assert module.bidirectional is True
    with pytest.raises(RuntimeError, match="no single steps"):
        module.step(torch.randn(2, 3))  # type: ignore[operator]


@pytest.mark.parametrize(("prefix", "older"), [("", False), ("rnn.", True)])
def test_export_writes_trained_weights_under_the_names_of_the_class(
    tmp_path: Path, prefix: str, older: bool
) -> None:
    layer = layer_of("lstm", bidirectional=True)
    whole = {f"{prefix}{name}": weight for name, weight in layer.state_dict().items()}
    if older:  # names that said no role
        whole = {re.sub(r"(weight|bias)_[xhgv]", r"\1_n", name): weight for name, weight in whole.items()}
    save_file(whole | {"head.weight": torch.ones(2, 8)}, tmp_path / "model.safetensors")
    export("lstm", tmp_path / "cell.py", weights=tmp_path / "model.safetensors", name="best_cell")
    made = runpy.run_path(str(tmp_path / "cell.py"))["BestCell"](
        3, 4, 2, bidirectional=True, dtype=torch.float64
    )
    made.load_state_dict(load_file(tmp_path / "cell.safetensors"))
    x = torch.randn(5, 2, 3, dtype=torch.float64)
    torch.testing.assert_close(made(x)[0], layer(x)[0], rtol=1e-10, atol=1e-10)


def test_export_refuses_weights_that_are_not_the_cells_and_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "model.safetensors"
    for weights, reason in (
        (layer_of("gru").state_dict(), "the weights are not those of cell 'lstm'.*of another cell"),
        ({"weight_n3_l99999": torch.ones(2, 2)}, "too few for 100000 layers of width 2"),
        ({"bias_n3_l0": torch.ones(1_000_000)}, "too few for 1 layers of width 1000000"),
        ({"head.weight": torch.ones(2)}, "holds the weights of 0 layers"),
        ({"a.weight_n3_l0": torch.ones(2), "b.weight_n3_l0": torch.ones(2)}, "holds the weights of 2 layers"),
    ):
        save_file(weights, source)
        with pytest.raises(InputError, match=reason):
            export("lstm", tmp_path / "cell.py", weights=source)
    source.write_bytes(b"no weights")
    with pytest.raises(InputError, match="no safetensors file"):
        export("lstm", tmp_path / "cell.py", weights=source)
    with pytest.raises(InputError, match="weights go with a module"):
        export("lstm", tmp_path / "lstm.svg", weights=source)
    with pytest.raises(InputError, match="'1 2' is no name for a cell"):
        export("lstm", tmp_path / "cell.py", name="1 2")
    assert [path.name for path in tmp_path.iterdir()] == ["model.safetensors"]


def test_reading_runs_and_the_help_of_export_leave_torch_alone() -> None:
    code = (
        "import sys, archsearch, archsearch.cli.export; archsearch.open_run; sys.exit('torch' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
