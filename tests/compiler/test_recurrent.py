"""`Recurrent`: resets, steps, states in written order, equal bits for equal ids, initial weights."""

import copy
import pickle
import sys

import pytest
import torch
from torch import Tensor
from torch.nn.utils.rnn import pack_sequence, unpack_sequence

import archsearch.compiler
from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent

SWAPPED = {
    "gru": """
cell other(input, state):
    update = sigmoid(linear(state, bias=none) + linear(input))
    unused = tanh(update)
    reset = sigmoid(linear(state, bias=none) + linear(input))
    new = tanh(linear(state * reset, bias=none) + linear(input))
    state' = update * (state - new) + new
""",
    "three": """
cell other(x, out, b, a):
    b' = tanh(linear(a) + linear(x) + b)
    a' = sigmoid(linear(out, diag=1) + scale(x)) * a
    out' = b' * a' - out
""",
}
THREE = """
cell three(x, h, a, b):
    a' = a * sigmoid(scale(x) + linear(h, diag=1))
    b' = tanh(linear(x) + linear(a) + b)
    h' = a' * b' - h
"""
WRITTEN = """
cell written(x, h, b, c):
    h' = tanh(linear(x) + linear(h) + b + c)
    b' = b + 1
    c' = sigmoid(c) * b
"""


def cell_of(name: str) -> Cell:
    return Cell.parse(THREE) if name == "three" else library.load(name)


def as_tuple(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("name", ["gru", "lstm", "mut1", "fgr"])
def test_a_reset_equals_running_the_pieces_separately(name: str, batch_first: bool) -> None:
    layer = Recurrent(name, 3, 4, num_layers=2, batch_first=batch_first, dtype=torch.float64)
    x = torch.randn(9, 2, 3, dtype=torch.float64)
    cuts = [[0, 4, 5], [2]]
    reset = torch.zeros(9, 2, dtype=torch.bool)
    start = tuple(torch.randn(2, 2, 4, dtype=torch.float64) for _ in layer.cell.states)
    for sequence, steps in enumerate(cuts):
        reset[steps, sequence] = True
    given = (x.transpose(0, 1), reset.transpose(0, 1)) if batch_first else (x, reset)
    output, state = layer(given[0], start if len(start) > 1 else start[0], reset=given[1])
    output = output.transpose(0, 1) if batch_first else output
    for sequence, steps in enumerate(cuts):
        for begin, end in zip([0, *steps], [*steps, 9], strict=True):
            own = tuple(part[:, sequence] for part in start) if begin == 0 and 0 not in steps else None
            if begin < end:
                piece, last = layer(x[begin:end, sequence], own if own is None or len(own) > 1 else own[0])
                torch.testing.assert_close(output[begin:end, sequence], piece)
        for whole, part in zip(as_tuple(state), as_tuple(last), strict=True):
            torch.testing.assert_close(whole[:, sequence], part)


def test_a_reset_stops_the_gradient_and_what_is_not_finite() -> None:
    layer = Recurrent("gru", 3, 4)
    start = torch.full((1, 2, 4), torch.inf, requires_grad=True)
    reset = torch.tensor([[True, True], [False, True]])
    output, _ = layer(torch.randn(2, 2, 3), start, reset=reset)
    output.sum().backward()
    assert output.isfinite().all()
    assert start.grad is not None and not start.grad.any()


@pytest.mark.parametrize("batched", [True, False])
@pytest.mark.parametrize("name", library.names())
def test_steps_one_by_one_equal_the_sequence(name: str, batched: bool) -> None:
    layer = Recurrent(name, 3, 4, num_layers=2, dtype=torch.float64)
    x = torch.randn(*((5, 2, 3) if batched else (5, 3)), dtype=torch.float64)
    outputs, last = layer(x)
    state = None
    for step, expected in zip(x, outputs, strict=True):
        output, state = layer.step(step, state)
        torch.testing.assert_close(output, expected)
    assert state is not None
    torch.testing.assert_close(state, last)


@pytest.mark.parametrize("name", SWAPPED)
def test_two_texts_with_one_id_train_to_the_same_bits(name: str) -> None:
    cells = [cell_of(name), Cell.parse(SWAPPED[name])]
    assert cells[0].id == cells[1].id and cells[0].text() != cells[1].text()
    layers = []
    for cell in cells:
        torch.manual_seed(3)
        layer = Recurrent(cell, 3, 4, num_layers=2)
        optimiser = torch.optim.SGD(layer.parameters(), lr=0.5)
        for _ in range(5):
            optimiser.zero_grad()
            layer(torch.randn(6, 2, 3))[0].square().mean().backward()
            optimiser.step()
        layers.append(layer)
    first, second = (layer.state_dict() for layer in layers)
    assert list(first) == list(second)
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_states_are_given_and_returned_in_written_order() -> None:
    x, h, a, b = torch.randn(6, 2, 3), *(torch.randn(1, 2, 4) for _ in range(3))
    layers = []
    for text in (THREE, SWAPPED["three"]):
        torch.manual_seed(3)
        layers.append(Recurrent(Cell.parse(text), 3, 4))
    output, (last_h, last_a, last_b) = layers[0](x, (h, a, b))
    other, states = layers[1](x, (h, b, a))
    torch.testing.assert_close((other, states), (output, (last_h, last_b, last_a)), rtol=0, atol=0)


def test_each_state_has_its_own_place() -> None:
    layer = Recurrent(Cell.parse(WRITTEN), 3, 4)
    h, b, c = (torch.randn(1, 2, 4) for _ in range(3))
    output, (last_h, last_b, last_c) = layer.step(torch.randn(2, 3), (h, b, c))
    torch.testing.assert_close(last_b, b + 1)
    torch.testing.assert_close(last_c, c.sigmoid() * b)
    torch.testing.assert_close(last_h[0], output)


@pytest.mark.parametrize("name", library.names())
def test_a_layer_has_as_many_parameters_as_the_cell_counts(name: str) -> None:
    cell = library.load(name)
    for input_size in (3, 4, 6):
        layer = Recurrent(cell, input_size, 4, num_layers=3)
        count = cell.parameter_count(4, input_size=input_size) + 2 * cell.parameter_count(4)
        assert sum(parameter.numel() for parameter in layer.parameters()) == count


def test_only_a_cell_that_reads_x_itself_gets_a_projection() -> None:
    shapes = {size: dict(Recurrent("mut1", size, 4, num_layers=2).named_parameters()) for size in (3, 4)}
    assert shapes[3]["projection_l0"].shape == (4, 3)
    assert "projection_l0" not in shapes[4] and "projection_l1" not in shapes[3]
    assert not any("projection" in name for name, _ in Recurrent("gru", 3, 4).named_parameters())


def test_without_biases_no_bias_is_there_and_the_rest_is_named_alike() -> None:
    full, bare = (dict(Recurrent("gru", 3, 4, bias=bias).named_parameters()) for bias in (True, False))
    assert set(bare) == {name for name in full if not name.startswith("bias")}
    assert sum(name.startswith("bias") for name in full) == 3


STARTS = """
cell starts(x, h, c):
    a = scale(norm(linear(h, bias=2))) + scale(c)
    c' = linear(a + c, diag=3, bias=none)
    h' = tanh(linear(x, diag=1) + c')
"""


def test_weights_start_as_the_cell_says() -> None:
    layer = Recurrent(Cell.parse(STARTS), 50, 100, dtype=torch.float64)
    layer.reset_parameters(scale=2.0)
    bound = 2 / 100**0.5
    cell = layer.cell.canonical()
    projection, _ = layer.parameters_of(cell.x.handle)
    drawn = [projection]
    for node in cell.ops:
        if not node.learns:
            continue
        weight, bias = layer.parameters_of(node.handle)
        if node.op == "linear":
            drawn.append(weight - torch.eye(100) * (node.argument("diag") or 0))
            start = node.argument("bias")
            assert (bias is None) if start is None else (bias == start).all()
        elif cell.node(node.inputs[0]).op == "norm":
            assert (weight == 1).all()
        else:
            drawn.append(weight)
    assert len(drawn) == 5
    for values in drawn:
        assert values.abs().max() <= bound * (1 + 1e-6)
        assert values.std().item() == pytest.approx(bound / 3**0.5, rel=0.2)


def test_a_scale_starts_at_the_number_that_the_cell_says_after_a_norm_too() -> None:
    text = "cell s(x, h):\n    h' = scale(linear(x), start=0) + scale(norm(h), start=0.5) + scale(norm(x)) + scale(h)\n"
    cell = Cell.parse(text).canonical()
    layer = Recurrent(cell, 4, 4)
    starts = {
        node.argument("start"): layer.parameters_of(node.handle)[0] for node in cell.ops if node.op == "scale"
    }
    assert (starts[0] == 0).all() and (starts[0.5] == 0.5).all()
    vectors = [
        weight for name, weight in layer.named_parameters() if weight.dim() == 1 and "bias" not in name
    ]
    assert sorted(len(set(vector.tolist())) for vector in vectors) == [1, 1, 1, 4]


def test_initial_numbers_depend_on_the_generator_alone() -> None:
    before = torch.random.get_rng_state()
    layers = [Recurrent("lstm", 3, 4, num_layers=2, dtype=dtype) for dtype in (torch.float32, torch.float64)]
    torch.random.set_rng_state(before)
    for layer in layers:
        layer.reset_parameters(0.7, torch.Generator().manual_seed(5))
    assert torch.equal(torch.random.get_rng_state(), before)
    single, double = (list(layer.parameters()) for layer in layers)
    assert all(torch.equal(a.double(), b) for a, b in zip(single, double, strict=True))


def test_a_layer_can_be_copied_pickled_moved_and_printed() -> None:
    layer = Recurrent("lstm", 3, 4, num_layers=2)
    layer.flatten_parameters()
    x = torch.randn(5, 2, 3)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        torch.testing.assert_close(twin(x), layer(x), rtol=0, atol=0)
    assert layer.to(torch.float64)(x.double())[0].dtype == torch.float64
    assert repr(layer) == "Recurrent(lstm, 3, 4, num_layers=2)"


def test_a_node_that_learns_nothing_has_no_parameters() -> None:
    with pytest.raises(KeyError):
        Recurrent("gru", 3, 4).parameters_of(1)


def test_an_empty_batch_runs() -> None:
    output, state = Recurrent("gru", 3, 4)(torch.zeros(5, 0, 3))
    assert output.shape == (5, 0, 4) and isinstance(state, Tensor) and state.shape == (1, 0, 4)


def test_the_compilers_names_are_lazy_and_listed() -> None:
    assert {"ENGINES", "Recurrent"} <= set(dir(archsearch.compiler))
    with pytest.raises(AttributeError, match="no attribute 'Recurent'"):
        _ = archsearch.compiler.Recurent  # type: ignore[attr-defined]
    assert sys.modules["archsearch.compiler.recurrent"].Recurrent is Recurrent


@pytest.mark.parametrize("name", ["gru", "lstm", "mut1"])
def test_two_directions_with_a_reset_equal_the_pieces(name: str) -> None:
    layer = Recurrent(name, 3, 4, 2, bidirectional=True, dtype=torch.float64)
    x = torch.randn(7, 2, 3, dtype=torch.float64)
    reset = torch.zeros(7, 2, dtype=torch.bool)
    reset[3] = True
    output, _ = layer(x, reset=reset)
    torch.testing.assert_close(output, torch.cat([layer(x[:3])[0], layer(x[3:])[0]]))


@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("name", ["mut1", "fgr", "mingru", "vanilla"])
def test_packed_sequences_equal_each_alone(name: str, bidirectional: bool, engine: str) -> None:
    layer = Recurrent(name, 3, 4, 2, bidirectional=bidirectional, dtype=torch.float64, engine=engine)
    pieces = [torch.randn(length, 3, dtype=torch.float64) for length in (2, 5, 5, 1)]
    output, state = layer(pack_sequence(pieces, enforce_sorted=False))
    for number, (own, piece) in enumerate(zip(unpack_sequence(output), pieces, strict=True)):
        expected, last = layer(piece)
        torch.testing.assert_close(own, expected)
        torch.testing.assert_close([part[:, number] for part in as_tuple(state)], list(as_tuple(last)))


def test_the_second_direction_has_weights_of_its_own() -> None:
    layer = Recurrent("mut1", 3, 4, 2, bidirectional=True)
    names = [name for name, _ in layer.named_parameters()]
    one = [name for name, _ in Recurrent("mut1", 3, 4).named_parameters()]
    assert names[: 2 * len(one)] == [*one, *(f"{name}_reverse" for name in one)]
    assert layer.get_parameter("projection_l1_reverse").shape == (4, 8)
    assert layer.parameters_of(0, 1, reverse=True)[0] is layer.get_parameter("projection_l1_reverse")
    assert "bidirectional=True" in repr(layer)
    output, state = layer(torch.zeros(5, 2, 3))
    assert output.shape == (5, 2, 8) and isinstance(state, Tensor) and state.shape == (4, 2, 4)
