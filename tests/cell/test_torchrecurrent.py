"""The library's cells against the same cells of the PyPI package torchrecurrent, with copied weights."""

from collections.abc import Callable, Iterable, Mapping
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchrecurrent
from torch import Tensor, nn

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from tests.cell.letters import Array, letters, randomised

WIDTH, BATCH, STEPS = 5, 2, 4
ZERO, IDENTITY = np.zeros(WIDTH), np.eye(WIDTH)
OPEN = np.full(WIDTH, 1e3)  # the bias of a gate that is 1 to the last bit

Weights = SimpleNamespace
Values = Mapping[str, Array]


def gates(w: Weights, order: Iterable[str]) -> Values:
    """Stack the weights of gates that each read x and h, in the order in which the other cell has them."""
    own = vars(w)
    return {
        "weight_ih": np.concatenate([own[f"W_{gate}x"] for gate in order]),
        "weight_hh": np.concatenate([own[f"W_{gate}h"] for gate in order]),
        "bias_ih": np.concatenate([own[f"b_{gate}"] for gate in order]),
    }


def peephole(w: Weights, candidate: str = "z") -> Values:
    """Stack the weights of i, f, the candidate and o, with gates that are always open for those we lack."""
    own = vars(w)
    full = SimpleNamespace(**own)
    for gate in "ifo":
        if f"W_{gate}x" not in own:
            vars(full).update({f"W_{gate}x": np.zeros_like(own[f"W_{candidate}x"]), f"b_{gate}": OPEN})
            vars(full)[f"W_{gate}h"] = np.zeros_like(IDENTITY)
    peepholes = np.concatenate([own.get(f"p_{gate}", ZERO) for gate in "ifo"])
    return {**gates(full, f"if{candidate}o"), "weight_ph": peepholes}


def coupled(w: Weights) -> Values:
    """CIFG as a PeepholeLSTM: 1 - sigmoid(a) is sigmoid(-a)."""
    forget = {f"W_f{operand}": -vars(w)[f"W_i{operand}"] for operand in "xh"}
    return peephole(SimpleNamespace(**vars(w), **forget, b_f=-w.b_i, p_f=-w.p_i))


def minimal_rnn(w: Weights) -> Values:
    return {"weight_ih": w.W_zx, "bias_ih": w.b_z, "weight_hh": w.W_uh, "weight_mm": w.W_uz, "bias_hh": w.b_u}


def mingru(w: Weights) -> Values:
    """A TRNN whose gate forgets where minGRU's takes in: 1 - sigmoid(a) is sigmoid(-a)."""
    return {"weight_ih": np.concatenate([w.W_nx, -w.W_zx]), "bias_ih": np.concatenate([w.b_n, -w.b_z])}


def mut1(w: Weights) -> Values:
    """Their MUT1 has a matrix where the paper has x: with the identity in it, it is the paper's."""
    return {
        "weight_ih": np.concatenate([w.W_zx, w.W_rx, IDENTITY]),
        "bias_ih": np.concatenate([w.b_z, w.b_r, ZERO]),
        "weight_hh": np.concatenate([w.W_rh, w.W_nh]),
        "bias_hh": np.concatenate([ZERO, w.b_n]),
    }


def mut2(w: Weights) -> Values:
    """Their MUT2 has a matrix where the paper has x: with the identity in it, it is the paper's."""
    return gates(SimpleNamespace(**vars(w), W_rx=IDENTITY), "zrn")


# Our cell: theirs, the options it is made with, and its weights by its own names; weights not given are zero.
TWINS: dict[str, tuple[str, dict[str, object], Callable[[Weights], Values]]] = {
    "ugrnn": ("UGRNNCell", {}, lambda w: gates(w, "cg")),
    "mgu": ("MGUCell", {}, lambda w: gates(w, "fn")),
    "janet": ("JANETCell", {}, lambda w: gates(w, "fg")),  # with their threshold beta at 0
    "minimal_rnn": ("MinimalRNNCell", {}, minimal_rnn),
    "indrnn": (
        "IndRNNCell",
        {"nonlinearity": "relu"},
        lambda w: {"weight_ih": w.W_hx, "bias_ih": w.b_h, "vector_u": w.p_h},
    ),
    "mingru": ("TRNNCell", {}, mingru),
    "mut1": ("MUT1Cell", {}, mut1),
    "mut2": ("MUT2Cell", {}, mut2),
    "mut3": ("MUT3Cell", {}, lambda w: gates(w, "zrn")),
    "lstm_no_forget": ("OriginalLSTMCell", {}, lambda w: gates(w, "igo")),
    "lstm": ("PeepholeLSTMCell", {}, lambda w: peephole(w, "g")),
    "lstm_no_input": ("PeepholeLSTMCell", {}, lambda w: peephole(w, "g")),
    "lstm_no_output": ("PeepholeLSTMCell", {}, lambda w: peephole(w, "g")),
    "vanilla": ("PeepholeLSTMCell", {}, peephole),
    "nig": ("PeepholeLSTMCell", {}, peephole),
    "nfg": ("PeepholeLSTMCell", {}, peephole),
    "nog": ("PeepholeLSTMCell", {}, peephole),
    "cifg": ("PeepholeLSTMCell", {}, coupled),
}


def twin(kind: str, options: dict[str, object], values: Values, input_size: int) -> nn.Module:
    """Return a cell of torchrecurrent with these weights."""
    cell: nn.Module = getattr(torchrecurrent, kind)(input_size, WIDTH, dtype=torch.float64, **options)
    unused = dict(values)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            parameter.copy_(torch.from_numpy(unused.pop(name, np.zeros(parameter.shape))))
    assert not unused
    return cell


@pytest.mark.parametrize("name", TWINS)
def test_a_cell_equals_its_twin_in_values_and_gradients(name: str) -> None:
    kind, options, values = TWINS[name]
    input_size = WIDTH if name in ("mut1", "mut2") else 3
    ours = randomised(Recurrent(library.load(name), input_size, WIDTH, dtype=torch.float64), seed=3)
    theirs = twin(kind, options, values(letters(ours)), input_size)
    x = torch.randn(STEPS, BATCH, input_size, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    torch.testing.assert_close(run(ours, x), run_twin(theirs, x), rtol=0, atol=1e-12)


def test_nas_zoph_is_its_twin_but_for_o3_where_the_twin_adds() -> None:
    ours = library.load("nas_zoph")
    added = Cell.parse(ours.text().replace("linear(x) * linear(h", "linear(x) + linear(h"))
    x = torch.randn(STEPS, BATCH, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    for cell, same in ((ours, False), (added, True)):
        layer = randomised(Recurrent(cell, 3, WIDTH, dtype=torch.float64), seed=3)
        theirs = twin("NASCell", {}, gates(letters(layer), [f"o{k}" for k in range(8)]), 3)
        assert torch.allclose(run(layer, x)[0], run_twin(theirs, x)[0], rtol=0, atol=1e-12) is same


def run(layer: Recurrent, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs of a layer and the gradient of the sum of their squares by x."""
    x = x.clone().requires_grad_()
    outputs, _ = layer(x)
    return outputs, torch.autograd.grad(outputs.square().sum(), x)[0]


def run_twin(cell: nn.Module, x: Tensor) -> tuple[Tensor, Tensor]:
    """Do the same with a cell of torchrecurrent, step by step."""
    x = x.clone().requires_grad_()
    state, outputs = None, []
    for step in x:
        state = cell(step, state)
        outputs.append(state[0] if isinstance(state, tuple) else state)
    stacked = torch.stack(outputs)
    return stacked, torch.autograd.grad(stacked.square().sum(), x)[0]
