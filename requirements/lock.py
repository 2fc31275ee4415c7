"""Renew the locks of this folder from pyproject.toml: `make lock`.

`run.lock` is what the program needs and what installs it, `dev.lock` what tests and lint need besides, `cuda.lock` what
torch's CUDA build needs besides. Each pin carries the hashes of all files that the index has for it. Versions stay as they
are in the locks unless pyproject.toml asks for others; `make lock ARGS=--upgrade` takes the newest. `cpu.lock` is torch's
CPU build, kept by hand: pip prefers a file whose digest the index tells to one from a folder, whatever its version.
"""

import re
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent / "pyproject.toml"
INSTALLERS = ("editables", "hatchling")
"""What `pip install --no-build-isolation -e .` needs, with bounds in pyproject.toml's dev."""

CUDA = re.compile(r"(nvidia|cuda|triton)")
HEADS = {
    "run": "What archsearch needs to run, and to be installed: `make evolve` installs this alone.",
    "dev": "What tests, types and lint need besides.",
    "cuda": "What torch's CUDA build needs besides; installed where torch came with CUDA.",
}


def pins(text: str) -> dict[str, str]:
    """Return the entries of a lock by package name: the pins, one for each range of Pythons, and their hashes."""
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    entries: dict[str, str] = {}
    for entry in re.split(r"\n(?=[A-Za-z0-9])", "\n".join(lines)):
        if name := re.split(r"[=\s]", entry)[0]:
            entries[name] = f"{entries[name]}\n{entry.rstrip()}" if name in entries else entry.rstrip()
    return entries


def compiled(requirements: list[str], known: str) -> dict[str, str]:
    """Return the entries that requirements resolve to, for every platform."""
    with tempfile.TemporaryDirectory() as folder:
        wanted, constraints = Path(folder, "wanted.in"), Path(folder, "known.txt")
        wanted.write_text("\n".join(requirements))
        constraints.write_text(known)
        command = [
            "uv",
            "pip",
            "compile",
            "-q",
            "--universal",
            "--python-version",
            "3.11",
            "--generate-hashes",
        ]
        command += ["--no-annotate", "--no-header", "-c", str(constraints), str(wanted)]
        return pins(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def check_cpu_build(torch: str) -> None:
    """Say that `cpu.lock` is to be renewed, by hand, where it is of another version than an entry of torch."""
    (pin,) = re.findall(r"^torch==(\S+)\+cpu", (HERE / "cpu.lock").read_text(encoding="utf-8"), re.MULTILINE)
    if torch.split()[0] != f"torch=={pin}":
        print(
            f"cpu.lock has {pin}, run.lock {torch.split()[0]}: put version and SHA-256 of its CPU build there"
        )


def main() -> None:
    """Write the three locks."""
    project = tomllib.loads(PROJECT.read_text(encoding="utf-8"))["project"]
    run, dev = project["dependencies"], project["optional-dependencies"]["dev"]
    installers = [one for one in dev if one.split(">")[0] in INSTALLERS]
    before = {name: pins((HERE / f"{name}.lock").read_text(encoding="utf-8")) for name in HEADS}
    everything = {name: entry for lock in before.values() for name, entry in lock.items()}
    lines = "\n".join(everything.values()).splitlines()
    known = "" if "--upgrade" in sys.argv else "\n".join(line.rstrip(" \\") for line in lines if "==" in line)
    needed, all_ = compiled([*run, *installers], known), compiled([*run, *dev], known)
    check_cpu_build(needed["torch"])
    locks = {
        "run": {name: entry for name, entry in needed.items() if not CUDA.match(name)},
        "cuda": {name: entry for name, entry in needed.items() if CUDA.match(name)},
        "dev": {name: entry for name, entry in all_.items() if name not in needed},
    }
    for name, entries in locks.items():
        text = "\n".join(
            [f"# {HEADS[name]}", "# Written by `make lock` from pyproject.toml.", *entries.values()]
        )
        (HERE / f"{name}.lock").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
