"""Newton's method along a sequence ends at the sequential states as soon as theory says; exponents are known ones."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from archsearch.cell import Cell, jacobian_class, library
from archsearch.compiler import Recurrent
from archsearch.studies.newton import largest_exponent, newton_step, newton_steps
from archsearch.studies.step_jacobians import after_step, in_double, jacobians, states_along

FADING = Cell.parse("cell fading(x, h):\n    h' = scale(h) + linear(x)\n")
SHIFTED = Cell.parse("cell shifted(x, h):\n    h' = linear(h, bias=none) + linear(x)\n")
BLIND = Cell.parse("cell blind(x, h):\n    h' = tanh(linear(x) + linear(stop(h), bias=none))\n")
AFFINE = [name for name in library.names() if jacobian_class(library.load(name)).affine]


def inputs(steps: int, width: int = 5) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(0).standard_normal((steps, width)))


def layer_of(cell: Cell | str, scale: float = 1.0, width: int = 5) -> Recurrent:
    layer = Recurrent(cell, width, width, engine="interpreter")
    layer.reset_parameters(scale=scale, generator=torch.Generator().manual_seed(0))
    return layer


@pytest.mark.parametrize("name", ["gru", "lstm", "paragru", "slstm"])
def test_jacobians_are_those_of_small_differences(name: str) -> None:
    layer, x = in_double(layer_of(name)), inputs(4)
    states = states_along(layer, x)[:-1]
    found, small = jacobians(layer, x, states), 1e-6
    for entry in range(states.shape[1]):
        moved = torch.zeros_like(states)
        moved[:, entry] = small
        with torch.no_grad():
            change = after_step(layer, x, states + moved) - after_step(layer, x, states - moved)
        assert torch.allclose(found[:, :, entry], change / (2 * small), rtol=0, atol=1e-8)


def test_a_cell_that_keeps_all_gradients_back_has_jacobians_of_zeros() -> None:
    layer, x = in_double(layer_of(BLIND)), inputs(3)
    found = jacobians(layer, x, states_along(layer, x)[:-1])
    assert found.shape == (3, 5, 5) and not found.any()


@pytest.mark.parametrize("name", ["tanh_rnn", "gru", "lstm", "slstm"])
def test_states_along_a_sequence_are_those_of_the_layer(name: str) -> None:
    layer, x = in_double(layer_of(name)), inputs(9)
    output, after = layer(x[:, None])
    along = states_along(layer, x)
    assert torch.allclose(along[1:, :5], output[:, 0]) and not along[0].any()
    last = torch.cat([part.flatten() for part in after]) if isinstance(after, tuple) else after.flatten()
    assert torch.allclose(along[-1], last)


@pytest.mark.parametrize("name", AFFINE)
@pytest.mark.parametrize("scale", [0.5, 2.0])
def test_an_affine_recurrence_needs_one_step_at_any_length(name: str, scale: float) -> None:
    found = newton_steps(layer_of(name, scale, width=3), inputs(600, 3), [2, 64, 600], most=4)
    assert found == {2: 1, 64: 1, 600: 1}


def test_there_are_affine_cells_in_the_library() -> None:
    assert {"mingru", "minlstm"} <= {*AFFINE}


@pytest.mark.parametrize("name", ["tanh_rnn", "gru", "lstm"])
def test_newton_steps_end_at_the_sequential_states_after_as_many_as_are_counted(name: str) -> None:
    layer, x = layer_of(name, scale=3.0), inputs(40)
    counted = newton_steps(layer, x, [40], most=40)[40]
    copy = in_double(layer)
    exact = states_along(copy, x)
    guess, errors = torch.zeros_like(exact), []
    for _ in range(40):
        guess = newton_step(copy, x, guess)
        errors.append(float((guess - exact).abs().max()))
    assert counted is not None and counted > 1
    assert errors[counted - 1] <= 1e-4 < min(errors[: counted - 1]) and errors[-1] < 1e-12


def test_a_step_more_makes_one_state_more_exact_even_where_states_do_not_forget() -> None:
    layer, x = layer_of("tanh_rnn", scale=40.0), inputs(12)
    copy = in_double(layer)
    exact = states_along(copy, x)
    guess = torch.zeros_like(exact)
    for count in range(1, 13):
        guess = newton_step(copy, x, guess)
        assert torch.allclose(guess[: count + 1], exact[: count + 1], rtol=0, atol=1e-9)


def test_one_run_says_for_shorter_sequences_what_each_alone_does() -> None:
    layer, x = layer_of("gru", scale=6.0), inputs(60)
    together = newton_steps(layer, x, [60, 5, 20], most=60)
    alone = {length: newton_steps(layer, x[:length], [length], most=60)[length] for length in (5, 20, 60)}
    assert together == alone and len({*alone.values()}) > 1


def test_steps_beyond_those_allowed_are_none() -> None:
    layer = layer_of("tanh_rnn", scale=40.0)
    assert newton_steps(layer, inputs(60), [2, 60], most=3) == {2: 2, 60: None}


def test_the_exponent_of_a_fading_state_is_the_logarithm_of_its_factor() -> None:
    layer = layer_of(FADING)
    with torch.no_grad():
        factors = torch.tensor([0.5, -0.9, 0.2, 0.7, 0.1])
        (scale,) = [value for name, value in layer.named_parameters() if "_v" in name]
        scale.copy_(factors)
    assert largest_exponent(layer, inputs(300)) == pytest.approx(math.log(0.9), abs=1e-6)


def test_the_exponent_of_a_rotation_is_zero_and_of_one_that_grows_the_logarithm_of_how_fast() -> None:
    rotation = np.linalg.qr(np.random.default_rng(0).standard_normal((5, 5)))[0]
    for factor in (1.0, 1.5):
        layer = layer_of(SHIFTED)
        with torch.no_grad():
            (matrix,) = [value for name, value in layer.named_parameters() if "_h" in name]
            matrix.copy_(torch.from_numpy(factor * rotation))
        assert largest_exponent(layer, inputs(2_000)) == pytest.approx(math.log(factor), abs=1e-6)


def test_a_state_that_nothing_is_left_of_has_no_exponent() -> None:
    assert largest_exponent(layer_of(BLIND), inputs(5)) is None
