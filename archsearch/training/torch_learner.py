"""Trains with torch's autograd and optimisers: any engine, any device, dropout."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from archsearch.protocol.settings import Setting
from archsearch.training.model import Model, detached
from archsearch.training.windows import Batch


class TorchLearner:
    """See `learner.Learner`.

    Args:
        model: The model with its initial weights, on the device that computes.
        setting: Optimiser and clip.
        batch: The loss is divided by it.
    """

    stretch = 1

    def __init__(self, model: Model, setting: Setting, batch: int) -> None:
        self.model, self.clip, self.batch = model, setting.clip, batch
        self.weights = list(model.parameters())
        self.optimiser = _optimiser(setting, self.weights)
        self.state: Any = None
        self.steps = 0
        self.kept: list[Tensor] = []

    def train(self, batches: Sequence[Batch], rate: float) -> str | None:
        """Take one step per window; see `Learner`."""
        self.optimiser.param_groups[0]["lr"] = rate
        for batch in batches:
            if failure := self._step(batch):
                return f"{failure} at step {self.steps + 1}"
            self.steps += 1
        return None

    def _step(self, batch: Batch) -> str | None:
        logits, state = self.model(batch.inputs, self.state, batch.reset)
        loss = _loss(logits, batch) / self.batch
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
    def evaluate(self, batches: Sequence[Batch]) -> tuple[float, float]:
        """Return accuracy and NLL; see `Learner`."""
        self.model.eval()
        state, right, loss, count = None, 0, 0.0, 0
        for batch in batches:
            logits, state = self.model(batch.inputs, state, batch.reset)
            scored = _scored(logits, batch)
            right += int((scored.argmax(-1) == batch.targets).sum())
            loss += float(nn.functional.cross_entropy(scored, batch.targets, reduction="sum"))
            count += len(batch.targets)
        self.model.train()
        return right / count, loss / count

    def keep(self) -> None:
        """Remember the weights."""
        self.kept = [weight.detach().clone() for weight in self.weights]

    @torch.no_grad()
    def restore(self) -> None:
        """Take back the weights that were remembered last."""
        for weight, kept in zip(self.weights, self.kept, strict=True):
            weight.copy_(kept)

    def snapshot(self) -> dict[str, Tensor]:
        """Return all that decides the steps to come, dropout's generator too; see `Learner`."""
        found = {"generator": torch.get_rng_state()}
        for index, weight in enumerate(self.weights):
            found |= {f"weight {index}": weight.detach(), f"kept {index}": self.kept[index]}
            found |= {
                f"{name} {index}": value
                for name, value in self.optimiser.state[weight].items()
                if value is not None
            }
        single = isinstance(self.state, Tensor)
        found |= {f"state {index}": part for index, part in enumerate([self.state] if single else self.state)}
        return found

    @torch.no_grad()
    def resume(self, snapshot: dict[str, Tensor], steps: int) -> None:
        """Go on from a snapshot; see `Learner`."""
        device = self.weights[0].device
        moments = ("step", "exp_avg", "exp_avg_sq")
        for index, weight in enumerate(self.weights):
            weight.copy_(snapshot[f"weight {index}"])
            of = {
                name: snapshot[f"{name} {index}"].to(device)
                for name in moments
                if f"{name} {index}" in snapshot
            }
            self.optimiser.state[weight] = of
        self.kept = [snapshot[f"kept {index}"].to(device) for index in range(len(self.weights))]
        count = sum(name.startswith("state ") for name in snapshot)
        states = tuple(snapshot[f"state {index}"].to(device) for index in range(count))
        self.state = states[0] if len(states) == 1 else states
        torch.set_rng_state(snapshot["generator"])
        self.steps = steps


def _scored(logits: Tensor, batch: Batch) -> Tensor:
    flat = logits.reshape(-1, logits.shape[-1])
    return flat if batch.scored is None else flat[batch.scored]


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    return nn.functional.cross_entropy(_scored(logits, batch), batch.targets, reduction="sum")


def _optimiser(setting: Setting, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    if setting.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=setting.rate, fused=True)
    return torch.optim.AdamW(weights, lr=setting.rate, fused=True)
