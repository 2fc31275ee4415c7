"""The folders of shipped files, and TOML files."""

from pathlib import Path

import msgspec
import pytest

from archsearch import resources
from tests.helpers.sources import ROOT


def test_grammars_lie_beside_the_package_in_a_checkout() -> None:
    assert resources.grammars() == ROOT / "grammars"


def test_grammars_lie_inside_the_package_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "grammars").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)
    assert resources.grammars() == tmp_path / "grammars"


class Numbers(msgspec.Struct):
    """A file of numbers."""

    whole: list[int] = []
    real: list[float] = []


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (f"whole = [{'9' * 5_000}]", "a number has thousands of digits"),
        (f"real = [{'9' * 5_000}]", "a number has thousands of digits"),
        (f"whole = {'[' * 100_000}", "brackets nested too deeply"),
        (f"whole = {'{a = ' * 100_000}", "brackets nested too deeply"),
        (f"real = [{'9' * 400}]", "Number out of range"),
        ("whole = [", r"."),
        ("whole = ['a']", "Expected `int`, got `str`"),
        ("\udcff", "utf-8"),
    ],
)
def test_what_no_reader_of_toml_can_take_is_a_sentence(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "numbers.toml"
    path.write_bytes(content.encode(errors="surrogateescape"))

    with pytest.raises(ValueError, match=message):
        resources.read_toml(path, Numbers)
