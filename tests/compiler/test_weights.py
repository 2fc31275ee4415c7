"""Weights are found by what they read, and a state dict says whose cell it is."""

import re
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import nn

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent

SIGMOID = "cell other(x, h):\n    h' = sigmoid(linear(x) + linear(h, bias=none))\n"
TANH = SIGMOID.replace("sigmoid", "tanh")


def plain(layer: nn.Module) -> dict[str, torch.Tensor]:
    return {name: value for name, value in layer.state_dict().items() if name != "_extra_state"}


def test_the_orthogonal_recipe_reaches_every_matrix_that_reads_a_state() -> None:
    layer = Recurrent("lstm", 3, 8, num_layers=2, bidirectional=True)
    for matrix in layer.matrices():
        if matrix.role == "h":
            nn.init.orthogonal_(matrix.weight)
    done = [matrix for matrix in layer.matrices() if matrix.role == "h"]
    assert len(done) == 4 * 2 * 2
    for matrix in done:
        weight = layer.get_parameter(matrix.name)
        torch.testing.assert_close(weight @ weight.T, torch.eye(8), rtol=0, atol=1e-5)


def test_the_forget_bias_recipe_reaches_the_line_of_the_forget_gate() -> None:
    layer = Recurrent("lstm", 3, 4)
    for matrix in layer.matrices():
        if matrix.line == "f" and matrix.bias is not None:
            nn.init.ones_(matrix.bias)
    ones = [name for name, weight in layer.named_parameters() if bool((weight == 1).all())]
    assert len(ones) == 1 and ones[0].startswith("bias_")


def test_a_matrix_is_indexed_by_role_line_and_what_it_reads() -> None:
    found = {(matrix.role, matrix.line, matrix.reads) for matrix in Recurrent("gru", 3, 4).matrices()}
    gates = {("x", "r", "x"), ("h", "r", "h"), ("x", "z", "x"), ("h", "z", "h")}
    assert found == gates | {("x", "n", "x"), ("gate", "n", "")}
    assert Recurrent("mut1", 3, 4).matrices()[0].name == "projection_l0"
    assert "projection_l0" not in [matrix.name for matrix in Recurrent("mut1", 4, 4).matrices()]


@pytest.mark.parametrize("name", library.names())
def test_the_index_names_every_matrix_once_in_the_order_of_the_parameters(name: str) -> None:
    layer = Recurrent(name, 3, 4, num_layers=2, bidirectional=True)
    expected = [key for key, weight in layer.named_parameters() if weight.dim() == 2]
    assert [matrix.name for matrix in layer.matrices()] == expected
    assert all(matrix.line for matrix in layer.matrices())


@pytest.mark.parametrize("name", library.names())
def test_a_name_says_what_its_matrix_reads(name: str) -> None:
    layer = Recurrent(name, 3, 4, bidirectional=True)
    for matrix in layer.matrices():
        assert matrix.name.startswith((f"weight_{matrix.role[0]}", "projection_l0"))
        biases = [key for key, bias in layer.named_parameters() if bias is matrix.bias]
        assert len(biases) == (matrix.bias is not None)
        assert all(key.startswith(f"bias_{matrix.role[0]}") for key in biases)


def test_what_reads_a_state_is_found_by_name_too() -> None:
    layer = Recurrent("lstm", 3, 4, num_layers=2)
    found = [name for name, _ in layer.named_parameters() if name.startswith("weight_h")]
    assert found == [matrix.name for matrix in layer.matrices() if matrix.role == "h"]
    assert len(found) == 4 * 2


def older(name: str) -> str:
    """Return what a parameter was called before names had roles."""
    return re.sub(r"^(weight|bias)_[xhgv]", r"\1_n", name)


@pytest.mark.parametrize("prefix", ["", "0."])
def test_weights_under_names_without_a_role_load_strictly(prefix: str) -> None:
    theirs, ours = (Recurrent("enas", 3, 4, num_layers=2, bidirectional=True) for _ in range(2))
    kept = {f"{prefix}{older(name)}": value for name, value in theirs.state_dict().items()}
    given = dict(kept)
    (nn.Sequential(ours) if prefix else ours).load_state_dict(given)
    assert given.keys() == kept.keys() and any("weight_n" in name for name in kept)
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


@pytest.mark.parametrize("strict", [True, False])
def test_weights_of_another_cell_are_refused_and_nothing_is_copied(strict: bool) -> None:
    ours, theirs = (Recurrent(Cell.parse(text), 3, 4) for text in (SIGMOID, TANH))
    before = {name: value.clone() for name, value in ours.state_dict().items()}
    with pytest.raises(
        RuntimeError, match="the weights are of another cell: they record 'c.*made of cell 'other'"
    ):
        ours.load_state_dict(theirs.state_dict(), strict=strict)
    assert all(torch.equal(before[name], value) for name, value in ours.state_dict().items())


def test_another_cell_is_refused_inside_a_model_too() -> None:
    ours, theirs = (nn.Sequential(Recurrent(Cell.parse(text), 3, 4)) for text in (SIGMOID, TANH))
    with pytest.raises(RuntimeError, match="of another cell"):
        ours.load_state_dict(theirs.state_dict())


def test_weights_without_a_record_of_their_cell_load_strictly(engine: str) -> None:
    theirs, ours = Recurrent("gru", 3, 4), Recurrent("gru", 3, 4, engine=engine)
    ours.load_state_dict(plain(theirs))
    assert all(torch.equal(value, ours.state_dict()[name]) for name, value in theirs.state_dict().items())


def test_strict_loading_still_misses_what_is_missing() -> None:
    layer = Recurrent("gru", 3, 4)
    weights = plain(layer)
    weights["weight_of_none"] = weights.pop("weight_x2_l0")
    with pytest.raises(RuntimeError, match=r"(?s)Missing key.*weight_x2_l0.*Unexpected key.*weight_of_none"):
        layer.load_state_dict(weights)


def test_a_record_that_is_none_is_refused() -> None:
    layer = Recurrent("gru", 3, 4)
    for record in ("gru", torch.zeros(3), torch.zeros(2, 2, dtype=torch.uint8)):
        with pytest.raises(RuntimeError, match="_extra_state should be the id of a cell"):
            layer.load_state_dict(plain(layer) | {"_extra_state": record})


def test_a_safetensors_file_holds_the_record(tmp_path: Path) -> None:
    theirs = Recurrent(Cell.parse(TANH), 3, 4)
    save_file(theirs.state_dict(), tmp_path / "weights.safetensors")
    weights = load_file(tmp_path / "weights.safetensors")
    Recurrent(Cell.parse(TANH), 3, 4).load_state_dict(weights)
    with pytest.raises(RuntimeError, match="of another cell"):
        Recurrent(Cell.parse(SIGMOID), 3, 4).load_state_dict(weights)


def test_a_state_dict_drives_a_functional_call() -> None:
    layer, x = Recurrent("gru", 3, 4), torch.randn(5, 2, 3)
    output, _ = torch.func.functional_call(layer, layer.state_dict(), (x,))
    torch.testing.assert_close(output, layer(x)[0])
