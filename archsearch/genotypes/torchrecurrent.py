"""Classes of torchrecurrent 0.2.5 by name, as they are when made without options; and the three cells of torch.nn.

A class is the library's cell where that computes the same, or a text of its own in `grammars/torchrecurrent`, which says
what differs from the paper. The package itself is not needed; where it is installed, tests compare every class with it.
"""

from __future__ import annotations

from dataclasses import dataclass

from archsearch.cell import Cell, library
from archsearch.errors import CellError
from archsearch.resources import grammars


@dataclass(frozen=True)
class RecurrentClass:
    """What a class is in the language.

    Attributes:
        library: The library's cell that computes the same; empty where it has a text of its own.
        beyond: What the language cannot say of it; empty where it can.
    """

    library: str = ""
    beyond: str = ""


OWN = RecurrentClass()
"""A text in `grammars/torchrecurrent`."""

TIED = "it takes the transpose of a matrix from that matrix, and each linear map has a matrix of its own"

CLASSES = {
    "ATRCell": OWN,
    "AntisymmetricRNNCell": RecurrentClass(beyond=TIED),
    "BRCell": RecurrentClass(library="brc"),
    "CFNCell": OWN,
    "coRNNCell": OWN,
    "DSGUCell": OWN,
    "FastGRNNCell": OWN,
    "FastRNNCell": OWN,
    "GatedAntisymmetricRNNCell": RecurrentClass(beyond=TIED),
    "IndRNNCell": OWN,
    "IntersectionRNNCell": RecurrentClass(library="intersection_rnn"),
    "JANETCell": OWN,
    "LEMCell": OWN,
    "LightRUCell": RecurrentClass(library="light_ru"),
    "LiGRUCell": RecurrentClass(library="ligru"),
    "MCLSTMCell": RecurrentClass(library="mc_lstm"),
    "MGUCell": RecurrentClass(library="mgu"),
    "MinimalRNNCell": RecurrentClass(library="minimal_rnn"),
    "MiRU1Cell": OWN,
    "MiRU2Cell": OWN,
    "MultiplicativeLSTMCell": OWN,
    "MUT1Cell": OWN,
    "MUT2Cell": OWN,
    "MUT3Cell": RecurrentClass(library="mut3"),
    "NASCell": OWN,
    "NBRCell": RecurrentClass(library="nbrc"),
    "OriginalLSTMCell": RecurrentClass(library="lstm_no_forget"),
    "PeepholeLSTMCell": RecurrentClass(library="vanilla"),
    "RANCell": RecurrentClass(library="ran"),
    "ResLSTMCell": RecurrentClass(library="res_lstm"),
    "SCRNCell": OWN,
    "SGRNCell": OWN,
    "SGUCell": OWN,
    "STARCell": RecurrentClass(library="star"),
    "tauGRUCell": RecurrentClass(library="tau_gru"),
    "TGRUCell": OWN,
    "TLSTMCell": OWN,
    "TRNNCell": OWN,
    "UGRNNCell": RecurrentClass(library="ugrnn"),
    "UnICORNNCell": OWN,
    "WMCLSTMCell": RecurrentClass(library="wmclstm"),
    "RNNCell": RecurrentClass(library="tanh_rnn"),
    "LSTMCell": RecurrentClass(library="lstm"),
    "GRUCell": RecurrentClass(library="gru_reset_after"),
}
"""Class -> what it is; the last three are of torch.nn."""

OF_TORCH = ("RNNCell", "LSTMCell", "GRUCell")


def read_class(name: str) -> Cell:
    """Return the cell of a class.

    Raises:
        CellError: The language cannot say it.
    """
    row = CLASSES[name]
    if row.beyond:
        raise CellError(f"{name} is no cell of the language: {row.beyond}")
    package = "torch.nn" if name in OF_TORCH else "torchrecurrent 0.2.5"
    if row.library:
        cell = library.load(row.library)
        return cell.renamed(
            name, [*cell.note, f"{package} calls it {name}; it is the library's {row.library}."]
        )
    path = grammars() / "torchrecurrent" / f"{name}.cell"
    cell = Cell.parse(path.read_text(encoding="utf-8"), path.name)
    return cell.renamed(name, [*cell.note, f"{package} calls it {name}."])
