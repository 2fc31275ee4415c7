"""Classes of torchrecurrent 0.2.5 by name, as they are when made without options; and the three cells of torch.nn.

A class is the library's cell where that computes the same, or a text of its own in `grammars/torchrecurrent`, which says
what differs from the paper. The package itself is not needed; where it is installed, tests compare every class with it.
"""

from __future__ import annotations

from archsearch.cell import Cell, library
from archsearch.resources import grammars

OWN = ""
"""A text in `grammars/torchrecurrent`."""

CLASSES: dict[str, str] = {
    "ATRCell": OWN,
    "AntisymmetricRNNCell": OWN,
    "BRCell": "brc",
    "CFNCell": OWN,
    "coRNNCell": OWN,
    "DSGUCell": OWN,
    "FastGRNNCell": OWN,
    "FastRNNCell": OWN,
    "GatedAntisymmetricRNNCell": OWN,
    "IndRNNCell": OWN,
    "IntersectionRNNCell": "intersection_rnn",
    "JANETCell": OWN,
    "LEMCell": OWN,
    "LightRUCell": "light_ru",
    "LiGRUCell": "ligru",
    "MCLSTMCell": "mc_lstm",
    "MGUCell": "mgu",
    "MinimalRNNCell": "minimal_rnn",
    "MiRU1Cell": OWN,
    "MiRU2Cell": OWN,
    "MultiplicativeLSTMCell": OWN,
    "MUT1Cell": OWN,
    "MUT2Cell": OWN,
    "MUT3Cell": "mut3",
    "NASCell": OWN,
    "NBRCell": "nbrc",
    "OriginalLSTMCell": "lstm_no_forget",
    "PeepholeLSTMCell": "vanilla",
    "RANCell": "ran",
    "ResLSTMCell": "res_lstm",
    "SCRNCell": OWN,
    "SGRNCell": OWN,
    "SGUCell": OWN,
    "STARCell": "star",
    "tauGRUCell": "tau_gru",
    "TGRUCell": OWN,
    "TLSTMCell": OWN,
    "TRNNCell": OWN,
    "UGRNNCell": "ugrnn",
    "UnICORNNCell": OWN,
    "WMCLSTMCell": "wmclstm",
    "RNNCell": "tanh_rnn",
    "LSTMCell": "lstm",
    "GRUCell": "gru_reset_after",
}
"""Class -> the library's cell that computes the same, or OWN; the last three are of torch.nn."""

OF_TORCH = ("RNNCell", "LSTMCell", "GRUCell")


def read_class(name: str) -> Cell:
    """Return the cell of a class."""
    ours = CLASSES[name]
    package = "torch.nn" if name in OF_TORCH else "torchrecurrent 0.2.5"
    if ours != OWN:
        cell = library.load(ours)
        return cell.renamed(name, [*cell.note, f"{package} calls it {name}; it is the library's {ours}."])
    path = grammars() / "torchrecurrent" / f"{name}.cell"
    cell = Cell.parse(path.read_text(encoding="utf-8"), path.name)
    return cell.renamed(name, [*cell.note, f"{package} calls it {name}."])
