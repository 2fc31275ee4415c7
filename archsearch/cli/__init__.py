"""The command line: one file per command; a command reads its options, calls one function, and prints."""

from archsearch.cli.main import main

__all__ = ["main"]
