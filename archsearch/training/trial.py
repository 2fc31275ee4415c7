"""Runs one trial: trains a cell on a task under one setting, and returns its score, curve and cost."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import msgspec
import torch
from torch import Tensor, nn

from archsearch.cell import Cell
from archsearch.protocol.records import Outcome, Trial, Validation
from archsearch.protocol.seeds import seed_of
from archsearch.protocol.settings import Setting
from archsearch.protocol.units import model_parameters, units
from archsearch.training.model import Model, detached
from archsearch.training.schedule import SCHEDULES
from archsearch.training.windows import Batch, Streams

Alive = Callable[[int], None]
"""Called with the training step now and then, as a sign of life."""


PULSE = 5.0
"""Seconds between two signs of life, at least."""


class Diverged(Exception):
    """The loss, the gradient or a validation is not finite."""


def run_trial(trial: Trial, cell: Cell, streams: Streams, alive: Alive = lambda step: None) -> Outcome:
    """Return the outcome of a trial: a pure function of its record on one engine and machine.

    Args:
        trial: The record.
        cell: The cell that the record names.
        streams: The data of the task that the record names, on the device that computes.
        alive: Told the step every few seconds, as a sign of life.
    """
    started = time.perf_counter()
    with torch.random.fork_rng(devices=[]):  # dropout draws from torch's own generator, which is put back afterwards
        training = _Training(trial, cell, streams)
        torch.manual_seed(training.seed)
        try:
            training.run(_throttled(alive))
            failure = None
        except Diverged as error:
            failure = str(error)
        return training.outcome(failure, time.perf_counter() - started)


def _throttled(alive: Alive) -> Alive:
    """Return `alive` as a call that may be made at every step."""
    told = time.monotonic()

    def now_and_then(step: int) -> None:
        nonlocal told
        if time.monotonic() - told >= PULSE:
            told = time.monotonic()
            alive(step)

    return now_and_then


class _Training:
    def __init__(self, trial: Trial, cell: Cell, streams: Streams) -> None:
        self.trial, self.streams = trial, streams
        setting, task = trial.setting, streams.task
        self.n = units(cell, task.symbols, setting.layers, setting.budget)
        self.parameters = model_parameters(cell, self.n, task.symbols, setting.layers)
        words = str(tuple(setting.as_dict().values()))
        self.seed = seed_of("init", trial.cell, trial.task, words, trial.seed, trial.init_draw)
        generator = torch.Generator().manual_seed(self.seed)
        self.model = Model(cell, task.symbols, self.n, setting, generator).to(streams.device)
        self.weights = list(self.model.parameters())
        self.optimiser = _optimiser(setting, self.weights)
        self.curve: list[Validation] = []
        self.step = 0
        self.best: Validation | None = None
        self.best_weights: list[Tensor] = []

    def run(self, alive: Alive) -> None:
        """Train to the end of the budget, of the schedule, or to the accuracy that ends the trial."""
        trial, state = self.trial, None
        rate = SCHEDULES[trial.schedule](trial.setting.rate)
        for batch in self.streams.take("train", trial.seed, trial.batch, trial.unroll, trial.steps):
            state = self.train(batch, state)
            self.step += 1
            alive(self.step)
            if self.step % trial.epoch_steps == 0 or self.step == trial.steps:
                improved = self.validate()
                if trial.stop_at is not None and self.curve[-1].accuracy >= trial.stop_at:
                    return
                following = rate(improved)
                if following is None:
                    return
                self.optimiser.param_groups[0]["lr"] = following

    def train(self, batch: Batch, state: Any) -> Any:
        """Take one training step and return the state that the next window begins with."""
        logits, state = self.model(batch.inputs, state, batch.reset)
        loss = _loss(logits, batch) / self.trial.batch
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.weights, self.trial.setting.clip)
        if not math.isfinite(float(loss.detach())):
            raise Diverged(f"loss {float(loss.detach())} at step {self.step + 1}")
        if not math.isfinite(float(norm)):
            raise Diverged(f"gradient norm {float(norm)} at step {self.step + 1}")
        self.optimiser.step()
        return detached(state)

    def validate(self) -> bool:
        """Add a point to the curve; return whether it is the best so far."""
        accuracy, nll = self.evaluate("valid")
        if not math.isfinite(nll):
            raise Diverged(f"validation NLL {nll} at step {self.step}")
        self.curve.append(Validation(self.step, accuracy, nll))
        improved = self.best is None or self.quality(self.curve[-1]) > self.quality(self.best)
        if improved:
            self.best = self.curve[-1]
            self.best_weights = [weight.detach().clone() for weight in self.weights]
        return improved

    def quality(self, point: Validation) -> float:
        """Return what is larger for the better of two validations."""
        return point.accuracy if self.trial.measure == "accuracy" else -point.nll

    @torch.no_grad()
    def evaluate(self, split: str) -> tuple[float, float]:
        """Return accuracy and NLL on the fixed set of a split, the state carried over from zero."""
        self.model.eval()
        state, right, loss, count = None, 0, 0.0, 0
        for batch in self.streams.take(split, 0, self.trial.batch, self.trial.unroll, self.trial.validation):
            logits, state = self.model(batch.inputs, state, batch.reset)
            scored = _scored(logits, batch)
            right += int((scored.argmax(-1) == batch.targets).sum())
            loss += float(nn.functional.cross_entropy(scored, batch.targets, reduction="sum"))
            count += len(batch.targets)
        self.model.train()
        return right / count, loss / count

    def outcome(self, failure: str | None, seconds: float) -> Outcome:
        """Return what the trial came to; a trial that only filters reads no test set."""
        outcome = Outcome(
            "diverged", steps=self.step, units=self.n, parameters=self.parameters, curve=tuple(self.curve), seconds=seconds
        )
        best = self.best
        if failure is not None or best is None:
            return msgspec.structs.replace(outcome, reason=failure or "no validation")
        score = best.accuracy if self.trial.measure == "accuracy" else best.nll
        outcome = msgspec.structs.replace(
            outcome, status="done", score=score, accuracy=best.accuracy, nll=best.nll, best_step=best.step
        )
        return outcome if self.trial.stop_at is not None else self.tested(outcome)

    @torch.no_grad()
    def tested(self, outcome: Outcome) -> Outcome:
        """Add the test set's figures at the best validation, where they are finite."""
        for weight, best in zip(self.weights, self.best_weights, strict=True):
            weight.copy_(best)
        accuracy, nll = self.evaluate("test")
        return msgspec.structs.replace(outcome, test_accuracy=accuracy, test_nll=nll if math.isfinite(nll) else None)


def _scored(logits: Tensor, batch: Batch) -> Tensor:
    flat = logits.reshape(-1, logits.shape[-1])
    return flat if batch.scored is None else flat[batch.scored]


def _loss(logits: Tensor, batch: Batch) -> Tensor:
    return nn.functional.cross_entropy(_scored(logits, batch), batch.targets, reduction="sum")


def _optimiser(setting: Setting, weights: list[nn.Parameter]) -> torch.optim.Optimizer:
    if setting.optimiser == "sgd":
        return torch.optim.SGD(weights, lr=setting.rate, fused=True)
    return torch.optim.AdamW(weights, lr=setting.rate, fused=True)
