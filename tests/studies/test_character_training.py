"""Character models: their sizes, what they learn, and that an interrupted training goes on as if it had not been."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from msgspec.structs import replace
from torch import nn

from archsearch.cell import Cell
from archsearch.errors import InputError
from archsearch.studies.characters.keeping import Kept, Reached, Record, kept_model
from archsearch.studies.characters.model import CharModel
from archsearch.studies.characters.reading import (
    all_distributions,
    log_probabilities,
    part_to_read,
    stretches,
)
from archsearch.studies.characters.recipe import Recipe, recipe_for
from archsearch.studies.characters.text import CharText, characters, load_characters
from archsearch.studies.characters.training import Training, epoch_windows, trained_or_resumed
from archsearch.studies.characters.windows import trained_window, window_loss


@pytest.fixture(scope="module")
def text() -> CharText:
    return characters("pattern", b"abcdeabcdf" * 1_000)


@pytest.fixture
def recipe(text: CharText) -> Recipe:
    return replace(recipe_for(Cell.load("lstm"), text, 2, 6), batch=20, unroll=40)


@pytest.mark.parametrize(
    ("layers", "units", "count"), [(1, 64, 44_567), (1, 512, 1_273_431), (3, 512, 5_471_831)]
)
def test_an_lstm_on_87_symbols_has_as_many_parameters_as_the_papers(
    layers: int, units: int, count: int
) -> None:
    assert CharModel(Cell.load("lstm"), 87, units, layers, engine="interpreter").parameter_total == count


def test_the_parts_of_a_text_are_eight_one_and_one_tenths(text: CharText) -> None:
    assert (len(text.train), text.test - text.valid, len(text.symbols) - text.test) == (8_000, 1_000, 1_000)
    part, before = text.part("test", 30)
    assert before == 30 and (part == text.symbols[8_970:]).all()
    assert text.test_bytes.tobytes() == b"abcdeabcdf" * 100


def test_the_files_of_a_folder_are_joined_in_an_order_of_the_seed(tmp_path: Path) -> None:
    for number in range(6):
        (tmp_path / f"{number}.c").write_bytes(bytes([97 + number]) * 300)
    (tmp_path / "binary").write_bytes(b"\0" * 300)
    (tmp_path / ".hidden").write_bytes(b"z" * 300)
    texts = [load_characters(tmp_path, seed) for seed in (1, 1, 2)]
    orders = [bytes(one.alphabet[one.symbols[::300]]) for one in texts]
    assert orders[0] == orders[1] != orders[2] and sorted(orders[0]) == list(b"abcdef")


def test_files_of_a_folder_that_are_no_text_are_named_and_endings_choose_among_the_others(
    tmp_path: Path,
) -> None:
    for name, content in (("a.c", b"ab"), ("b.h", b"cd"), ("c.txt", b"ef"), ("d.c", b"\0a")):
        (tmp_path / name).write_bytes(content * 600)
    whole, chosen = load_characters(tmp_path), load_characters(tmp_path, 0, (".c", ".h"))
    assert (whole.files, chosen.files) == (3, 2) and whole.left_out == (str(tmp_path / "d.c"),)
    assert chosen.alphabet.tobytes() == b"abcd" and len(chosen.symbols) == 2_400
    with pytest.raises(InputError, match=r"has no file that ends in \.py; hidden ones do not count"):
        load_characters(tmp_path, 0, (".py",))
    with pytest.raises(InputError, match=r"c\.txt is no folder, of whose files \.c could be chosen"):
        load_characters(tmp_path / "c.txt", 0, (".c",))


def test_what_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "short").write_bytes(b"ab")
    with pytest.raises(InputError, match="has 2 bytes; this study takes texts of 1,000"):
        load_characters(tmp_path / "short")
    with pytest.raises(InputError, match="1 different byte"):
        characters("same", b"a" * 2_000)


def test_windows_of_an_epoch_go_on_where_the_last_one_ended(text: CharText, recipe: Recipe) -> None:
    windows = epoch_windows(text.train, recipe)
    assert len(windows) == 9 and windows[0].shape == (41, 20)
    assert (windows[1][0] == windows[0][-1]).all()
    assert (windows[0][:, 1].numpy() == text.train[399:440]).all()


def test_a_training_that_was_interrupted_ends_where_an_unbroken_one_does(
    text: CharText, recipe: Recipe, tmp_path: Path
) -> None:
    whole, record = trained_or_resumed(text, recipe, 22, tmp_path / "whole")
    for steps in (5, 9, 12, 22):
        parts, resumed = trained_or_resumed(text, recipe, steps, tmp_path / "parts")
    assert all(map(torch.equal, whole.state_dict().values(), parts.state_dict().values()))
    assert resumed.steps == record.steps == 22 and resumed.curve[-1] == record.curve[-1]


def test_a_model_that_has_enough_steps_is_not_trained_again(
    text: CharText, recipe: Recipe, tmp_path: Path
) -> None:
    trained_or_resumed(text, recipe, 3, tmp_path)
    told: list[int] = []
    _, record = trained_or_resumed(text, recipe, 2, tmp_path, lambda steps, loss: told.append(steps))
    assert record.steps == 3 and not told
    (path,) = tmp_path.glob("*.json")
    assert json.loads(path.read_text())["steps"] == 3


def test_a_damaged_model_is_named(text: CharText, recipe: Recipe, tmp_path: Path) -> None:
    trained_or_resumed(text, recipe, 1, tmp_path)
    (path,) = tmp_path.glob("*.safetensors")
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(InputError, match="damaged; move the file away"):
        kept_model(tmp_path, recipe)


def test_a_pattern_is_learned(text: CharText, recipe: Recipe, tmp_path: Path) -> None:
    model, record = trained_or_resumed(text, replace(recipe, layers=1, units=16, rate=0.02), 60, tmp_path)
    assert record.best is not None and record.best.valid < 0.2
    assert -log_probabilities(model, *part_to_read(text)).mean() < 0.2


def test_the_rate_falls_after_ten_epochs(recipe: Recipe) -> None:
    assert [recipe.rate_in(epoch) for epoch in (0, 9, 10, 11)] == pytest.approx(
        [2e-3, 2e-3, 2e-3 * 0.95, 2e-3 * 0.95**2]
    )


def test_training_ends_when_validation_has_not_fallen_for_long(recipe: Recipe) -> None:
    record = Record(recipe, 60, curve=(Reached(10, 1.0, 1.0, 0.5), Reached(60, 6.0, 1.0, 0.6)))
    assert record.has_ended and not replace(record, curve=record.curve[:1]).has_ended


def test_initial_matrices_lie_within_the_bound(text: CharText, recipe: Recipe) -> None:
    weights = {name: weight.detach() for name, weight in Training(text, recipe).weights.items()}
    assert all(float(weight.abs().max()) <= 0.08 for weight in weights.values())
    assert len({float(weight.std()) for name, weight in weights.items() if "weight" in name}) > 5


def test_every_symbol_is_predicted_once_and_streams_read_what_stands_before_them() -> None:
    text = np.random.default_rng(0).integers(0, 5, 2_345).astype(np.uint8)
    seen = []
    for stretch in stretches(text, 101):
        counts = stretch.places >= 0
        seen += stretch.places[counts].tolist()
        assert (stretch.inputs.numpy()[counts] == text[stretch.places[counts] + 100]).all()
    assert sorted(seen) == list(range(2_244))


def test_reading_in_streams_gives_nearly_what_reading_in_one_gives(text: CharText, recipe: Recipe) -> None:
    training = Training(text, recipe)
    part, before = part_to_read(text)
    found = log_probabilities(training.model, part, before)
    with torch.no_grad():
        logits, _ = training.model(torch.from_numpy(part[:-1].astype(np.int64))[:, None])
    losses = nn.functional.cross_entropy(
        logits[:, 0], torch.from_numpy(part[1:].astype(np.int64)), reduction="none"
    )
    assert np.allclose(-found, losses[before - 1 :].numpy(), atol=1e-4)
    rows = all_distributions(training.model, part, before)
    assert np.allclose(rows[np.arange(len(found)), part[before:]], np.exp(found), atol=1e-6)


def test_a_network_of_the_last_two_symbols_learns_what_they_say() -> None:
    text = characters("pairs", b"aab" * 3_000)
    part, before = text.part("test", 20)
    losses = [window_loss(trained_window(text.train, 2, n, 150), part, before) for n in (1, 2)]
    assert losses[0] == pytest.approx(2 / 3 * math.log(2), abs=0.02) and losses[1] < 0.05


def test_a_kept_training_holds_all_that_decides_how_it_goes_on(text: CharText, recipe: Recipe) -> None:
    training = Training(text, recipe)
    kept: list[Kept] = []
    training.run(4, kept.append, lambda steps, loss: None)
    assert {name.split()[0] for name in kept[-1].tensors} == {"weight", "best", "square", "state"}
    kept[-1].tensors["best bias"] += 1
    again = Training(text, recipe, kept[-1])
    assert torch.equal(again.result().bias, kept[-1].tensors["best bias"])


def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_trained(
    text: CharText, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    told: list[int] = []
    with pytest.raises(InputError, match="cannot be made: Not a directory"):
        trained_or_resumed(
            text, recipe, 2, tmp_path / "file" / "models", lambda step, loss: told.append(step)
        )
    assert not told
