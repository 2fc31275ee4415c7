"""Which weights of torch's own layers are which of ours."""

from collections.abc import Iterator
from itertools import product

import torch
from torch import Tensor, nn

from archsearch.cell import Cell, Node
from archsearch.compiler import Recurrent

# our cell -> torch's layer, and the order of the gates in its weights
THEIRS: dict[str, tuple[type[nn.RNNBase], str]] = {
    "tanh_rnn": (nn.RNN, "h"),
    "lstm": (nn.LSTM, "ifgo"),
    "gru_reset_after": (nn.GRU, "rzn"),
}


def pairs(name: str, ours: Recurrent, theirs: nn.RNNBase) -> Iterator[tuple[Tensor, Tensor, slice]]:
    """Yield each parameter of ours, the parameter of theirs that holds it, and its rows there."""
    cell, width = ours.cell.canonical(), ours.hidden_size
    for layer, reverse in product(range(ours.num_layers), (False, True)[: 1 + ours.bidirectional]):
        for node in cell.ops:
            if not node.learns:
                continue
            gate = THEIRS[name][1].index(_gate(cell, node))
            side = "ih" if node.inputs == (cell.x.handle,) else "hh"
            for kind, parameter in zip(
                ("weight", "bias"), ours.parameters_of(node.handle, layer, reverse), strict=True
            ):
                if parameter is not None:
                    rows = slice(gate * width, (gate + 1) * width)
                    yield (
                        parameter,
                        getattr(theirs, f"{kind}_{side}_l{layer}{'_reverse' if reverse else ''}"),
                        rows,
                    )


@torch.no_grad()
def copy_weights(name: str, ours: Recurrent, theirs: nn.RNNBase) -> None:
    """Copy our weights into torch's layer; of its two biases per gate, one that we do not have is 0."""
    for parameter in theirs.parameters():
        parameter.zero_()
    for own, their, rows in pairs(name, ours, theirs):
        own.uniform_(-0.6, 0.6)
        their[rows] = own


def _gate(cell: Cell, node: Node) -> str:
    """Return the name of the line that a linear stands in."""
    while not node.name and node.handle not in cell.next:
        node = cell.node(cell.consumers[node.handle][0])
    return node.name or cell.states[cell.next.index(node.handle)]
