"""Steps that are timed: as a model takes them that is used."""

from __future__ import annotations

import pytest
from torch import Tensor

from archsearch.bench.shapes import LayerShape
from archsearch.bench.steps import step_calls
from archsearch.cell import library
from archsearch.compiler import Recurrent


@pytest.mark.parametrize(("cell", "states"), [("gru", 1), ("lstm", 2)])
def test_a_step_is_timed_with_a_tensor_for_each_state(
    cell: str, states: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[object] = []
    monkeypatch.setattr(Recurrent, "step", lambda layer, x, state: given.append(state))
    step_calls(library.load(cell), LayerShape(2, 1, 3), ["reference"])["reference"]()
    (state,) = given
    tensors = state if isinstance(state, tuple) else (state,)
    assert all(isinstance(tensor, Tensor) and tensor.shape == (1, 2, 3) for tensor in tensors)
    assert len({id(tensor) for tensor in tensors}) == len(tensors) == states
