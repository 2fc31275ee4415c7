"""A model comes from its folder as it went in; a folder that was damaged or forged is refused in one sentence."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import archsearch
from archsearch.errors import InputError
from archsearch.files import NEW_FOLDER
from archsearch.tasks.gaussian import LEAST_VARIANCE
from tests.helpers.models import BOOK, book, contents, fitted, gusts, labelled, waves


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained model of characters, which tests copy."""
    folder = tmp_path_factory.mktemp("models")
    fitted(f"text:{book(folder)}", folder / "model", cell="mut1", layers=2)
    return folder / "model"


@pytest.fixture
def copied(model: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    return Path(shutil.copytree(model, tmp_path / "model"))


def test_a_model_of_characters_says_the_same_from_its_folder(tmp_path: Path) -> None:
    found = fitted(f"text:{book(tmp_path)}", tmp_path / "model")
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "model")
    symbols = model.encode("said the lark")
    outputs, state = model(symbols)
    assert torch.equal(outputs, found.model(symbols)[0]) and outputs.shape == (
        13,
        1,
        len(set(book(tmp_path).read_text())),
    )
    assert torch.allclose(model(symbols[:1])[0], outputs[:1], atol=1e-5) and state.shape == (1, 1, 6)
    assert model.decode(symbols) == "said the lark"
    with pytest.raises(InputError, match="'Ω' is not in the model's alphabet"):
        model.encode("Ω")


def test_a_model_of_a_series_says_the_same_in_the_units_of_the_file(tmp_path: Path) -> None:
    found = fitted(f"series:{waves(tmp_path)}?target=level", tmp_path / "model", steps=100, rate=0.05)
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "model")
    rows = [[float(field) for field in line.split(",")] for line in waves(tmp_path).read_text().split()[1:]]
    outputs, _ = model(model.scale(rows).unsqueeze(1))
    assert outputs.shape == (1500, 1, 1) and torch.equal(
        outputs, found.model(found.model.scale(rows).unsqueeze(1))[0]
    )
    errors = model.restore(outputs)[:-1, 0, 0] - [row[0] for row in rows[1:]]
    assert (errors[1350:] ** 2).mean() < 0.4, "0.5 is the variance of the column"
    with pytest.raises(ValueError, match=r"real numbers of shape \(time, batch, 2\)"):
        model(torch.zeros(3, 1, 1))


def test_a_model_that_says_how_sure_it_is_gives_means_and_variances_in_the_units_of_the_file(
    tmp_path: Path,
) -> None:
    task = f"series:{gusts(tmp_path)}?target=wind&loss=nll"
    found = fitted(task, tmp_path / "model", steps=150, rate=0.05)
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "model")
    rows = [[float(field) for field in line.split(",")] for line in gusts(tmp_path).read_text().split()[1:]]
    inputs = model.scale(rows).unsqueeze(1)
    outputs, _ = model(inputs)
    assert outputs.shape == (3000, 1, 2) and torch.equal(outputs, found.model(inputs)[0])
    means, variances = model.restore(outputs)[2_700:, 0].T
    rough = np.array(rows)[2_700:, 1] == 1
    assert np.abs(means - 30).mean() < 1.5
    assert 40 < np.median(variances[rough]) < 100 and 0.3 < np.median(variances[~rough]) < 2, "64 and 0.64"
    with torch.no_grad():
        model.network.bias[1] = -99.0
    assert model(inputs)[0][..., 1].min().item() == pytest.approx(np.log(LEAST_VARIANCE))


@pytest.mark.slow
def test_the_card_of_a_model_with_variances_says_how_they_are_read(tmp_path: Path) -> None:
    fitted(f"series:{gusts(tmp_path)}?target=wind&loss=nll", tmp_path / "model", steps=20)
    card = (tmp_path / "model" / "README.md").read_text()
    assert "type: gaussian_nll" in card and "below 0 where densities are above 1" in card
    assert "Outputs are the means of `wind`, and behind these the logs of their variances." in card
    blocks = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    code = (
        "import sys, torch\nsys.modules['archsearch'] = None\ninputs = torch.ones(3, 1, 2)\n"
        f"{blocks[1]}\nprint(means.flatten().tolist() + variances.flatten().tolist())"
    )
    place = tmp_path / "model"
    done = subprocess.run([sys.executable, "-c", code], cwd=place, capture_output=True, text=True, check=True)
    with torch.no_grad():
        ours = archsearch.TrainedModel.from_pretrained(place)(torch.ones(3, 1, 2))[0]
    expected = torch.cat((ours[..., 0].flatten(), ours[..., 1].exp().flatten()))
    assert torch.allclose(torch.tensor(json.loads(done.stdout)), expected, rtol=1e-4)


def test_a_model_of_labels_knows_its_classes(tmp_path: Path) -> None:
    fitted(f"labels:{labelled(tmp_path)}", tmp_path / "model")
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "model")
    assert model.config.ends.classes == ("down", "up")
    assert model(model.scale([[[1.0]], [[2.0]]]))[0].shape == (2, 1, 2)


def test_a_model_of_words_reads_words_and_ends_of_lines(tmp_path: Path) -> None:
    book(tmp_path).write_text(BOOK * 150)
    fitted(f"text:{tmp_path}/book.txt?level=word", tmp_path / "model", steps=20)
    model = archsearch.TrainedModel.from_pretrained(tmp_path / "model")
    symbols = model.encode("tra la,\nsaid nobody")
    assert model.decode(symbols) == "tra la, <eol> said <unk>" and model(symbols)[0].shape[0] == 5


def test_a_model_that_is_saved_again_has_the_same_files(model: Path, tmp_path: Path) -> None:
    archsearch.TrainedModel.from_pretrained(model).save_pretrained(tmp_path / "again")
    assert contents(tmp_path / "again") == contents(model)


def test_no_line_of_the_data_is_in_the_folder(model: Path) -> None:
    assert not [name for name, content in contents(model).items() if b"said the" in content]


@pytest.mark.slow
def test_the_module_on_the_card_needs_nothing_of_archsearch(model: Path) -> None:
    blocks = re.findall(r"```python\n(.*?)```", (model / "README.md").read_text(), re.DOTALL)
    code = (
        "import sys, torch\nsys.modules['archsearch'] = None\nsymbols = torch.tensor([[1], [2], [0]])\n"
        f"{blocks[1]}\nprint(outputs.flatten().tolist())"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=model, capture_output=True, text=True, check=True)
    with torch.no_grad():
        ours = archsearch.TrainedModel.from_pretrained(model)(torch.tensor([[1], [2], [0]]))[0]
    assert torch.allclose(torch.tensor(json.loads(done.stdout)), ours.flatten(), atol=1e-5)


def test_the_card_begins_with_a_front_matter_and_tells_the_scores(model: Path) -> None:
    card = (model / "README.md").read_text()
    draw = json.loads((model / "config.json").read_text())["draws"][0]
    front = re.match(r"---\n(.*?)\n---\n", card, re.DOTALL)
    assert (
        front and 'name: "text:book.txt"' in front[1] and f"value: {draw['outcome']['score']!r}" in front[1]
    )
    assert f"| {draw['outcome']['score']:.4f} | {draw['outcome']['test_nll']:.4f} |" in card
    assert draw["trial"]["data"] in card and "was trained once" in card


# -- what is refused --------------------------------------------------------------------------------------------------


def sealed(folder: Path, **changes: object) -> None:
    """Change the config, and write the digests of the files as they are now, as a forger would."""
    config = json.loads((folder / "config.json").read_text()) | changes
    for name in config["files"]:
        config["files"][name] = hashlib.sha256((folder / name).read_bytes()).hexdigest()
    (folder / "config.json").write_text(json.dumps(config))


def flipped(folder: Path) -> None:
    content = bytearray((folder / "model.safetensors").read_bytes())
    content[-5] ^= 1
    (folder / "model.safetensors").write_bytes(content)


def other_cell(folder: Path) -> None:
    (folder / "cell.cell").write_text(archsearch.library.load("lstm").text())
    sealed(folder)


def other_cell_and_id(folder: Path) -> None:
    (folder / "cell.cell").write_text(archsearch.library.load("lstm").text())
    sealed(folder, cell=archsearch.library.load("lstm").id)


def code_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x80\x04cos\nsystem\n(S'touch hacked'\ntR.")
    sealed(folder)


def doubles(folder: Path) -> None:
    weights = load_file(folder / "model.safetensors")
    save_file({name: weight.double() for name, weight in weights.items()}, folder / "model.safetensors")
    sealed(folder)


def pipe(folder: Path) -> None:
    (folder / "config.json").unlink()
    os.mkfifo(folder / "config.json")


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (flipped, "model.safetensors is damaged"),
    "a cut config": (
        lambda f: (f / "config.json").write_text('{"format": "archs'),
        "is damaged, or not written by",
    ),
    "a config of something else": (
        lambda f: (f / "config.json").write_text('{"model_type": "bert"}'),
        "no config of",
    ),
    "a deep config": (lambda f: (f / "config.json").write_text("[" * 100_000), "is damaged"),
    "a later version": (lambda f: sealed(f, version=9), "version 9.*upgrade"),
    "an unknown field": (lambda f: sealed(f, hook="os.system"), "unknown field"),
    "huge units": (lambda f: sealed(f, units=900_000, x_width=900_000), "not the weights of the model"),
    "a measure that is none": (lambda f: sealed(f, measure="brier"), "Invalid enum value 'brier'"),
    "variances of symbols": (
        lambda f: sealed(f, measure="gaussian_nll"),
        "the measure is gaussian_nll, and no columns are predicted",
    ),
    "no units": (lambda f: sealed(f, units=0), "units is 0"),
    "no such training": (lambda f: sealed(f, chosen=7), "training 7 of 1"),
    "another cell": (other_cell, "is not the cell that config.json names"),
    "another cell and its id": (
        other_cell_and_id,
        "'cell.layers.0.*is absent and must be|and must be absent",
    ),
    "a pickle for weights": (code_for_weights, "no safetensors file"),
    "another type": (doubles, "float32"),
    "no weights": (lambda f: (f / "model.safetensors").unlink(), "there is no file model.safetensors"),
    "a pipe": (pipe, "there is no file config.json"),
    "no folder": (shutil.rmtree, "no folder"),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_folder_is_refused_in_one_sentence(what: str, copied: Path) -> None:
    spoil, said = HOSTILE[what]
    spoil(copied)
    with pytest.raises(InputError, match=said) as refused:
        archsearch.TrainedModel.from_pretrained(copied)
    assert "\n" not in str(refused.value)


def test_code_in_the_folder_is_never_run(copied: Path) -> None:
    (copied / "cell.py").write_text("raise SystemExit('run')")
    (copied / "archsearch.py").write_text("raise SystemExit('run')")
    archsearch.TrainedModel.from_pretrained(copied)


def test_a_folder_with_something_else_in_it_is_never_replaced(copied: Path) -> None:
    model = archsearch.TrainedModel.from_pretrained(copied)
    with pytest.raises(InputError, match="exists; --force"):
        model.save_pretrained(copied)
    model.save_pretrained(copied, force=True)
    (copied / "thesis.tex").touch()
    with pytest.raises(InputError, match="holds thesis.tex"):
        model.save_pretrained(copied, force=True)
    assert (copied / "thesis.tex").exists()


def test_a_model_that_cannot_be_replaced_is_still_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fitted(f"text:{book(tmp_path)}", tmp_path / "model", steps=20)
    before, rename = contents(tmp_path / "model"), Path.rename

    def broken(path: Path, target: Path) -> Path:
        if path.name.startswith(NEW_FOLDER):
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", broken)
    with pytest.raises(KeyboardInterrupt):
        fitted(f"text:{tmp_path / 'book.txt'}", tmp_path / "model", steps=40, force=True)
    assert contents(tmp_path / "model") == before
    assert not [path for path in tmp_path.iterdir() if "new-" in path.name or "old-" in path.name]
