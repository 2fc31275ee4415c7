"""The folders of shipped files, and TOML files."""

from pathlib import Path

import pytest

from archsearch import resources
from tests.helpers.sources import ROOT


def test_grammars_lie_beside_the_package_in_a_checkout() -> None:
    assert resources.grammars() == ROOT / "grammars"


def test_grammars_lie_inside_the_package_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "grammars").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)
    assert resources.grammars() == tmp_path / "grammars"
