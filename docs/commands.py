"""Writes what every command says of itself into docs/commands.md; the prose beside it is written by hand.

`python docs/commands.py` (or `make docs`) replaces the block after each line `<!-- help: COMMAND -->`.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

import click
from click.testing import CliRunner

from archsearch.cli.main import archsearch

FILE = Path(__file__).with_suffix(".md")
BLOCK = re.compile(r"(<!-- help: ([a-z -]*?) ?-->\n```text\n).*?(```\n)", re.DOTALL)
COLUMNS = 100


def help_of(words: list[str]) -> str:
    """Return what a command prints for `--help`; no words stand for the program itself."""
    runner = CliRunner(env={"ARCHSEARCH_RUNS": None, "COLUMNS": str(COLUMNS)})
    done = runner.invoke(
        archsearch,
        [*words, "--help"],
        prog_name="archsearch",
        terminal_width=COLUMNS,
        catch_exceptions=False,
    )
    return done.output


def with_help(document: str) -> str:
    """Return the document with every help block as the program prints it now."""
    return BLOCK.sub(lambda block: f"{block[1]}{help_of(block[2].split())}{block[3]}", document)


def documented(document: str) -> set[str]:
    """Return the commands that have a help block, `study racing` for one in a group."""
    return {block[2] for block in BLOCK.finditer(document)}


def commands() -> set[str]:
    """Return every command there is, groups and the commands in them included."""
    root = click.Context(archsearch, info_name="archsearch")
    names = {""}
    for name in archsearch.list_commands(root):
        command = archsearch.get_command(root, name)
        names.add(name)
        if isinstance(command, click.Group):
            names |= {f"{name} {inner}" for inner in command.list_commands(click.Context(command))}
    return names


def main() -> None:
    """Rewrite the document in place."""
    FILE.write_text(with_help(FILE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    os.environ.pop("ARCHSEARCH_RUNS", None)
    main()
