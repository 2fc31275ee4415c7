"""Dynamic evaluation: what a model gains by learning while it is tested."""

from __future__ import annotations

from copy import deepcopy

import numpy as np
import pytest
import torch

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.studies.characters.dynamic import DynamicRow, Reading, dynamic_losses, dynamic_row, quarters
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import log_probabilities, part_to_read
from archsearch.studies.characters.text import CharText, characters


@pytest.fixture(scope="module")
def text() -> CharText:
    return characters("changed", b"abcdeabcdf" * 800 + b"edcbafdcba" * 200)


@pytest.fixture(scope="module")
def model(text: CharText) -> CharModel:
    made = CharModel(Cell.load("gru"), len(text.alphabet), 8, 1)
    made.draw(0.3, torch.Generator().manual_seed(0))
    return made


def test_without_a_rate_it_reads_as_a_model_that_does_not_learn(text: CharText, model: CharModel) -> None:
    part, before = part_to_read(text)
    found = dynamic_losses(model, part, before, rate=0.0, interval=7)
    assert np.allclose(found, -log_probabilities(model, part, before), atol=1e-4)


def test_learning_while_it_is_tested_helps_more_and_more_and_leaves_the_model_as_it_was(
    text: CharText, model: CharModel
) -> None:
    before = {name: weight.clone() for name, weight in model.state_dict().items()}
    row = dynamic_row(model, text, Reading(rates=(0.1, 1.0), interval=10, symbols=800))
    assert row.symbols == 800 and row.dynamic < row.static - 0.1
    assert row.quarters[-1] > row.quarters[0]
    assert np.mean(row.quarters) == pytest.approx(row.static - row.dynamic)
    assert all(torch.equal(before[name], weight) for name, weight in model.state_dict().items())


def test_a_symbol_is_predicted_before_anything_is_learned_from_it(text: CharText, model: CharModel) -> None:
    part, before = part_to_read(text)
    changed = part.copy()
    changed[before + 20 :] = 0
    ours, theirs = (dynamic_losses(model, one, before, rate=1.0, interval=10) for one in (part, changed))
    assert (ours[:20] == theirs[:20]).all() and not np.allclose(ours[21:40], theirs[21:40])
    static = dynamic_losses(model, part, before, rate=0.0, interval=10)
    assert np.allclose(ours[:10], static[:10], atol=1e-6) and not np.allclose(ours[10:20], static[10:20])


def test_the_rate_is_the_one_with_the_lowest_validation_loss(text: CharText, model: CharModel) -> None:
    row = dynamic_row(model, text, Reading(rates=(1e-6, 0.3), interval=10, symbols=100))
    assert list(row.valid) == ["0", "1e-06", "0.3"]
    assert row.rate == 0.3 and row.valid["0.3"] < row.valid["1e-06"]


@pytest.mark.parametrize(
    ("rate", "rates", "edge"),
    [(0.1, (0.1, 0.3, 1), "smallest"), (0.3, (0.1, 0.3, 1), None), (1, (0.1, 1), "largest"), (1, (1,), None)],
)
def test_a_rate_at_an_end_of_several_is_told(rate: float, rates: tuple[float, ...], edge: str | None) -> None:
    valid = {f"{one:g}": 1.0 for one in (0.0, *rates)}
    assert DynamicRow(1, 1, rate, valid, 1.0, 1.0, []).edge == edge


def test_rates_at_which_the_loss_is_no_number_are_named(text: CharText, model: CharModel) -> None:
    broken = deepcopy(model)
    with torch.no_grad():
        broken.bias[0] = torch.nan
    with pytest.raises(InputError, match=r"no number at any rate of 0\.1, 1; name lower ones"):
        dynamic_row(broken, text, Reading(rates=(0.1, 1.0), interval=10))


def test_quarters_are_means_of_consecutive_numbers() -> None:
    assert quarters(np.arange(8.0)) == [0.5, 2.5, 4.5, 6.5]
