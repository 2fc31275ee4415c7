"""Windows that are read with their embeddings in one launch are those of plain torch, and so is the gradient."""

from __future__ import annotations

from dataclasses import dataclass

import hypothesis.strategies as st
import pytest
import torch
from hypothesis import given, settings
from torch import Tensor

from archsearch.training.stacked.fused_windows import FusedWindows
from archsearch.training.stacked.layout import whole
from archsearch.training.stacked.windows import TakenWindow, WindowTable
from archsearch.training.windows import Batch
from tests.helpers import interpreted

pytestmark = interpreted.QUIET


@dataclass(frozen=True)
class Case:
    """A table of windows, each with symbols from a list of its own."""

    shape: tuple[int, int]
    symbols: int
    lanes: int
    width: int
    drawn_from: list[list[int]]

    def windows(self) -> list[Batch]:
        """Return windows in which some positions are scored and some states are reset."""
        generator = torch.Generator().manual_seed(0)
        return [self._window(torch.tensor(own), generator) for own in self.drawn_from]

    def _window(self, own: Tensor, generator: torch.Generator) -> Batch:
        scored = (torch.rand(self.shape, generator=generator).flatten() < 0.6).nonzero()[:, 0]
        inputs, targets = (
            own[torch.randint(len(own), size, generator=generator)] for size in (self.shape, scored.shape)
        )
        return Batch(inputs, targets, scored, torch.rand(self.shape, generator=generator) < 0.2)

    def flat(self, seed: int) -> Tensor:
        """Return memory that an embedding lies in, with others around it."""
        size = whole(self.symbols) * self.width
        return torch.randn(self.lanes, size + 96, generator=torch.Generator().manual_seed(seed))

    def view(self, flat: Tensor) -> Tensor:
        """Return the embedding's part of the memory."""
        return flat[:, 64:-32].view(self.lanes, whole(self.symbols), self.width)

    def read(self, kind: type[WindowTable]) -> list[tuple[TakenWindow, Tensor, Tensor]]:
        """Return each window with what its symbols stand for, and the memory of a gradient."""
        table = kind(self.shape, self.symbols, torch.device("cpu"))
        table.fill(self.windows())
        embedding, found = self.view(self.flat(1)), []
        for _ in self.drawn_from:
            window, x = table.take(embedding)
            gradients = self.flat(2)
            delta = torch.randn(x.shape, generator=torch.Generator().manual_seed(3))
            table.embedding_gradient(window, delta, self.view(gradients))
            found.append((window, x, gradients))
        return found


@st.composite
def cases(draw: st.DrawFn) -> Case:
    """Draw a case; of the symbols some are nowhere, some once, and where a window has one alone it is everywhere."""
    symbols = draw(st.integers(1, 70))
    some = st.lists(st.integers(0, symbols - 1), min_size=1, max_size=40)
    return Case(
        shape=(draw(st.integers(1, 9)), draw(st.integers(1, 6))),
        symbols=symbols,
        lanes=draw(st.integers(1, 3)),
        width=draw(st.sampled_from([1, 5, 32, 96, 130])),
        drawn_from=draw(st.lists(some, min_size=1, max_size=3)),
    )


@given(cases())
@settings(max_examples=20, deadline=None)
def test_one_launch_reads_the_bits_that_plain_torch_reads(case: Case) -> None:
    for (ours, x, _), (theirs, y, _) in zip(case.read(FusedWindows), case.read(WindowTable), strict=True):
        for name in TakenWindow.__slots__:
            assert torch.equal(getattr(ours, name), getattr(theirs, name)), name
        assert torch.equal(x, y)


@given(cases())
@settings(max_examples=20, deadline=None)
def test_one_launch_gives_the_gradient_that_plain_torch_gives_and_touches_nothing_around_it(
    case: Case,
) -> None:
    for (_, _, ours), (_, _, theirs) in zip(case.read(FusedWindows), case.read(WindowTable), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=5e-6)
        assert torch.equal(ours[:, :64], theirs[:, :64]) and torch.equal(ours[:, -32:], theirs[:, -32:])


def test_a_symbol_that_is_nowhere_has_no_gradient_and_one_that_is_there_once_has_its_row() -> None:
    table = FusedWindows((2, 2), 5, torch.device("cpu"))
    table.fill([Batch(torch.tensor([[3, 0], [3, 4]]), torch.zeros(4).long(), None, None)])
    window, _ = table.take(torch.zeros(1, 32, 3))
    delta, gradient = torch.rand(1, 2, 2, 3), torch.full((1, 32, 3), 7.0)
    table.embedding_gradient(window, delta, gradient)
    assert torch.equal(gradient[0, 0], delta[0, 0, 1]) and torch.equal(gradient[0, 4], delta[0, 1, 1])
    assert torch.equal(gradient[0, 3], delta[0, 0, 0] + delta[0, 1, 0])
    gradient[0, [0, 3, 4]] = 0
    assert not gradient.any()


def test_what_is_not_finite_shows_in_its_lane_and_symbol_alone() -> None:
    table = FusedWindows((3, 2), 4, torch.device("cpu"))
    table.fill([Batch(torch.tensor([[1, 2], [1, 2], [2, 3]]), torch.zeros(6).long(), None, None)])
    window, _ = table.take(torch.zeros(2, 32, 3))
    delta, gradient = torch.ones(2, 3, 2, 3), torch.zeros(2, 32, 3)
    delta[1, 1, 0] = float("nan")
    table.embedding_gradient(window, delta, gradient)
    assert gradient.isnan().nonzero().tolist() == [[1, 1, column] for column in range(3)]


@pytest.mark.parametrize("symbols", [1, 33])
def test_a_lanes_bits_do_not_depend_on_its_place_or_on_other_windows(symbols: int) -> None:
    generator = torch.Generator().manual_seed(symbols)
    batches = [
        Batch(torch.randint(symbols, (20, 5), generator=generator), torch.zeros(100).long(), None, None)
        for _ in range(3)
    ]
    delta = torch.randn(3, 20, 5, 33, generator=generator)

    def gradient(before: int, lanes: list[int]) -> Tensor:
        """Return the gradients of some lanes from the last window, after some others."""
        table = FusedWindows((20, 5), symbols, torch.device("cpu"))
        table.fill(batches[2 - before :])
        into = torch.zeros(len(lanes), whole(symbols), 33)
        for _ in range(before + 1):
            window, _ = table.take(into)
        table.embedding_gradient(window, delta[lanes], into)
        return into

    together = gradient(2, [0, 1, 2])
    assert torch.equal(gradient(0, [1])[0], together[1])
    assert torch.equal(gradient(1, [2, 1, 0]), together.flip(0))


def test_a_symbol_that_there_is_not_is_refused_here_too() -> None:
    table = FusedWindows((1, 2), 4, torch.device("cpu"))
    with pytest.raises(IndexError, match="4, which is no symbol"):
        table.fill([Batch(torch.tensor([[1, 4]]), torch.zeros(2).long(), None, None)])
