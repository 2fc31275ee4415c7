"""The loss in two kernels gives what plain torch gives: losses, and gradients of the output layer and of what it reads."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from archsearch.training.stacked.fused_head import FusedHead
from archsearch.training.stacked.head import Head, OutputLayer
from archsearch.training.stacked.layout import whole
from tests.helpers import interpreted

pytestmark = interpreted.QUIET
LANES, ROWS, WIDTH = 4, 40, 8


def learned(kind: type[Head], symbols: int, spoiled: bool = False) -> list[Tensor]:
    """Return losses and gradients of a stack whose last lane nobody needs."""
    generator, padded = torch.Generator().manual_seed(symbols), whole(symbols)
    flat = torch.randn(LANES, padded * WIDTH + padded + 64, generator=generator)
    views = [
        OutputLayer(
            one[:, : padded * WIDTH].view(LANES, padded, WIDTH),
            one[:, padded * WIDTH : -64].view(LANES, padded),
        )
        for one in (flat, torch.zeros_like(flat))
    ]
    views[0].weight[:, symbols:], views[0].bias[:, symbols:] = 0.0, 0.0
    top = torch.randn(LANES, ROWS, WIDTH, generator=generator)
    if spoiled:
        top[1, 3:9, 2] = float("nan")
    targets = torch.randint(symbols, (ROWS,), generator=generator)
    scored = torch.rand(ROWS, generator=generator) < 0.7
    found = kind(symbols, 5, LANES - 1).learn(top, *views, targets, scored)
    return [one[: LANES - 1] for one in (*found, views[1].weight, views[1].bias)]


@pytest.mark.parametrize("largest", [1 << 24, 5000])
@pytest.mark.parametrize("symbols", [9, 64, 1500])
def test_two_kernels_between_products_learn_as_plain_torch_does(
    symbols: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.training.stacked.head.LARGEST", largest)
    for ours, theirs in zip(learned(FusedHead, symbols), learned(Head, symbols), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=2e-6)


def test_what_is_not_finite_shows_in_its_lane_alone() -> None:
    for spoiled, fine in zip(learned(FusedHead, 9, True), learned(FusedHead, 9), strict=True):
        assert spoiled[1].isnan().any() and torch.equal(spoiled[::2], fine[::2])
