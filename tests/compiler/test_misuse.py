"""Misuse gets torch's type of error in torch's words, whatever torch.nn.GRU and nn.LSTM have words for."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils.rnn import pack_sequence

from archsearch.cell import Cell
from archsearch.compiler import Recurrent
from archsearch.errors import CellError

SIZES: list[tuple[Any, ...]] = [
    (0, 4),
    (3, 0),
    (3, 4, 0),
    (2.0, 4),
    (3, "4"),
    (3, 4, 1, 1),
    (3, 4, 1, True, 0),
    (3, 4, 2, True, False, 1.5),
    (3, 4, 2, True, False, True),
]

zeros = torch.zeros
INPUTS: dict[str, Callable[[], torch.Tensor]] = {
    "1-D": lambda: zeros(3),
    "4-D": lambda: zeros(1, 1, 1, 3),
    "width": lambda: zeros(5, 2, 4),
    "dtype": lambda: zeros(5, 2, 3, dtype=torch.float64),
    "symbols": lambda: zeros(5, 2, 3, dtype=torch.int64),
    "no steps": lambda: zeros(0, 2, 3),
}
STATES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [  # input, h, c
    ((5, 2, 3), (2, 4), (1, 2, 4)),
    ((5, 3), (1, 2, 4), (1, 4)),
    ((5, 2, 3), (1, 3, 4), (1, 2, 4)),
    ((5, 2, 3), (1, 2, 4), (1, 2, 5)),
    ((5, 2, 3), (2, 2, 4), (1, 2, 4)),
    ((5, 3), (2, 4), (1, 4)),
]


def failure(call: Callable[[], object]) -> tuple[type[BaseException], str]:
    """Return the type and the words of the error that a call ends in."""
    with pytest.raises(Exception) as caught:
        call()
    return caught.type, str(caught.value).replace("GRU:", "Recurrent:").replace("LSTM:", "Recurrent:")


@pytest.mark.parametrize("arguments", SIZES, ids=str)
def test_a_bad_argument_is_refused_as_torch_refuses_it(arguments: tuple[Any, ...]) -> None:
    assert failure(lambda: Recurrent("gru", *arguments)) == failure(lambda: nn.GRU(*arguments))


@pytest.mark.parametrize("kind", INPUTS)
@pytest.mark.parametrize(("name", "torchs"), [("gru", nn.GRU), ("lstm", nn.LSTM)])
def test_a_bad_input_is_refused_as_torch_refuses_it(name: str, torchs: type[nn.RNNBase], kind: str) -> None:
    x = INPUTS[kind]()
    assert failure(lambda: Recurrent(name, 3, 4)(x)) == failure(lambda: torchs(3, 4)(x))


@pytest.mark.parametrize("shapes", STATES, ids=str)
def test_a_bad_state_is_refused_as_torch_refuses_it(shapes: tuple[tuple[int, ...], ...]) -> None:
    x, h, c = (zeros(shape) for shape in shapes)
    assert failure(lambda: Recurrent("lstm", 3, 4)(x, (h, c))) == failure(lambda: nn.LSTM(3, 4)(x, (h, c)))
    if shapes[1] not in ((1, 2, 4), (1, 4)) or len(shapes[0]) != len(shapes[1]):
        assert failure(lambda: Recurrent("gru", 3, 4)(x, h)) == failure(lambda: nn.GRU(3, 4)(x, h))


def test_a_state_on_another_device_is_refused_as_torch_refuses_it() -> None:
    x, h = zeros(5, 2, 3), zeros(1, 2, 4, device="meta")
    assert failure(lambda: Recurrent("gru", 3, 4)(x, h)) == failure(lambda: nn.GRU(3, 4)(x, h))


def test_a_state_of_the_wrong_kind_says_what_it_should_be() -> None:
    h, x = zeros(1, 2, 4), zeros(5, 2, 3)
    with pytest.raises(TypeError, match=r"hx should be a Tensor, got: tuple"):
        Recurrent("gru", 3, 4)(x, (h,))
    with pytest.raises(TypeError, match=r"hx should be a tuple of 2 Tensors \(h, c\), got: Tensor"):
        Recurrent("lstm", 3, 4)(x, h)
    with pytest.raises(ValueError, match=r"hx should be a tuple of 2 Tensors \(h, c\), got 3"):
        Recurrent("lstm", 3, 4)(x, (h, h, h))
    with pytest.raises(
        RuntimeError, match=r"not the same dtype, found input tensor with dtype torch.float32"
    ):
        Recurrent("gru", 3, 4)(x, h.double())


def test_dropout_with_one_layer_warns_as_torch_warns() -> None:
    with pytest.warns(UserWarning) as ours:
        Recurrent("gru", 3, 4, dropout=0.5)
    with pytest.warns(UserWarning) as torchs:
        nn.GRU(3, 4, dropout=0.5)
    assert str(ours[0].message) == str(torchs[0].message)
    assert ours[0].filename == __file__


PACKED: dict[str, tuple[int, tuple[int, ...]]] = {  # width of x, shape of h
    "width": (4, (1, 2, 4)),
    "batch": (3, (1, 3, 4)),
    "no batch": (3, (2, 4)),
}


@pytest.mark.parametrize("kind", PACKED)
def test_a_bad_packed_input_is_refused_as_torch_refuses_it(kind: str) -> None:
    width, shape = PACKED[kind]
    x, h = pack_sequence([zeros(5, width), zeros(4, width)]), zeros(shape)
    assert failure(lambda: Recurrent("gru", 3, 4)(x, h)) == failure(lambda: nn.GRU(3, 4)(x, h))
    with pytest.raises(RuntimeError, match="Expected"):
        Recurrent("lstm", 3, 4)(x, (h, h))  # torch's does not look


def test_a_bad_state_of_two_directions_is_refused_as_torch_refuses_it() -> None:
    ours, theirs = Recurrent("gru", 3, 4, 2, bidirectional=True), nn.GRU(3, 4, 2, bidirectional=True)
    assert failure(lambda: ours(zeros(5, 2, 3), zeros(2, 2, 4))) == failure(
        lambda: theirs(zeros(5, 2, 3), zeros(2, 2, 4))
    )


def test_what_is_not_there_says_so() -> None:
    with pytest.raises(ValueError, match="reset is for padded input"):
        Recurrent("gru", 3, 4)(pack_sequence([zeros(5, 3)]), reset=zeros(5, 1, dtype=torch.bool))  # type: ignore[call-overload]
    with pytest.raises(RuntimeError, match="a bidirectional layer has no single steps"):
        Recurrent("gru", 3, 4, bidirectional=True).step(zeros(2, 3))
    with pytest.raises(ValueError, match=r"proj_size=2: a cell has one width .* nn.Linear after the layer"):
        Recurrent("lstm", 3, 4, proj_size=2)


def test_a_cell_or_an_engine_that_is_none_is_named() -> None:
    with pytest.raises(CellError, match="no library cell 'gruu'.*did you mean 'gru'"):
        Recurrent("gruu", 3, 4)
    with pytest.raises(TypeError, match="cell should be a Cell or the name of a library cell, got: int"):
        Recurrent(7, 3, 4)  # type: ignore[arg-type]
    with pytest.raises(
        ValueError, match=r"no engine 'interprete' \(known: interpreter.*; did you mean 'interpreter'"
    ):
        Recurrent("gru", 3, 4, engine="interprete")


def test_without_biases_a_cell_with_a_bias_number_is_refused() -> None:
    with pytest.raises(ValueError, match="bias=False, but cell 'lstm_b' has a linear with bias=1"):
        Recurrent("lstm_b", 3, 4, bias=False)
    none = Cell.parse("cell none(x, h):\n    h' = tanh(linear(x, bias=none) + linear(h, bias=0))")
    assert [name for name, _ in Recurrent(none, 3, 4, bias=False).named_parameters() if "bias" in name] == []


def test_a_reset_of_another_shape_or_type_is_refused() -> None:
    layer, x = Recurrent("gru", 3, 4, batch_first=True), zeros(2, 5, 3)
    with pytest.raises(RuntimeError, match=r"Expected reset size \(2, 5\), got \[5, 2\]"):
        layer(x, reset=zeros(5, 2, dtype=torch.bool))
    with pytest.raises(TypeError, match="reset should be a Tensor of torch.bool, got: torch.float32"):
        layer(x, reset=zeros(2, 5))


def test_a_step_of_a_sequence_is_refused() -> None:
    with pytest.raises(ValueError, match="Expected input to be 1D or 2D, got 3D instead"):
        Recurrent("gru", 3, 4).step(zeros(5, 2, 3))
    with pytest.raises(RuntimeError, match=r"For unbatched 1-D input, hx should be 2-D but got 3-D tensor"):
        Recurrent("gru", 3, 4).step(zeros(3), zeros(1, 2, 4))
