"""Trains with torch's autograd and optimisers: any engine, any device, dropout."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.protocol.settings import Setting
from archsearch.tasks.task import TOLERANCE, Measure
from archsearch.training.learner import Failure
from archsearch.training.losses import LOSSES
from archsearch.training.model import Model, detached
from archsearch.training.update import BETAS, DECAY, EPSILON
from archsearch.training.windows import Batch

MOMENTS = ("step", "exp_avg", "exp_avg_sq")
"""What torch's optimisers remember of a weight, if they do."""


class TorchLearner:
    """See `learner.Learner`; it has one lane.

    Args:
        model: The model with its initial weights, on the device that computes.
        setting: Optimiser and clip.
        batch: The loss is divided by it.
        measure: What the task is scored by, which says what the loss is.

    Attributes:
        model: As given.
        clip: Largest global norm of the gradient.
        batch: As given.
        loss: Of outputs and targets at the scored positions, summed.
        weights: The model's parameters.
        optimiser: Of torch.
        state: What the last window left; None before the first.
        steps: Completed training steps.
        kept: The weights that were remembered last.
    """

    stretch = 1

    def __init__(self, model: Model, setting: Setting, batch: int, measure: Measure) -> None:
        self.model, self.clip, self.batch, self.loss = model, setting.clip, batch, LOSSES[measure]
        self.weights = list(model.parameters())
        self.optimiser = _optimiser(setting, self.weights)
        self.state: Any = None
        self.steps = 0
        self.kept: list[Tensor] = []

    def train(self, batches: Sequence[Batch], rates: Sequence[float | None]) -> dict[int, Failure]:
        """Take one step per window; see `Learner`."""
        self.optimiser.param_groups[0]["lr"] = rates[0]
        for batch in batches:
            step = self.steps + 1
            if what := self._step(batch):
                return {0: Failure(step, f"{what} at step {step}")}
            self.steps = step
        return {}

    def _step(self, batch: Batch) -> str | None:
        logits, state = self.model(batch.inputs, self.state, batch.reset)
        loss = self.loss(_scored(logits, batch), batch.targets) / self.batch
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.weights, self.clip)
        for name, value in (("loss", float(loss.detach())), ("gradient norm", float(norm))):
            if not math.isfinite(value):
                return f"{name} {value}"
        self.optimiser.step()
        self.state = detached(state)
        return None

    @torch.no_grad()
    def evaluate(self, batches: Sequence[Batch]) -> list[tuple[int, float]]:
        """Return right answers, and the loss; see `Learner`."""
        self.model.eval()
        state, right, loss = None, 0, 0.0
        for batch in batches:
            logits, state = self.model(batch.inputs, state, batch.reset)
            scored = _scored(logits, batch)
            right += int(_is_right(scored, batch).sum())
            loss += float(self.loss(scored, batch.targets))
        self.model.train()
        return [(right, loss)]

    def keep(self, lanes: Sequence[int]) -> None:
        """Remember the weights."""
        self.kept = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def restore(self) -> None:
        """Take back the weights that were remembered last."""
        for weight, kept in zip(self.weights, self.kept, strict=True):
            weight.copy_(kept)

    def model_weights(self, lane: int) -> dict[str, Tensor]:
        """Return the model's weights, in its shapes; see `Learner`."""
        return {name: weight.detach().clone() for name, weight in self.model.named_parameters()}

    def snapshot(self, lane: int) -> dict[str, Tensor]:
        """Return all that decides the steps to come, dropout's generator too; shapes as `resume` takes them."""
        tensors = {"generator": torch.get_rng_state()}
        for index, weight in enumerate(self.weights):
            tensors |= {f"weight {index}": weight.detach(), f"kept {index}": self.kept[index]}
            moments = self.optimiser.state[weight].items()
            tensors |= {f"{name} {index}": value for name, value in moments if value is not None}
        states = [self.state] if isinstance(self.state, Tensor) else self.state
        return tensors | {f"state {index}": state for index, state in enumerate(states)}

    @torch.no_grad()
    def resume(self, snapshots: Sequence[Mapping[str, Tensor]], steps: int) -> None:
        """Go on from a snapshot with the shapes that `snapshot` gives."""
        (snapshot,) = snapshots
        device = self.weights[0].device
        for index, weight in enumerate(self.weights):
            weight.copy_(snapshot[f"weight {index}"])
            moments = {name: snapshot.get(f"{name} {index}") for name in MOMENTS}
            self.optimiser.state[weight] = {
                name: moment.to(device) for name, moment in moments.items() if moment is not None
            }
        self.kept = [snapshot[f"kept {index}"].to(device) for index in range(len(self.weights))]
        count = sum(name.startswith("state ") for name in snapshot)
        states = tuple(snapshot[f"state {index}"].to(device) for index in range(count))
        self.state = states[0] if len(states) == 1 else states
        torch.set_rng_state(snapshot["generator"])
        self.steps = steps

    def close(self) -> None:
        """Do nothing: nothing outlives it."""


def _scored(logits: Tensor, batch: Batch) -> Tensor:
    """Return the logits at the scored positions, shape (scored, V)."""
    flat = logits.reshape(-1, logits.shape[-1])
    return flat if batch.scored is None else flat[batch.scored]


def _is_right(scored: Tensor, batch: Batch) -> Tensor:
    """Return where the likeliest symbol is the target, or all real targets are met; shape (scored,)."""
    if batch.targets.is_floating_point():
        met = scored[:, : batch.targets.shape[-1]]
        return ((met - batch.targets).abs() < TOLERANCE).all(-1)
    return scored.argmax(-1) == batch.targets


def _optimiser(setting: Setting, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    if setting.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=setting.rate, fused=True)
    return torch.optim.AdamW(
        weights, lr=setting.rate, betas=BETAS, eps=EPSILON, weight_decay=DECAY, fused=True
    )
