"""The project's own files agree: what is declared is locked, and the version is one."""

import re
import sys
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import archsearch
from tests.helpers.sources import FILES, ROOT, imports

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
RUN, DEV = PROJECT["dependencies"], PROJECT["optional-dependencies"]["dev"]
MODULES = {"scikit-learn": "sklearn"}
EXTRAS = {
    MODULES.get(name := Requirement(one).name, name)
    for extra, packages in PROJECT["optional-dependencies"].items()
    if extra != "dev"
    for one in packages
}
IF_THERE = EXTRAS | {"triton", "wandb", "mlflow"}
"""What is imported where it is there: extras, what comes with torch's builds for GPUs, and services' own packages."""

INSTALLERS = {"editables", "hatchling"}
LOCKS = {
    name: (ROOT / "requirements" / f"{name}.lock").read_text(encoding="utf-8")
    for name in ("run", "dev", "cuda")
}


def pins(lock: str) -> dict[str, str]:
    """Return the versions of a lock by package."""
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==(\S+)", LOCKS[lock], re.M)
    }


@pytest.mark.parametrize(
    ("lock", "declared"), [*(("run", one) for one in RUN), *(("dev", one) for one in DEV)]
)
def test_every_declared_package_is_locked_within_its_bounds(lock: str, declared: str) -> None:
    wanted = Requirement(declared)
    versions = pins("run") if lock == "run" or wanted.name in INSTALLERS else pins("run") | pins("dev")
    assert versions[canonicalize_name(wanted.name)] in wanted.specifier


def test_the_package_imports_what_is_declared_and_nothing_else() -> None:
    imported = {each.target.split(".")[0] for file in FILES for each in imports(file)}
    others = imported - sys.stdlib_module_names - {"archsearch", *IF_THERE}
    assert others == {Requirement(one).name.replace("-", "_") for one in RUN}


def test_the_cpu_build_of_torch_is_of_the_locked_version_and_has_a_hash_of_its_own() -> None:
    text = (ROOT / "requirements" / "cpu.lock").read_text(encoding="utf-8")
    ((version, digest),) = re.findall(
        r"^torch==([0-9.]+)\+cpu \\\n    (--hash=sha256:[0-9a-f]{64})$", text, re.MULTILINE
    )
    assert version == pins("run")["torch"]
    assert digest not in LOCKS["run"], "pip would take the index's larger file, whose digest it is told"


@pytest.mark.parametrize("name", LOCKS)
def test_every_pin_has_a_plain_version_and_hashes_and_names_no_index(name: str) -> None:
    lines = [line for line in LOCKS[name].splitlines() if not line.startswith("#")]
    entries = re.split(r"\n(?=\S)", "\n".join(lines))
    assert all(
        re.match(r"[A-Za-z0-9._-]+==[0-9][0-9a-z.]*( ; [^\\]+)?( \\\n    --hash=sha256:[0-9a-f]{64})+$", e)
        for e in entries
    )
    assert "://" not in LOCKS[name]


def test_what_runs_the_program_brings_no_test_tools_and_no_cuda() -> None:
    assert not {"pytest", "hypothesis", "mypy", "ruff"} & pins("run").keys()
    assert not [name for name in pins("run") if name.startswith(("nvidia", "cuda", "triton"))]
    assert pins("run")["torch"] == "2.13.0"
    assert not pins("run").keys() & pins("dev").keys()


def test_citation_changelog_and_package_name_the_same_version() -> None:
    citation = (ROOT / "CITATION.cff").read_text(encoding="utf-8")
    changelog = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert f"\nversion: {archsearch.__version__}\n" in citation
    assert f"\n## [{archsearch.__version__}]" in changelog


@pytest.mark.parametrize("marker", ["slow", "timing"])
def test_tests_of_a_marker_stand_in_files_that_name_it(marker: str) -> None:
    tests = ROOT / "tests"
    marked = re.compile(rf"pytest\.mark\.{marker}\b")
    elsewhere = {path for path in tests.rglob("*.py") if marked.search(path.read_text(encoding="utf-8"))}
    shared = {path.parent for path in elsewhere if not path.name.startswith("test_")}
    files = {file for folder in shared for file in folder.glob("test_*.py")}  # those that a conftest.py marks
    assert all(re.search(rf"\b{marker}\b", file.read_text(encoding="utf-8")) for file in files), (
        "make looks for the word in the files of tests"
    )
