"""Write Python's own standard library as one text, a task of characters; its source is wherever Python is.

    python examples/case_characters.py python.txt

What to do with the text is told in docs/cases.md.
"""

from __future__ import annotations

import argparse
import sysconfig
from pathlib import Path

PACKAGES = ("asyncio", "concurrent", "email", "html", "http", "json", "logging", "unittest", "urllib")


def source() -> str:
    """Return the modules of some packages, one after the other, in plain ASCII."""
    library = Path(sysconfig.get_path("stdlib"))
    files = [file for package in PACKAGES for file in sorted((library / package).rglob("*.py"))]
    return "\n".join(file.read_text("utf-8").encode("ascii", "ignore").decode() for file in files)


def main() -> None:
    """Read the command line, write the text, and say what it is."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("text", type=Path, help="the file to write")
    arguments = parser.parse_args()
    text = source()
    arguments.text.write_text(text, "utf-8")
    print(f"{arguments.text}: {len(text):,} characters, {len(set(text))} different ones")


if __name__ == "__main__":
    main()
