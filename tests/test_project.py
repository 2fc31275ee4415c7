"""The project's own files agree: what is declared is locked, and the version is one."""

import re
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import archsearch
from tests.helpers.sources import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
DECLARED = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["dev"]]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
PINS = [line for line in LOCK.splitlines() if line and not line.startswith("#")]


@pytest.mark.parametrize("declared", DECLARED)
def test_every_declared_package_is_locked_within_its_bounds(declared: str) -> None:
    wanted = Requirement(declared)
    locked = dict(pin.split("==") for pin in PINS)
    versions = {canonicalize_name(name): version for name, version in locked.items()}
    assert versions[canonicalize_name(wanted.name)] in wanted.specifier


def test_lock_holds_plain_versions_and_names_no_index() -> None:
    assert all(re.fullmatch(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*", pin) for pin in PINS)
    assert not [pin for pin in PINS if pin.startswith(("nvidia", "triton"))]
    assert "torch==2.13.0" in PINS


def test_citation_changelog_and_package_name_the_same_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {archsearch.__version__}\n" in citation
    assert f"\n## [{archsearch.__version__}]" in changelog
