"""What only a GPU shows, in eight minutes: its tests, the speed of stacks with both loops, a search, and a trial on PTB.

Every part is a process of its own with a limit of time; one that fails or is too slow is written down with what it said, and
the next begins.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from archsearch.files import write_whole

PACKAGES = ("torch", "triton", "numpy", "pytest")
STACKS = ("bench", "gru", "lstm", "--quick", "--shape", "B20T35H128", "--shape", "B20T35H256")
"""Widths at which a persistent kernel has the GRU's matrices beside it, and at which they come from cache."""

LAST_WORDS = 4_000
"""Characters of what a part said that are kept."""

PROGRAM = (sys.executable, "-m", "archsearch")

COMPILED = {"TRITON_INTERPRET": "0"}
"""Kernels run on the card: tests of Triton's interpreter, which the whole process would share, leave themselves out."""


@dataclass(frozen=True)
class Part:
    """One thing to run.

    Attributes:
        name: What it is called.
        command: Its command.
        limit: Seconds that it may take.
        has_document: Whether it prints a JSON document.
        needs: A folder without which it is left out; None for none.
    """

    name: str
    command: tuple[str, ...]
    limit: float
    has_document: bool = True
    needs: Path | None = None


@dataclass(frozen=True)
class Ended:
    """How a part ended.

    Attributes:
        name: Of the part.
        command: The same.
        ended: "passed", "failed", "too slow" or "left out".
        seconds: That it took.
        document: The document that it printed; None where there is none.
        words: The last that it said, where there is no document.
    """

    name: str
    command: str
    ended: str
    seconds: float
    document: Any
    words: str


def parts(device: str, runs: Path, data: Path | None) -> tuple[Part, ...]:
    """Return what is run, eight minutes in all at most.

    Args:
        device: Where.
        runs: The folder of the search.
        data: The folder of the Penn Treebank's files; None leaves its trial out.
    """
    ptb = ("train", "gru", "--task", "ptb", "--preset", "laptop", "--settings", "1", "--data", str(data))
    return (
        Part("tests", (sys.executable, "-m", "pytest", "-q", "-m", "gpu", "tests"), 110, has_document=False),
        Part("stacks", (*PROGRAM, *STACKS, "--device", device, "--json"), 130),
        Part(
            "search",
            (
                *PROGRAM,
                "evolve",
                "--run",
                str(runs / "quick"),
                "--max-time",
                "2m",
                "--device",
                device,
                "--json",
            ),
            170,
        ),
        Part("ptb", (*PROGRAM, *ptb, "--device", device, "--json"), 70, needs=data or Path("no data")),
    )


def run_part(part: Part) -> Ended:
    """Run one part to its end or its limit."""
    command = " ".join(["python" if word == sys.executable else word for word in part.command])
    if part.needs is not None and not part.needs.is_dir():
        return Ended(part.name, command, "left out", 0.0, None, "it needs a folder of data")
    began = time.monotonic()
    try:
        done = subprocess.run(
            part.command,
            capture_output=True,
            text=True,
            timeout=part.limit,
            check=False,
            env={**os.environ, **COMPILED},
        )
        ended, out, err = ("failed" if done.returncode else "passed"), done.stdout, done.stderr
    except subprocess.TimeoutExpired as cut:
        ended, out, err = "too slow", _text(cut.stdout), _text(cut.stderr)
    seconds, document = round(time.monotonic() - began, 1), None
    if part.has_document and ended == "passed":
        document = json.loads(out)
    words = "" if document is not None else f"{out}\n{err}"[-LAST_WORDS:].strip()
    return Ended(part.name, command, ended, seconds, document, words)


def _text(said: bytes | str | None) -> str:
    """Return what a process said that was cut off, which `subprocess` leaves as bytes."""
    return said.decode(errors="replace") if isinstance(said, bytes) else said or ""


def machine(device: str) -> dict[str, str]:
    """Return the card, the packages and the processor."""
    found = {"device": device, "python": platform.python_version(), "processor": _processor()}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = ""
    asked = "import torch, sys; print(torch.cuda.get_device_name(sys.argv[1]))"
    if device.startswith("cuda"):
        found["card"] = subprocess.run(
            [sys.executable, "-c", asked, device], capture_output=True, text=True, check=False
        ).stdout.strip()
    return found


def _processor() -> str:
    names = (line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name"))
    return next((name.partition(":")[2].strip() for name in names), platform.machine())


def check(where: Path, device: str, chosen: Sequence[Part]) -> Iterator[Ended]:
    """Run some parts, and yield how each ended, as soon as it is written down beside the others.

    Args:
        where: The JSON file.
        device: On what they run.
        chosen: The parts.
    """
    document: dict[str, Any] = {"machine": machine(device), "parts": []}
    for part in chosen:
        ended = run_part(part)
        document["parts"].append(asdict(ended))
        write_whole(where, (json.dumps(document, indent=1) + "\n").encode())
        yield ended


def missing_packages() -> list[str]:
    """Return the names of the packages that the program imports and that are not there."""
    names = {"tomli-w": "tomli_w"}
    needed = ("click", "filelock", "lark", "msgspec", "multiprocess", "networkx", "numpy", "platformdirs")
    needed += (
        "psutil",
        "rich",
        "safetensors",
        "scipy",
        "setproctitle",
        "tomli-w",
        "torch",
        "pytest",
        "hypothesis",
    )
    return [name for name in needed if importlib.util.find_spec(names.get(name, name)) is None]
