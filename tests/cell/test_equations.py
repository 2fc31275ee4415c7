"""The library's cells against their papers' equations, written once more in numpy.

A weight is named as in the papers: W_ix is the matrix from x into i, W_ih that from h, b_i the bias of i, p_i a
peephole or other learned vector, P the projection of x where a cell reads x itself.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from archsearch.cell import library
from archsearch.compiler import Recurrent
from tests.cell.later_equations import LATER
from tests.cell.letters import letters, randomised, state_of, vectors_of

Weights = SimpleNamespace
Vector = np.ndarray[Any, np.dtype[np.float64]]
States = tuple[Vector, ...]
Function = Callable[[Vector], Vector]

INPUT, WIDTH, STEPS = 3, 5, 4
ONES = np.ones(WIDTH)


def sigmoid(a: Vector) -> Vector:
    return 1 / (1 + np.exp(-a))


def relu(a: Vector) -> Vector:
    return np.maximum(a, 0)


def narrow(w: Weights, gate: str, x: Vector, h: Vector) -> Vector:
    """x + W h + b of one gate: the twins that read x itself."""
    own = vars(w)
    result: Vector = w.P @ x + own[f"W_{gate}h"] @ h + own[f"b_{gate}"]
    return result


def net(w: Weights, gate: str, x: Vector, h: Vector) -> Vector:
    """W x + W h + b of one gate: the sum that nearly every gate in the literature begins with."""
    own = vars(w)
    result: Vector = own[f"W_{gate}x"] @ x + own[f"W_{gate}h"] @ h + own[f"b_{gate}"]
    return result


def tanh_rnn(w: Weights, x: Vector, h: Vector) -> States:
    return (np.tanh(w.W_hx @ x + w.W_hh @ h + w.b_h),)


def lstm(without: str, o_gate: Function, w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    """Jozefowicz et al. 2015; `without` names a gate that is 1. Their i and j are g and i here."""
    i = ONES if without == "i" else sigmoid(net(w, "i", x, h))
    f = ONES if without == "f" else sigmoid(net(w, "f", x, h))
    o = ONES if without == "o" else o_gate(net(w, "o", x, h))
    c = c * f + np.tanh(net(w, "g", x, h)) * i
    return np.tanh(c) * o, c


def lstm_x(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    i, f, o = (sigmoid(narrow(w, gate, x, h)) for gate in "ifo")
    c = f * c + i * np.tanh(narrow(w, "g", x, h))
    return o * np.tanh(c), c


def gru_x(w: Weights, x: Vector, h: Vector) -> States:
    r, z = sigmoid(narrow(w, "r", x, h)), sigmoid(narrow(w, "z", x, h))
    return (z * h + (1 - z) * np.tanh(narrow(w, "n", x, r * h)),)


def mgu_x(w: Weights, x: Vector, h: Vector) -> States:
    f = sigmoid(narrow(w, "f", x, h))
    return ((1 - f) * h + f * np.tanh(narrow(w, "n", x, f * h)),)


def gru(w: Weights, x: Vector, h: Vector) -> States:
    r = sigmoid(w.W_rx @ x + w.W_rh @ h + w.b_r)
    z = sigmoid(w.W_zx @ x + w.W_zh @ h + w.b_z)
    n = np.tanh(w.W_nx @ x + w.W_nh @ (r * h) + w.b_n)
    return (z * h + (1 - z) * n,)


def gru_reset_after(w: Weights, x: Vector, h: Vector) -> States:
    r = sigmoid(w.W_rx @ x + w.W_rh @ h + w.b_r)
    z = sigmoid(w.W_zx @ x + w.W_zh @ h + w.b_z)
    n = np.tanh(w.W_nx @ x + w.b_nx + r * (w.W_nh @ h + w.b_nh))
    return ((1 - z) * n + z * h,)


def mut1(w: Weights, x: Vector, h: Vector) -> States:
    z = sigmoid(w.W_zx @ x + w.b_z)
    r = sigmoid(w.W_rx @ x + w.W_rh @ h + w.b_r)
    return (np.tanh(w.W_nh @ (r * h) + np.tanh(w.P @ x) + w.b_n) * z + h * (1 - z),)


def mut2(w: Weights, x: Vector, h: Vector) -> States:
    z = sigmoid(w.W_zx @ x + w.W_zh @ h + w.b_z)
    r = sigmoid(w.P @ x + w.W_rh @ h + w.b_r)
    return (np.tanh(w.W_nh @ (r * h) + w.W_nx @ x + w.b_n) * z + h * (1 - z),)


def mut3(w: Weights, x: Vector, h: Vector) -> States:
    z = sigmoid(w.W_zx @ x + w.W_zh @ np.tanh(h) + w.b_z)
    r = sigmoid(w.W_rx @ x + w.W_rh @ h + w.b_r)
    return (np.tanh(w.W_nh @ (r * h) + w.W_nx @ x + w.b_n) * z + h * (1 - z),)


def greff(variant: str, w: Weights, x: Vector, y: Vector, c: Vector) -> States:
    """Greff et al. 2017: the block and its variants; i and f peep at the old c, o at the new one."""

    def gate(letter: str, cell: Vector) -> Vector:
        peephole = 0 if variant == "np" else vars(w)[f"p_{letter}"] * cell
        return sigmoid(net(w, letter, x, y) + peephole)

    z = net(w, "z", x, y) if variant == "niaf" else np.tanh(net(w, "z", x, y))
    i = ONES if variant == "nig" else gate("i", c)
    f = ONES if variant == "nfg" else 1 - i if variant == "cifg" else gate("f", c)
    c = z * i + c * f
    o = ONES if variant == "nog" else gate("o", c)
    return (c if variant == "noaf" else np.tanh(c)) * o, c


def fgr(w: Weights, x: Vector, y: Vector, c: Vector, i: Vector, f: Vector, o: Vector) -> States:
    """Greff et al. 2017 with full gate recurrence: every gate also reads i, f and o of the step before."""
    z = np.tanh(net(w, "z", x, y))
    into_i = w.W_rii @ i + w.W_rif @ f + w.W_rio @ o
    into_f = w.W_rfi @ i + w.W_rff @ f + w.W_rfo @ o
    into_o = w.W_roi @ i + w.W_rof @ f + w.W_roo @ o
    i = sigmoid(net(w, "i", x, y) + w.p_i * c + into_i)
    f = sigmoid(net(w, "f", x, y) + w.p_f * c + into_f)
    c = z * i + c * f
    o = sigmoid(net(w, "o", x, y) + w.p_o * c + into_o)
    return np.tanh(c) * o, c, i, f, o


def lstm_1997(w: Weights, x: Vector, y: Vector, s: Vector) -> States:
    """Hochreiter and Schmidhuber 1997: s(t) = s(t-1) + y_in g(net_c), y_c = y_out h(s)."""
    y_in = sigmoid(w.W_ix @ x + w.W_iy @ y + w.b_i)
    y_out = sigmoid(w.W_ox @ x + w.W_oy @ y + w.b_o)
    s = s + y_in * (4 * sigmoid(w.W_gx @ x + w.W_gy @ y) - 2)
    return y_out * (2 * sigmoid(s) - 1), s


def ugrnn(w: Weights, x: Vector, h: Vector) -> States:
    c, g = np.tanh(net(w, "c", x, h)), sigmoid(net(w, "g", x, h))
    return (g * h + (1 - g) * c,)


def mgu(w: Weights, x: Vector, h: Vector) -> States:
    f = sigmoid(net(w, "f", x, h))
    return ((1 - f) * h + f * np.tanh(w.W_nx @ x + w.W_nh @ (f * h) + w.b_n),)


def janet(w: Weights, x: Vector, h: Vector) -> States:
    f, g = sigmoid(net(w, "f", x, h)), np.tanh(net(w, "g", x, h))
    return (f * h + (1 - f) * g,)


def minimal_rnn(w: Weights, x: Vector, h: Vector) -> States:
    z = np.tanh(w.W_zx @ x + w.b_z)
    u = sigmoid(w.W_uh @ h + w.W_uz @ z + w.b_u)
    return (u * h + (1 - u) * z,)


def mingru(w: Weights, x: Vector, h: Vector) -> States:
    z = sigmoid(w.W_zx @ x + w.b_z)
    return ((1 - z) * h + z * (w.W_nx @ x + w.b_n),)


def indrnn(w: Weights, x: Vector, h: Vector) -> States:
    return (relu(w.W_hx @ x + w.p_h * h + w.b_h),)


def steps(pairs: str, w: Weights, x: Vector, h: Vector) -> States:
    """The cells of DARTS and ENAS, from their pairs "predecessor activation"; without biases."""
    numbers = [int(word) for word in pairs.split()]
    activations = (np.tanh, relu, sigmoid, lambda a: a)
    own = vars(w)
    s = [h + sigmoid(w.W_c0x @ x + w.W_c0h @ h) * (np.tanh(w.W_t0x @ x + w.W_t0h @ h) - h)]
    for step, (p, act) in enumerate(zip(numbers[::2], numbers[1::2], strict=True), start=1):
        gate, candidate = own[f"W_s{step}s{p}"], own[f"V_s{step}s{p}"]
        s.append(s[p] + sigmoid(gate @ s[p]) * (activations[act](candidate @ s[p]) - s[p]))
    return (np.mean(s[1:], axis=0),)


def nas_zoph(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    own = vars(w)
    a = [own[f"W_o{k}x"] @ x + own[f"b_o{k}"] for k in range(8)]
    m = [own[f"W_o{k}h"] @ h for k in range(8)]
    o0, o2, o5, o7 = (sigmoid(a[k] + m[k]) for k in (0, 2, 5, 7))
    o1, o3 = relu(a[1] + m[1]), relu(a[3] * m[3])
    o4, o6 = np.tanh(a[4] + m[4]), np.tanh(a[6] + m[6])
    l1, l2, l3, l4 = np.tanh(o0 * o1), np.tanh(o2 + o3), np.tanh(o4 * o5), sigmoid(o6 + o7)
    c = np.tanh(l1 + c) * l2
    return np.tanh(c * np.tanh(l3 + l4)), c


EQUATIONS: dict[str, Callable[..., States]] = {
    "tanh_rnn": tanh_rnn,
    "lstm": partial(lstm, "", sigmoid),
    "lstm_tanh_gate": partial(lstm, "", np.tanh),
    "lstm_b": partial(lstm, "", sigmoid),
    "lstm_no_forget": partial(lstm, "f", sigmoid),
    "lstm_no_input": partial(lstm, "i", sigmoid),
    "lstm_no_output": partial(lstm, "o", sigmoid),
    "gru": gru,
    "gru_x": gru_x,
    "mgu_x": mgu_x,
    "lstm_x": lstm_x,
    "gru_reset_after": gru_reset_after,
    "mut1": mut1,
    "mut2": mut2,
    "mut3": mut3,
    **{name: partial(greff, name) for name in ("vanilla", "nig", "nfg", "nog", "niaf", "noaf", "cifg", "np")},
    "fgr": fgr,
    "lstm_1997": lstm_1997,
    "ugrnn": ugrnn,
    "mgu": mgu,
    "janet": janet,
    "minimal_rnn": minimal_rnn,
    "darts_v2": partial(steps, "0 2 1 1 1 1 1 3 2 0 5 2 3 0 5 1"),
    "enas": partial(steps, "0 2 1 0 2 1 2 2 4 0 5 0 3 2 6 2"),
    "nas_zoph": nas_zoph,
    "mingru": mingru,
    "indrnn": indrnn,
    **LATER,
}


def test_every_library_cell_has_its_equations_here() -> None:
    assert sorted(EQUATIONS) == sorted(library.names())


@pytest.mark.parametrize("input_size", [3, WIDTH, 8])
@pytest.mark.parametrize("name", EQUATIONS)
def test_a_cell_computes_the_equations_of_its_paper(name: str, input_size: int) -> None:
    cell = library.load(name)
    layer = randomised(Recurrent(cell, input_size, WIDTH, dtype=torch.float64), seed=1)
    w = letters(layer)
    rng = np.random.default_rng(2)
    states: States = tuple(rng.uniform(-1, 1, WIDTH) for _ in cell.states)
    compiled = state_of(states)
    for _ in range(STEPS):
        x = rng.uniform(-1, 1, input_size)
        states = EQUATIONS[name](w, x, *states)
        _, compiled = layer.step(torch.from_numpy(x), compiled)
        for ours, theirs in zip(vectors_of(compiled), states, strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)


def test_the_forget_gates_of_lstm_b_and_janet_start_open() -> None:
    for name in ("lstm_b", "janet"):
        w = letters(Recurrent(library.load(name), INPUT, WIDTH))
        assert (w.b_f == 1).all() and (w.b_g == 0).all()


def test_only_s_carries_error_back_in_lstm_1997() -> None:
    layer = Recurrent(library.load("lstm_1997"), INPUT, WIDTH, dtype=torch.float64)
    h, s = (torch.randn(1, WIDTH, dtype=torch.float64).requires_grad_() for _ in range(2))
    output, _ = layer(torch.randn(STEPS, INPUT, dtype=torch.float64), (h, s))
    to_h, to_s = torch.autograd.grad(output.sum(), (h, s), allow_unused=True)
    assert to_h is None or not to_h.any()
    assert to_s is not None and to_s.all()
