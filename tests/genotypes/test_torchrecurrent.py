"""The imported classes of torchrecurrent against the package itself, made without options, with copied weights."""

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from archsearch.cell import library
from archsearch.compiler import Recurrent
from archsearch.genotypes import import_cell
from archsearch.genotypes.torchrecurrent import CLASSES, OF_TORCH
from archsearch.resources import grammars
from tests.cell.letters import letters, randomised
from tests.helpers.documents import document
from tests.helpers.twins import Values, Weights, filled, gates, rows, run, run_twin

WIDTH, BATCH, STEPS = 5, 2, 4
ZERO = np.zeros(WIDTH)
NEAR, NEAR_IN_FLOAT32 = 1e-12, 1e-7

OURS = [name for name in CLASSES if name not in OF_TORCH]
AS_WIDE = {"IntersectionRNNCell"}  # reads x itself
DECOUPLED = {"IntersectionRNNCell", "MCLSTMCell", "TLSTMCell"}  # return an output that is no state
HARD = {
    "SGUCell",
    "DSGUCell",
}  # the derivative of torch's own hard sigmoid is a sixth in float32, in float64 too
SCALARS = {
    "FastRNNCell",
    "FastGRNNCell",
}  # the lines a and b learn one number, where ours learn one for each unit


def same_gates(order: str) -> Callable[[Weights], Values]:
    return lambda w: gates(w, order)


def strongly_typed(w: Weights) -> Values:
    """x of the step before is read through the states p, q and r."""
    return {
        "weight_ih": rows(w, "W_{}x", "zfo"),
        "weight_hh": rows(w, "W_{}x", "pqr"),
        "bias_ih": rows(w, "b_{}", "zfo"),
    }


def simple_gated(w: Weights) -> Values:
    return {
        "weight_ih": rows(w, "W_{}x", "gv"),
        "weight_hh": rows(w, "W_{}h", "gv"),
        "bias_ih": np.concatenate([w.b_gx, w.b_v]),
        "bias_hh": np.concatenate([w.b_gh, ZERO]),
    }


# Their weights by their own names, out of ours; weights not given are zero.
WEIGHTS: dict[str, Callable[[Weights], Values]] = {
    "AntisymmetricRNNCell": lambda w: {"weight_ih": w.W_nx, "bias_ih": w.b_n, "weight_hh": w.W_wh},
    "ATRCell": lambda w: {"weight_ih": w.W_px, "bias_ih": w.b_p, "weight_hh": w.W_qh, "bias_hh": w.b_q},
    "BRCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "ach"),
        "weight_hh": rows(w, "p_{}", "ac"),
        "bias_ih": rows(w, "b_{}", "ach"),
    },
    "CFNCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "teh"),
        "weight_hh": rows(w, "W_{}h", "te"),
        "bias_ih": rows(w, "b_{}", "teh"),
    },
    "coRNNCell": lambda w: {**gates(w, "n"), "weight_ch": w.W_nc},
    "DSGUCell": lambda w: {**simple_gated(w), "weight_ho": w.W_nh},
    "FastGRNNCell": lambda w: {
        "weight_ih": w.W_vx,
        "weight_hh": w.W_vh,
        "bias_ih": rows(w, "p_{}", "zn"),
        "zeta": w.p_a[:1],
        "nu": w.p_b[:1],
    },
    "FastRNNCell": lambda w: {**gates(w, "n"), "alpha": w.p_a[:1], "beta": w.p_b[:1]},
    "GatedAntisymmetricRNNCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "zn"),
        "weight_hh": w.W_wh,
        "bias_ih": rows(w, "b_{}", "zn"),
    },
    "IndRNNCell": lambda w: {"weight_ih": w.W_hx, "bias_ih": w.b_h, "vector_u": w.p_h},
    "IntersectionRNNCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "angu"),
        "weight_hh": rows(w, "W_{}s", "angu"),
        "bias_ih": rows(w, "b_{}", "angu"),
    },
    "JANETCell": lambda w: {**gates(w, "sn"), "beta": np.array(1.0)},
    "LEMCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "abmn"),
        "weight_hh": rows(w, "W_{}h", "abm"),
        "weight_ch": w.W_nc,
        "bias_ih": rows(w, "b_{}", "abmn"),
    },
    "LightRUCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "nf"),
        "weight_hh": w.W_fh,
        "bias_ih": rows(w, "b_{}", "nf"),
    },
    "LiGRUCell": same_gates("zn"),
    "MCLSTMCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "fiomn"),
        "weight_hh": rows(w, "W_{}v", "fiomn"),
        "bias_ih": rows(w, "b_{}", "fiomn"),
    },
    "MGUCell": same_gates("fn"),
    "MinimalRNNCell": lambda w: {
        "weight_ih": w.W_zx,
        "bias_ih": w.b_z,
        "weight_hh": w.W_uh,
        "weight_mm": w.W_uz,
        "bias_hh": w.b_u,
    },
    "MiRU1Cell": same_gates("rn"),
    "MiRU2Cell": same_gates("n"),
    "MultiplicativeLSTMCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "mifgo"),
        "weight_hh": w.W_mh,
        "weight_mh": rows(w, "W_{}m", "ifgo"),
        "bias_ih": np.concatenate([w.b_mx, rows(w, "b_{}", "ifgo")]),
        "bias_hh": w.b_mh,
    },
    "MUT1Cell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "zrn"),
        "weight_hh": rows(w, "W_{}h", "rn"),
        "bias_ih": np.concatenate([w.b_z, w.b_r, w.b_nx]),
        "bias_hh": np.concatenate([ZERO, w.b_nh]),
    },
    "MUT2Cell": same_gates("zrn"),
    "MUT3Cell": same_gates("zrn"),
    "NASCell": lambda w: gates(w, [f"o{k}" for k in range(8)]),
    "NBRCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "ach"),
        "weight_hh": rows(w, "W_{}h", "ac"),
        "bias_ih": rows(w, "b_{}", "ach"),
    },
    "OriginalLSTMCell": same_gates("igo"),
    "PeepholeLSTMCell": lambda w: {**gates(w, "ifzo"), "weight_ph": rows(w, "p_{}", "ifo")},
    "RANCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "gif"),
        "weight_hh": rows(w, "W_{}h", "if"),
        "bias_ih": rows(w, "b_{}", "if"),
    },
    "ResLSTMCell": lambda w: {
        **gates(w, "ifgo"),
        "weight_ph": rows(w, "p_{}", "ifo"),
        "weight_proj": w.W_ht,
        "weight_res": w.W_hx,
    },
    "SCRNCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "cs"),
        "weight_hh": np.concatenate([w.W_sh, w.W_hs]),
        "weight_ch": rows(w, "W_{}c", "sh"),
        "alpha": np.array(0.5),
        "bias_ih": rows(w, "b_{}", "cs"),
        "bias_hh": np.concatenate([ZERO, w.b_h]),
    },
    "SGRNCell": lambda w: {"weight_ih": w.W_px, "bias_ih": w.b_p, "weight_hh": w.W_fh, "bias_hh": w.b_f},
    "SGUCell": simple_gated,
    "STARCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "zk"),
        "weight_hh": w.W_kh,
        "bias_ih": rows(w, "b_{}", "zk"),
    },
    "tauGRUCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "uzga"),
        "weight_hh": np.concatenate([w.W_uh, w.W_zp, w.W_gh, w.W_ah]),
        "bias_ih": rows(w, "b_{}", "uzga"),
    },
    "TGRUCell": strongly_typed,
    "TLSTMCell": strongly_typed,
    "TRNNCell": lambda w: {"weight_ih": rows(w, "W_{}x", "zf"), "bias_ih": rows(w, "b_{}", "zf")},
    "UGRNNCell": same_gates("cg"),
    "UnICORNNCell": lambda w: {
        "weight_ih": w.W_cx,
        "bias_ih": w.b_c,
        "weight_hh": w.p_c,
        "weight_ch": w.p_g,
    },
    "WMCLSTMCell": lambda w: {
        "weight_ih": rows(w, "W_{}x", "ifgo"),
        "weight_hh": rows(w, "W_{}h", "ifgo"),
        "weight_mh": rows(w, "W_{}c", "ifo"),
        "bias_ih": np.concatenate([w.b_ix, w.b_fx, w.b_g, w.b_ox]),
        "bias_mh": rows(w, "b_{}c", "ifo"),
    },
}


class Delayed(nn.Module):
    """Their tau-GRU with the h of a step before as a second state, as their layer keeps it."""

    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor, state: tuple[Tensor, Tensor] | None) -> tuple[Tensor, Tensor]:
        h, d = state or (torch.zeros(BATCH, WIDTH, dtype=x.dtype),) * 2
        return self.cell(x, h, d), h


def with_one_number_a_line(layer: Recurrent) -> Recurrent:
    """Give all units one number in the lines a and b, where theirs learn one for all."""
    learned = [node for node in layer.cell.canonical().ops if node.op == "scale"]
    with torch.no_grad():
        for node in learned:
            (reader,) = layer.cell.canonical().consumers[node.handle]
            if layer.cell.canonical().node(reader).name in ("a", "b"):
                weight, _ = layer.parameters_of(node.handle)
                weight.fill_(weight[0].item())
    return layer


@pytest.mark.parametrize("name", OURS)
def test_an_imported_class_equals_the_class_in_values_and_gradients(name: str) -> None:
    package: Any = pytest.importorskip("torchrecurrent", reason="needs torchrecurrent to compare with")
    size = WIDTH if name in AS_WIDE else 3
    ours = Recurrent(import_cell(name), size, WIDTH, dtype=torch.float64, engine="interpreter")
    randomised(ours, seed=3)
    if name in SCALARS:
        with_one_number_a_line(ours)
    theirs = filled(getattr(package, name)(size, WIDTH, dtype=torch.float64), WEIGHTS[name](letters(ours)))
    x = torch.randn(STEPS, BATCH, size, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
    outputs, gradient = run(ours, x)
    same, same_gradient = run_twin(
        Delayed(theirs) if name == "tauGRUCell" else theirs, x, decoupled=name in DECOUPLED
    )
    torch.testing.assert_close(outputs, same, rtol=0, atol=NEAR)
    torch.testing.assert_close(
        gradient, same_gradient, rtol=0, atol=NEAR_IN_FLOAT32 if name in HARD else NEAR
    )


def test_every_cell_that_the_package_offers_is_in_the_table() -> None:
    package: Any = pytest.importorskip("torchrecurrent", reason="needs torchrecurrent to compare with")
    offered = {name for name in package.__all__ if name.endswith("Cell")}
    assert offered == set(CLASSES) - set(OF_TORCH)


def test_the_document_says_how_many_classes_there_are_and_which_are_in_the_library() -> None:
    section = document("docs/cell-language.md").section("Cells of others", 2)
    assert f"The language says all {len(OURS)} classes of torchrecurrent." in section
    same = {f"`{name}` ({ours})" for name, ours in CLASSES.items() if ours}
    assert set(re.findall(r"`\w+Cell` \(\w+\)", section)) == same


def test_every_text_is_listed_and_none_repeats_a_cell_of_the_library() -> None:
    texts = {path.stem for path in (grammars() / "torchrecurrent").glob("*.cell")}
    assert texts == {name for name in OURS if not CLASSES[name]}
    known = library.by_id()
    assert not {name: known[import_cell(name).id] for name in texts if import_cell(name).id in known}


@pytest.mark.parametrize(
    ("name", "ours"), [("RNNCell", "tanh_rnn"), ("LSTMCell", "lstm"), ("GRUCell", "gru_reset_after")]
)
def test_the_cells_of_torch_are_those_of_the_library_that_equal_them(name: str, ours: str) -> None:
    cell = import_cell(name)
    assert cell.id == library.load(ours).id
    assert cell.note[-1] == f"torch.nn calls it {name}; it is the library's {ours}."
