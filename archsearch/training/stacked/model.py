"""A stack of whole models: embedding, layers of one cell, output layer and optimiser, a lane for each trial."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import torch
from torch import Tensor

from archsearch.cell import Cell
from archsearch.compiler.program.program import program
from archsearch.compiler.stacked.dialects import dialect_for
from archsearch.compiler.stacked.lanes import Widths
from archsearch.compiler.stacked.layer import Dialect, Layer
from archsearch.compiler.stacked.precision import choose_precision
from archsearch.compiler.stacked.shape import lanes, padded
from archsearch.training.learner import Failure
from archsearch.training.stacked.cuda_graph import Repeated, on_stream
from archsearch.training.stacked.dropout import Dropout
from archsearch.training.stacked.head import OutputLayer
from archsearch.training.stacked.layout import StackLayout
from archsearch.training.stacked.optimiser import Standing
from archsearch.training.stacked.parts import parts_of
from archsearch.training.stacked.windows import TakenWindow, WindowTable, runs
from archsearch.training.windows import Batch


@dataclass(frozen=True, slots=True)
class StepKind:
    """What a step does.

    Attributes:
        steps: How many time steps its window has.
        learns: Whether it trains, or judges.
        resets: Whether sequences begin within its window.
    """

    steps: int
    learns: bool
    resets: bool


@dataclass(frozen=True, slots=True)
class Lane:
    """What is a lane's own.

    Attributes:
        n: Its width.
        clip: Largest global norm of the gradient.
        dropout: Probability of zeroing an output of a layer.
        seed: Of dropout.
    """

    n: int
    clip: float
    dropout: float = 0.0
    seed: int = 0


EMPTY = Lane(1, 1.0)
"""A lane that nobody needs; it is frozen from the start."""


class StackedModel:
    """See `training.model.Model` for what each lane computes.

    Args:
        cell: Any cell.
        symbols: Size of the alphabet, V.
        needed: The lanes that are; all of one padded width.
        layers: How many.
        batch: B of every window.
        adaptive: AdamW, else SGD.
        dtype: float32 or float64.
        device: A CPU or a CUDA device.
        dialect: What kernels are compiled in; the device's own if None.
        count: Lanes in all; as many as `shape` says if None, which is what decides the bits of records.

    Attributes:
        device: Where all tensors lie.
        needed: As given.
        batch: As given.
        program: The cell's.
        layout: Where parameters lie in a row of a flat buffer.
        flat: All weights, shape (R, P).
        gradient: Their gradients, alike.
        kept: The weights that each lane remembered last, alike.
        weights: Views of the weights, by the layout's names, each (R, …).
        gradients: Views of the gradients, alike.
        per_layer: What each layer learns, and its gradients.
        output: The output layer.
        output_gradient: Its gradient.
        widths: The true widths of the lanes.
        dropout: Of the outputs of the layers.
        dialect: What kernels are compiled in.
        standing: How each lane stands.
        parts: What a step has beside its layers, in the dialect.
        optimiser: Moves the weights.
        head: Computes the output layer with its losses.
        layers_by_steps: Time steps -> the layers for windows of so many.
        tables: Windows that wait on the device for steps of a kind.
        repeated: The steps of a kind, which on CUDA become a graph.
        carried: The states that training goes on with, shape (layers, states, R, B, H).
        judged: Those of an evaluation, alike.
        score: Right answers and summed NLL of an evaluation, shape (R, 2).
        steps: Training steps so far.
    """

    def __init__(
        self,
        cell: Cell,
        symbols: int,
        needed: Sequence[Lane],
        layers: int,
        batch: int,
        adaptive: bool,
        dtype: torch.dtype = torch.float32,
        device: str = "cpu",
        dialect: Dialect | None = None,
        count: int | None = None,
    ) -> None:
        width, count = padded(needed[0].n), count or lanes(needed[0].n)
        fits = len(needed) <= count and all(padded(lane.n) == width for lane in needed)
        assert fits, "these lanes are of several stacks"
        self.device, self.needed, self.batch = torch.device(device), list(needed), batch
        choose_precision(self.device)
        every = [*needed, *[EMPTY] * (count - len(needed))]
        self.program = program(cell.canonical())
        self.layout = StackLayout(self.program, symbols, width, layers)
        self.flat = torch.zeros(count, self.layout.size, dtype=dtype, device=self.device)
        self.gradient, self.kept = torch.zeros_like(self.flat), torch.zeros_like(self.flat)
        self.weights, self.gradients = self.layout.views(self.flat), self.layout.views(self.gradient)
        self.per_layer = [
            (self.layout.layer(self.weights, layer), self.layout.layer(self.gradients, layer))
            for layer in range(layers)
        ]
        self.output, self.output_gradient = (
            OutputLayer(views["weight"], views["bias"]) for views in (self.weights, self.gradients)
        )
        self.widths = Widths.of([lane.n for lane in every], width, dtype, self.device)
        self.dropout = Dropout([lane.seed for lane in every], [lane.dropout for lane in every], self.flat)
        self.dialect = dialect or dialect_for(self.flat)
        self.standing = Standing(
            rates=self._column([0.0] * count),
            clips=self._column([lane.clip for lane in every]),
            alive=torch.tensor([[lane is not EMPTY] for lane in every], device=self.device),
            failed=torch.zeros(count, 3, dtype=torch.float64, device=self.device),
            count=torch.zeros(1, dtype=torch.float64, device=self.device),
        )
        self.parts = parts_of(self.dialect)
        self.optimiser = self.parts.optimiser(
            self.flat, adaptive, self.standing, self.layout.reached(self.flat)
        )
        self.head = self.parts.head(symbols, batch, len(needed))
        self.layers_by_steps: dict[int, list[Layer]] = {}
        self.tables: dict[StepKind, WindowTable] = {}
        self.repeated: dict[StepKind, Repeated] = {}
        shape = layers, len(self.program.cell.state_nodes), count, batch, width
        self.carried, self.judged = (torch.zeros(shape, dtype=dtype, device=self.device) for _ in range(2))
        self.score = torch.zeros(count, 2, dtype=torch.float64, device=self.device)
        self.steps = 0

    def _column(self, numbers: Sequence[float]) -> Tensor:
        return torch.tensor(numbers, dtype=self.flat.dtype, device=self.device).view(-1, 1)

    # -- what a learner asks for --------------------------------------------------------------------------------------

    @torch.no_grad()
    def load(self, lane: int, weights: Mapping[str, Tensor]) -> None:
        """Take over the weights of a torch model, named and shaped as there."""
        for name, view in self.named(lane).items():
            view.copy_(weights[name])
        self.layout.share(self.weights)

    def memory(self, lane: int) -> dict[str, Tensor]:
        """Return views of what decides a lane's steps to come, besides their number.

        Those are its weights and moments, shape (P,), and its states, shape (layers, states, B, H).
        """
        moments = {f"moment {index}": moment[lane] for index, moment in enumerate(self.optimiser.moments)}
        return {
            "weights": self.flat[lane],
            "kept": self.kept[lane],
            "carried": self.carried[:, :, lane],
            **moments,
        }

    @torch.no_grad()
    def resume(self, memories: Sequence[Mapping[str, Tensor]], steps: int) -> None:
        """Take over what lanes had in memory after so many steps, with the shapes of `memory`."""
        self.steps = steps
        self.standing.count.fill_(steps)
        for lane, memory in enumerate(memories):
            for name, view in self.memory(lane).items():
                view.copy_(memory[name])

    def named(self, lane: int, gradients: bool = False) -> dict[str, Tensor]:
        """Return views of a lane's weights, or of its last gradients, named and shaped as in the torch model."""
        return dict(
            self.layout.named(self.gradients if gradients else self.weights, lane, self.needed[lane].n)
        )

    @torch.no_grad()
    def train(self, windows: Sequence[Batch], rates: Sequence[float]) -> dict[int, Failure]:
        """Take one step per window in all lanes that are alive, going on with the states that the last call left.

        Args:
            windows: The data, the same for all lanes.
            rates: The learning rate of each lane.

        Returns:
            Which lanes failed, and why; they are frozen, with the weights that they had before that step.
        """
        before = self.standing.alive.clone()
        self.standing.rates[: len(rates)] = self._column(rates)
        with on_stream(self.device):
            for steps, some in runs(windows):
                self._repeat(steps, True, some)
        self.steps += len(windows)
        lost = (before & ~self.standing.alive).flatten().tolist()
        return {lane: self._failure(lane) for lane, gone in enumerate(lost) if gone}

    @torch.no_grad()
    def evaluate(self, windows: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return for each lane how many answers are right and the summed NLL in nats, the state carried over from zero."""
        self.judged.zero_()
        self.score.zero_()
        with on_stream(self.device):
            for steps, some in runs(windows):
                self._repeat(steps, False, some)
        return [(int(right), nll) for right, nll in self.score[: len(self.needed)].tolist()]

    @torch.no_grad()
    def keep(self, chosen: Sequence[int]) -> None:
        """Remember the weights of some lanes."""
        mask = torch.zeros(len(self.flat), dtype=torch.bool)
        mask[list(chosen)] = True
        self.kept.copy_(torch.where(mask.view(-1, 1).to(self.device), self.flat, self.kept))

    @torch.no_grad()
    def restore(self) -> None:
        """Take back the weights that each lane remembered last."""
        self.flat.copy_(self.kept)

    @torch.no_grad()
    def freeze(self, lane: int) -> None:
        """Let a lane learn no more."""
        self.standing.alive[lane] = False

    def close(self) -> None:
        """Let go of what was captured, all of it before another model captures anything."""
        for repeated in self.repeated.values():
            repeated.drop()
        self.repeated.clear()  # each knows the model, whose memory would wait for the garbage collector

    # -- one step -----------------------------------------------------------------------------------------------------

    def _repeat(self, steps: int, learns: bool, windows: Sequence[Batch]) -> None:
        """Put windows of so many steps on the device, and run a step for each."""
        kind = StepKind(steps, learns, any(window.reset is not None for window in windows))
        if kind not in self.tables:
            self.tables[kind] = self.parts.windows((steps, self.batch), self.layout.symbols, self.device)
            self.repeated[kind] = Repeated(partial(self._learn if learns else self._judge, kind), self.device)
        if steps not in self.layers_by_steps:
            shape = len(self.flat), steps, self.batch, self.layout.width
            self.layers_by_steps[steps] = [
                Layer(self.program, self.dialect, shape, inputs=shape[3], widths=self.widths, like=self.flat)
                for _ in self.per_layer
            ]
        self.tables[kind].fill(windows)
        for _ in windows:
            self.repeated[kind]()

    def _learn(self, kind: StepKind) -> None:
        """Take a training step with the next window; everything that changes, changes in place."""
        window, x = self._next(kind)
        self.standing.count.add_(1)
        layers = self.layers_by_steps[kind.steps]
        drop = [
            self.dropout.dropped(site, self.standing.count, layer.shape) for site, layer in enumerate(layers)
        ]
        for site, layer in enumerate(layers):
            weights, states = self.per_layer[site][0], self.carried[site]
            x, last = layer.forward(weights, x, x, states.unbind(0), window.reset)
            torch.stack(last, out=states)
            x = self.dropout.apply(x, drop[site])
        top = x.flatten(1, 2)
        losses, dtop = self.head.learn(top, self.output, self.output_gradient, window.targets, window.scored)
        delta = dtop.view(x.shape)
        for site in reversed(range(len(layers))):
            delta = self.dropout.apply(delta, drop[site])
            dlast = [None] * len(self.program.cell.state_nodes)
            dx, dwide, _ = layers[site].backward(*self.per_layer[site], delta, dlast, window.reset)
            delta = dx if dwide is None else dx + dwide
        self.tables[kind].embedding_gradient(window, delta, self.gradients["embedding"])
        self._update(losses)

    def _judge(self, kind: StepKind) -> None:
        """Add the next window's right answers and NLL to the score."""
        window, x = self._next(kind)
        for site, layer in enumerate(self.layers_by_steps[kind.steps]):
            states = self.judged[site]
            x, last = layer.forward(self.per_layer[site][0], x, x, states.unbind(0), window.reset)
            torch.stack(last, out=states)
        self.head.judge(x.flatten(1, 2), self.output, window.targets, window.scored, self.score)

    def _next(self, kind: StepKind) -> tuple[TakenWindow, Tensor]:
        """Return the next window, with resets if there are any, and what the first layer reads, shape (R, T, B, H)."""
        window, x = self.tables[kind].take(self.weights["embedding"])
        return window if kind.resets else replace(window, reset=None), x

    def _update(self, losses: Tensor) -> None:
        """Move the weights; what maps add to the gradient of a matrix that they share is added up first."""
        self.layout.add_up(self.gradients)
        self.optimiser.update(self.gradient, losses)
        self.layout.share(self.weights)

    def _failure(self, lane: int) -> Failure:
        """Return when and why a lane was frozen, in the words of the other learners."""
        step, loss, norm = self.standing.failed[lane].tolist()
        what, value = ("gradient norm", norm) if math.isfinite(loss) else ("loss", loss)
        return Failure(int(step), f"{what} {value} at step {int(step)}")
