"""The exported class over a whole sequence as a graph holds it: one scan a layer and direction, so that length and batch
stay open.

A loop of Python over time would be copied into the graph as often as the example has steps.
"""

from __future__ import annotations

import types
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch._higher_order_ops.scan import scan_op
from torch.export import Dim, ExportedProgram
from torch.func import functional_call

EXAMPLE = (4, 3)
"""Time steps and batch of the example that is traced; a size of 1 would be taken for a constant."""


class OverTime(nn.Module):
    """An exported class with states given and returned as tensors of their own.

    Attributes:
        layers: Those of the exported class, whose weights keep their names.
        hidden_size: Width of every state, n.
        directions: 2 if every second layer reads backwards, else 1.
        batch_first: Whether sequences are (batch, time, width) instead of (time, batch, width).
        read: What is read is called so.
        said: What is given is called so.
    """

    read, said = "x", "output"

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        layers = module.layers
        assert isinstance(layers, nn.ModuleList)
        self.layers = layers
        self.hidden_size = int(module.hidden_size)  # type: ignore[arg-type]
        self.directions = 2 if module.bidirectional else 1
        self.batch_first = bool(module.batch_first)

    def forward(self, x: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        """Run over a sequence.

        Args:
            x: The inputs, shape (T, B, I), or (B, T, I) with batch_first.
            states: What each state starts at, shape (layers · directions, B, n).

        Returns:
            The outputs, shape (T, B, n · directions), or batch first, and every state after the last step.
        """
        steps = x.transpose(0, 1) if self.batch_first else x
        finals = []
        forwards = steps
        for index, layer in enumerate(self.layers):
            start = [state[index] for state in states]
            if index % self.directions:
                outputs, final = _scanned(layer, steps.flip(0), start)
                steps = torch.cat([forwards, outputs.flip(0)], -1)
            else:
                outputs, final = _scanned(layer, steps, start)
                forwards = outputs
                steps = outputs if self.directions == 1 else steps
            finals.append(final)
        joined = [torch.stack([final[place] for final in finals]) for place in range(len(states))]
        return steps.transpose(0, 1) if self.batch_first else steps, *joined

    def example(self, sizes: tuple[int, int], input_size: int) -> Tensor:
        """Return what is read in an example of two sizes: zeros, shape (*sizes, input_size).

        Args:
            sizes: Time and batch, or the other way round.
            input_size: Width of x.
        """
        return torch.zeros(*sizes, input_size)


def traced(model: OverTime, input_size: int, states: int) -> ExportedProgram:
    """Return the graph of a model, open in time and batch.

    Args:
        model: The model.
        input_size: Width of x.
        states: How many states the cell has.
    """
    time, batch = EXAMPLE
    shape = (len(model.layers), batch, model.hidden_size)
    example = model.example((batch, time) if model.batch_first else (time, batch), input_size)
    long, wide = Dim("time"), Dim("batch")
    open_ = ({0: wide, 1: long} if model.batch_first else {0: long, 1: wide}, ({1: wide},) * states)
    with torch.no_grad():  # otherwise scan also traces its derivative, which no consumer asks for
        given = (example, *(torch.zeros(shape) for _ in range(states)))
        return torch.export.export(model.eval(), given, dynamic_shapes=open_)


class _Step(nn.Module):
    """One time step of a layer.

    Attributes:
        layer: The layer.
        function: Its step under the name forward: of other functions traces keep no line numbers.
    """

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer
        step: Callable[..., list[Tensor]] = vars(type(layer))["step"]
        assert isinstance(step, types.FunctionType)
        self.function = types.FunctionType(step.__code__.replace(co_name="forward"), step.__globals__)

    def forward(self, x: Tensor, *state: Tensor) -> Sequence[Tensor]:
        following: Sequence[Tensor] = self.function(self.layer, x, list(state))
        return following


def _scanned(layer: nn.Module, steps: Tensor, start: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Return a layer's outputs and last states.

    This calls the operator under `torch._higher_order_ops.scan`, which asks for the weights by name and is traced in a
    tenth of the time.
    """
    count, names = len(start), [name for name, _ in layer.named_parameters()]
    step = _Step(layer)

    def combine(*given: Tensor) -> list[Tensor]:
        weights = {f"layer.{name}": weight for name, weight in zip(names, given[count + 1 :], strict=True)}
        following = functional_call(step, weights, (given[count], *given[:count]))
        # Copies, as what comes out of a scan may not be what went in, nor the same twice.
        return [*(value.clone() for value in following), following[0].clone()]

    found = scan_op(combine, tuple(start), (steps,), tuple(layer.parameters()))
    return found[count], list(found[:count])
