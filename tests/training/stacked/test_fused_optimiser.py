"""The update in two launches gives what plain torch gives: weights, moments, and which lanes are frozen, when and why."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archsearch.training.stacked.fused_optimiser import FusedOptimiser
from archsearch.training.stacked.optimiser import StackOptimiser, Standing
from tests.helpers import interpreted

pytestmark = interpreted.QUIET
LANES, SIZE = 4, 3 * 1024 + 128
"""The last tile is not full, and most of the sums have none."""


def standing() -> Standing:
    return Standing(
        rates=torch.tensor([[0.01], [0.02], [0.03], [0.01]]),
        clips=torch.tensor([[1.0], [1e9], [0.1], [1.0]]),
        alive=torch.tensor([[True], [True], [True], [False]]),
        failed=torch.zeros(LANES, 3, dtype=torch.float64),
        count=torch.zeros(1, dtype=torch.float64),
    )


def updated(kind: type[StackOptimiser], adaptive: bool) -> tuple[list[Tensor], Standing, Tensor]:
    """Return weights and moments after four updates, two of which lose a lane, how lanes stand, and the first weights."""
    generator = torch.Generator().manual_seed(0)
    flat = torch.randn(LANES, SIZE, generator=generator)
    before, lanes = flat.clone(), standing()
    reached = (torch.rand(SIZE, generator=generator) < 0.9).float()
    optimiser = kind(flat, adaptive, lanes, reached)
    for step in range(4):
        lanes.count.add_(1)
        gradient = torch.randn(LANES, SIZE, generator=generator)
        losses = torch.tensor([1.0, 2.0, 3.0, 4.0])
        if step == 2:
            gradient[2, 5] = float("inf")
        if step == 3:
            losses[0] = float("nan")
        optimiser.update(gradient, losses)
    return [flat, *optimiser.moments], lanes, before


@pytest.mark.parametrize("adaptive", [True, False])
def test_two_launches_move_weights_as_plain_torch_does(adaptive: bool) -> None:
    (ours, we, _), (theirs, they, _) = (updated(kind, adaptive) for kind in (FusedOptimiser, StackOptimiser))
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)
    assert we.alive.flatten().tolist() == they.alive.flatten().tolist() == [False, True, False, False]
    torch.testing.assert_close(we.failed, they.failed, rtol=1e-6, atol=0, equal_nan=True)


def test_two_launches_leave_every_bit_of_a_frozen_lane() -> None:
    (flat, *moments), _, before = updated(FusedOptimiser, True)
    assert torch.equal(flat[3], before[3]) and not torch.equal(flat[1], before[1])
    assert all(not moment[3].any() and moment[2].isfinite().all() for moment in moments)
