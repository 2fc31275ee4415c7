"""The library's cells against the same cells of the PyPI package torchrecurrent, with copied weights."""

from collections.abc import Callable
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torchrecurrent
from torch import nn

from archsearch.cell import Cell, library
from archsearch.compiler import Recurrent
from tests.cell.letters import Array, letters, randomised
from tests.helpers.twins import Values, Weights, filled, gates, run, run_twin

WIDTH, BATCH, STEPS = 5, 2, 4
ZERO, IDENTITY = np.zeros(WIDTH), np.eye(WIDTH)
OPEN = np.full(WIDTH, 1e3)  # the bias of a gate that is 1 to the last bit


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


def stacked(w: Weights, x: str, h: str = "", biases: str = "") -> Values:
    """Stack matrices on x, matrices on h, and biases by their names after the letter, `0` for zeros; all in their order."""
    own = vars(w)

    def joined(letter: str, names: str, zero: Array) -> Array:
        return np.concatenate([zero if name == "0" else own[f"{letter}_{name}"] for name in names.split()])

    found = {"weight_ih": joined("W", x, ZERO)}
    found |= {"weight_hh": joined("W", h, ZERO)} if h else {}
    return found | ({"bias_ih": joined("b", biases, ZERO)} if biases else {})


def diagonal(w: Weights, gates: str) -> Weights:
    """Return weights in which the vectors of gates stand as diagonal matrices on h, and no gate has a peephole."""
    own = {name: value for name, value in vars(w).items() if not name.startswith("p_")}
    vectors = {gate: vars(w).get(f"p_{gate}h", vars(w).get(f"p_{gate}")) for gate in gates}
    peepholes = {f"p_{gate}": vars(w)[f"p_{gate}c"] for gate in gates if f"p_{gate}c" in vars(w)}
    return SimpleNamespace(**own, **{f"W_{gate}h": np.diag(of) for gate, of in vectors.items()}, **peepholes)


def paralstm(w: Weights) -> Values:
    """ParaLSTM takes in where f does not forget: 1 - sigmoid(a) is sigmoid(-a)."""
    own = vars(diagonal(w, "fzo"))
    takes = {"W_ix": -own["W_fx"], "W_ih": -own["W_fh"], "b_i": -own["b_f"], "p_i": -own["p_f"]}
    return peephole(SimpleNamespace(**own, **takes))


def simple_gated(w: Weights) -> Values:
    """SGU and DSGU, which have biases on both sides."""
    return {**stacked(w, "ex zx", "sh zh", "e z"), "bias_hh": np.concatenate([w.b_s, ZERO])}


def wmclstm(w: Weights) -> Values:
    own = vars(w)
    return {
        **stacked(w, "ix fx gx ox", "ih fh gh oh", "ix fx g ox"),
        "weight_mh": np.concatenate([own[f"W_{gate}c"] for gate in "ifo"]),
        "bias_mh": np.concatenate([own[f"b_{gate}c"] for gate in "ifo"]),
    }


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
    "indylstm": ("PeepholeLSTMCell", {}, lambda w: peephole(diagonal(w, "ifgo"), "g")),
    "paralstm": ("PeepholeLSTMCell", {}, paralstm),
    "brc": (
        "BRCell",
        {},
        lambda w: {**stacked(w, "ax cx hx", "", "a c h"), "weight_hh": np.concatenate([w.p_a, w.p_c])},
    ),
    "nbrc": ("NBRCell", {}, lambda w: stacked(w, "ax cx hx", "ah ch", "a c h")),
    "cfn": ("CFNCell", {}, lambda w: stacked(w, "thetax etax gx", "thetah etah", "theta eta 0")),
    "cornn": (
        "coRNNCell",
        {"dt": 0.05, "gamma": 1.0, "epsilon": 1.0},
        lambda w: {**stacked(w, "nx", "nh", "n"), "weight_ch": w.W_nc},
    ),
    "ligru": ("LiGRUCell", {}, lambda w: gates(w, "zn")),
    "star": ("STARCell", {}, lambda w: stacked(w, "zx kx", "kh", "z k")),
    "ran": ("RANCell", {}, lambda w: stacked(w, "gx ix fx", "ih fh", "i f")),
    "atr": ("ATRCell", {}, lambda w: stacked(w, "px", "qh", "p")),
    "light_ru": ("LightRUCell", {}, lambda w: stacked(w, "nx fx", "fh", "n f")),
    "multiplicative_lstm": (
        "MultiplicativeLSTMCell",
        {},
        lambda w: {
            **stacked(w, "mx ix fx gx ox", "mh", "0 i f g o"),
            "weight_mh": np.concatenate([w.W_im, w.W_fm, w.W_gm, w.W_om]),
        },
    ),
    "sgrn": ("SGRNCell", {}, lambda w: stacked(w, "ex", "fh", "e")),
    "unicornn": (
        "UnICORNNCell",
        {"dt": 0.1, "alpha": 1.0},
        lambda w: {**stacked(w, "nx", "", "n"), "weight_hh": w.p_n, "weight_ch": w.p_pace},
    ),
    "wmclstm": ("WMCLSTMCell", {}, wmclstm),
    "res_lstm": (
        "ResLSTMCell",
        {},
        lambda w: {**peephole(w, "g"), "weight_proj": w.W_ht, "weight_res": w.W_hx},
    ),
    "sgu": ("SGUCell", {"gate_nonlinearity": "sigmoid"}, simple_gated),
    "dsgu": (
        "DSGUCell",
        {"gate_nonlinearity": "sigmoid", "output_nonlinearity": "sigmoid"},
        lambda w: {**simple_gated(w), "weight_ho": w.W_nh},
    ),
}


def twin(kind: str, options: dict[str, object], values: Values, input_size: int) -> nn.Module:
    """Return a cell of torchrecurrent with these weights."""
    return filled(getattr(torchrecurrent, kind)(input_size, WIDTH, dtype=torch.float64, **options), values)


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
