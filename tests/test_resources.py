"""The folders of shipped files and of the cache."""

from pathlib import Path

import platformdirs
import pytest

from archsearch import resources
from tests.helpers.sources import ROOT


def test_grammars_lie_beside_the_package_in_a_checkout() -> None:
    assert resources.grammars() == ROOT / "grammars"


def test_grammars_lie_inside_the_package_in_a_wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "grammars").mkdir()
    monkeypatch.setattr(resources, "_PACKAGE", tmp_path)
    assert resources.grammars() == tmp_path / "grammars"


def test_cache_lies_where_the_environment_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARCHSEARCH_CACHE", str(tmp_path))
    assert resources.cache_folder() == tmp_path


@pytest.mark.parametrize("value", [None, ""])
def test_cache_lies_in_the_users_cache_folder_otherwise(
    value: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("ARCHSEARCH_CACHE")
    if value is not None:
        monkeypatch.setenv("ARCHSEARCH_CACHE", value)
    assert resources.cache_folder() == Path(platformdirs.user_cache_dir("archsearch"))
