"""With copied weights our cells are torch's own layers: outputs, states and every gradient."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

from archsearch.compiler import Recurrent
from tests.compiler.torch_weights import THEIRS, copy_weights, pairs

WIDTH, STEPS, BATCH = 5, 4, 3
TOLERANCE = {torch.float64: 1e-10, torch.float32: 1e-5}


def as_tuple(state: Tensor | tuple[Tensor, ...]) -> tuple[Tensor, ...]:
    return state if isinstance(state, tuple) else (state,)


@given(
    name=st.sampled_from(sorted(THEIRS)),
    input_size=st.sampled_from([3, WIDTH, 8]),
    layers=st.integers(1, 3),
    batch_first=st.booleans(),
    batched=st.booleans(),
    with_state=st.booleans(),
    bias=st.booleans(),
    bidirectional=st.booleans(),
    dtype=st.sampled_from(sorted(TOLERANCE, key=str)),
    seed=st.integers(0, 2**32 - 1),
)
def test_our_cells_equal_torchs_layers(
    name: str,
    input_size: int,
    layers: int,
    batch_first: bool,
    batched: bool,
    with_state: bool,
    bias: bool,
    bidirectional: bool,
    dtype: torch.dtype,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    options = {
        "num_layers": layers,
        "batch_first": batch_first,
        "bias": bias,
        "bidirectional": bidirectional,
        "dtype": dtype,
    }
    ours = Recurrent(name, input_size, WIDTH, **options)
    theirs = THEIRS[name][0](input_size, WIDTH, **options)
    copy_weights(name, ours, theirs)
    lead = ((BATCH, STEPS) if batch_first else (STEPS, BATCH)) if batched else (STEPS,)
    x = torch.randn(*lead, input_size, dtype=dtype, requires_grad=True)
    levels = 2 * layers if bidirectional else layers
    shape = (levels, BATCH, WIDTH) if batched else (levels, WIDTH)
    start = [torch.randn(shape, dtype=dtype, requires_grad=True) for _ in ours.cell.states if with_state]
    hx = (tuple(start) if len(start) > 1 else start[0]) if start else None
    results = []
    for layer in (ours, theirs):
        output, state = layer(x, hx)
        values = (output, *as_tuple(state))
        generator = torch.Generator().manual_seed(1)
        loss = sum((v * torch.randn(v.shape, generator=generator)).sum() for v in values)
        results.append((*values, *torch.autograd.grad(loss, [x, *start], retain_graph=True)))
        loss.backward()
    tolerance = {"rtol": TOLERANCE[dtype], "atol": TOLERANCE[dtype]}
    torch.testing.assert_close(*results, **tolerance)
    for own, their, rows in pairs(name, ours, theirs):
        torch.testing.assert_close(own.grad, their.grad[rows], **tolerance)


@given(
    name=st.sampled_from(sorted(THEIRS)),
    layers=st.integers(1, 2),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=5),
    with_state=st.booleans(),
    bidirectional=st.booleans(),
    ordered=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
def test_packed_sequences_run_as_in_torchs_layers(
    name: str,
    layers: int,
    lengths: list[int],
    with_state: bool,
    bidirectional: bool,
    ordered: bool,
    seed: int,
) -> None:
    torch.manual_seed(seed)
    options = {"num_layers": layers, "bidirectional": bidirectional, "dtype": torch.float64}
    ours, theirs = Recurrent(name, 3, WIDTH, **options), THEIRS[name][0](3, WIDTH, **options)
    copy_weights(name, ours, theirs)
    lengths = sorted(lengths, reverse=True) if ordered else lengths
    x = torch.randn(max(lengths), len(lengths), 3, dtype=torch.float64, requires_grad=True)
    shape = (layers * (1 + bidirectional), len(lengths), WIDTH)
    start = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for _ in ours.cell.states if with_state
    ]
    hx = (tuple(start) if len(start) > 1 else start[0]) if start else None
    results = []
    for layer in (ours, theirs):
        output, state = layer(pack_padded_sequence(x, torch.tensor(lengths), enforce_sorted=ordered), hx)
        padded, found = pad_packed_sequence(output)
        assert found.tolist() == lengths
        values = (padded, *as_tuple(state))
        generator = torch.Generator().manual_seed(1)
        loss = sum((v * torch.randn(v.shape, generator=generator)).sum() for v in values)
        results.append((*values, *torch.autograd.grad(loss, [x, *start], retain_graph=True)))
        loss.backward()
    torch.testing.assert_close(*results, rtol=1e-10, atol=1e-10)
    for own, their, rows in pairs(name, ours, theirs):
        torch.testing.assert_close(own.grad, their.grad[rows], rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("name", THEIRS)
def test_dropout_acts_between_layers_while_training_only(name: str) -> None:
    ours = Recurrent(name, 3, WIDTH, num_layers=2, dropout=1.0)
    theirs = THEIRS[name][0](3, WIDTH, num_layers=2, dropout=1.0)
    copy_weights(name, ours, theirs)
    x = torch.randn(STEPS, BATCH, 3)
    torch.testing.assert_close(ours(x), theirs(x))
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x))
    assert not torch.equal(ours(x)[0], ours.train()(x)[0])
