"""The loss in two kernels gives what plain torch gives: losses and gradients where it learns, scores where it judges."""

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


def drawn(
    symbols: int, spoiled: bool = False
) -> tuple[Tensor, OutputLayer, OutputLayer, tuple[Tensor, Tensor]]:
    """Return what a head reads, an output layer, memory for its gradient, and targets with where they count."""
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
    likeliest = torch.baddbmm(views[0].bias.unsqueeze(1), top, views[0].weight.mT)[..., :symbols].argmax(-1)
    if spoiled:
        top[1, 3:9, 2] = float("nan")
    targets = torch.randint(symbols, (ROWS,), generator=generator)
    targets[::2] = torch.stack([likeliest[row % LANES, row] for row in range(0, ROWS, 2)])
    targets[5] = 0
    scored = torch.rand(ROWS, generator=generator) < 0.7
    return top, views[0], views[1], (targets, scored)


def learned(kind: type[Head], symbols: int, spoiled: bool = False) -> list[Tensor]:
    """Return losses and gradients of a stack whose last lane nobody needs."""
    top, output, gradient, answers = drawn(symbols, spoiled)
    found = kind(symbols, 5, LANES - 1).learn(top, output, gradient, *answers)
    return [one[: LANES - 1] for one in (*found, gradient.weight, gradient.bias)]


def judged(kind: type[Head], symbols: int, spoiled: bool = False) -> Tensor:
    """Return what such a stack scores in two windows."""
    score = torch.zeros(LANES, 2, dtype=torch.float64)
    for _ in range(2):
        top, output, _, answers = drawn(symbols, spoiled)
        kind(symbols, 5, LANES - 1).judge(top, output, *answers, score)
    return score[: LANES - 1]


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


@pytest.mark.parametrize("largest", [1 << 24, 5000])
@pytest.mark.parametrize("symbols", [1, 2, 9, 31, 64, 1025, 1500])
def test_two_kernels_after_a_product_judge_as_plain_torch_does(
    symbols: int, largest: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archsearch.training.stacked.head.LARGEST", largest)
    ours, theirs = judged(FusedHead, symbols), judged(Head, symbols)
    assert ours[:, 0].sum() > 4 and torch.equal(ours[:, 0], theirs[:, 0])
    torch.testing.assert_close(ours[:, 1], theirs[:, 1], rtol=1e-6, atol=1e-6)


def test_what_is_not_finite_spoils_the_score_of_its_lane_alone() -> None:
    ours, theirs, fine = judged(FusedHead, 9, True), judged(Head, 9, True), judged(FusedHead, 9)
    assert ours[1, 1].isnan() and ours[1, 0] == theirs[1, 0] and torch.equal(ours[::2], fine[::2])


@pytest.mark.parametrize("kind", [Head, FusedHead])
def test_of_answers_that_are_equally_likely_the_first_counts(kind: type[Head]) -> None:
    output = OutputLayer(torch.zeros(1, 1504, WIDTH), torch.zeros(1, 1504))
    output.bias[0, [7, 1200, 1499]] = 2.0
    score = torch.zeros(1, 2, dtype=torch.float64)
    targets = torch.tensor([7, 1200, 1499, 7, 0])
    kind(1500, 5, 1).judge(
        torch.zeros(1, 5, WIDTH), output, targets, torch.tensor([1, 1, 1, 0, 1]) > 0, score
    )
    assert score[0, 0] == 1
