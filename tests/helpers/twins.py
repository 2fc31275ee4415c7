"""A cell of another package beside ours: its weights filled with ours, both run, outputs and gradients returned."""

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from archsearch.compiler import Recurrent
from tests.cell.letters import Array

Weights = SimpleNamespace
Values = Mapping[str, Array]


def rows(w: Weights, pattern: str, lines: Iterable[str]) -> Array:
    """Stack the weights of several lines, such as `W_{}x` of the lines i, f and o, in this order."""
    return np.concatenate([vars(w)[pattern.format(line)] for line in lines])


def gates(w: Weights, order: Iterable[str]) -> Values:
    """Stack the weights of gates that each read x and h, in the order in which the other cell has them."""
    order = list(order)
    return {
        "weight_ih": rows(w, "W_{}x", order),
        "weight_hh": rows(w, "W_{}h", order),
        "bias_ih": rows(w, "b_{}", order),
    }


def filled(cell: nn.Module, values: Values) -> nn.Module:
    """Give a cell these weights by its own names, and zeros where none is given."""
    unused = dict(values)
    with torch.no_grad():
        for name, parameter in cell.named_parameters():
            parameter.copy_(torch.from_numpy(unused.pop(name, np.zeros(parameter.shape))))
    assert not unused
    return cell


def run(layer: Recurrent, x: Tensor) -> tuple[Tensor, Tensor]:
    """Return the outputs of a layer and the gradient of the sum of their squares by x."""
    x = x.clone().requires_grad_()
    outputs, _ = layer(x)
    return outputs, torch.autograd.grad(outputs.square().sum(), x)[0]


def run_twin(cell: nn.Module, x: Tensor, decoupled: bool = False) -> tuple[Tensor, Tensor]:
    """Do the same with a cell of another package, step by step; a decoupled one returns its output beside its state."""
    x = x.clone().requires_grad_()
    state: Any = None
    outputs = []
    for step in x:
        answer = cell(step, state)
        state = answer[1] if decoupled else answer
        outputs.append(answer[0] if isinstance(answer, tuple) else answer)
    stacked = torch.stack(outputs)
    return stacked, torch.autograd.grad(stacked.square().sum(), x)[0]
