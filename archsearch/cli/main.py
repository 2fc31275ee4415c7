"""The group of commands: loads each when it is called, and turns our errors into one line and an exit code."""

from __future__ import annotations

import contextlib
import errno
import importlib
import os
import signal
import sys
from typing import Any, TextIO

import click

from archsearch import __version__
from archsearch.errors import INTERRUPTED, ArchsearchError, NoSpace
from archsearch.words import did_you_mean, plain

COMMANDS = {
    "evolve": "Search for cells that beat the GRU; start a run or go on with one.",
    "runs": "List the runs, the newest first: what each is doing, and its best.",
    "status": "Say what a run is doing: phase, rate, time left, failures by cause.",
    "leaderboard": "Show what a run found, beside the published cells and the noise.",
    "propose": "Propose cells to a run, while it is searched in or stopped.",
    "serve": "Let a language model read a run, and propose cells to it.",
    "report": "Write what a run found as a page, and as figures and tables for a paper.",
    "dashboard": "Show a run as live pages in a browser on this machine; it is only read.",
    "replay": "Train leaderboard rows again and compare the scores.",
    "show": "Show a cell: its equations, parameters and ancestry.",
    "cells": "List the published cells of the library.",
    "import": "Make a cell of a published genotype, string, recipe or class.",
    "tasks": "List the tasks with their difficulties, floors and ceilings.",
    "data": "List, fetch and check the published data sets that tasks and studies read.",
    "mutate": "Make children of a cell, and say what made them.",
    "train": "Train one cell on one task, beside the GRU.",
    "fit": "Train a cell on a task, and write a model to take away.",
    "judge": "Say which of two cells is better, on fresh data, until it is sure.",
    "confirm": "Judge the best cells of a run on fresh data, against the GRU and the champion.",
    "export": "Write a cell as a torch module, ONNX, C, text or picture.",
    "inspect": "Train a cell on a text, and show what its units say.",
    "study": "Ask how good the instrument is, or run the experiments of other papers again.",
    "doctor": "Look at this machine, or at a run: what is damaged, and the way out.",
    "bench": "Measure the speed of the engines here, beside torch's own layers.",
}
"""Name -> first line of its help; the command itself is the function of that name in the file of that name."""

KEYWORDS = {"import": "import_cell"}
"""Name that Python keeps for itself -> what function and file are called instead."""

ELSEWHERE = {
    "enqueue": "; cells are proposed to a run, also while it is searched in: archsearch propose RUN FILE.cell"
}
"""What other programs have as a command -> what to do here."""

FULL_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
"""What the system says where nothing more can be written."""

CLOSED = 128 + signal.SIGPIPE
"""What a shell shows for a program whose reader has gone."""


class _Commands(click.Group):
    """A group that imports a command only when it is used, so that help is instant."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = KEYWORDS.get(cmd_name, cmd_name)
        command: click.Command = getattr(importlib.import_module(f"archsearch.cli.{name}"), name)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            hint, way = did_you_mean(args[0], COMMANDS), ELSEWHERE.get(args[0], "")
            ctx.fail(f"no command {args[0]!r} (commands: {', '.join(COMMANDS)}{hint}){way}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=_Commands,
    invoke_without_command=True,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="Begin with: archsearch evolve",
)
@click.version_option(__version__, prog_name="archsearch")
@click.pass_context
def archsearch(ctx: click.Context) -> None:
    """Find recurrent cells that beat the GRU, with proof.

    A RUN is a name under runs/ (or --runs, or ARCHSEARCH_RUNS) or a path. A CELL is a library name (gru), a .cell file, a
    model's folder, or RUN/3 (rank) or RUN/c1f0 (id or unique prefix).
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def main(arguments: list[str] | None = None) -> None:
    """Run the command line; ends the process with the documented exit code."""
    _have_streams()
    code = run_command(arguments)
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except BrokenPipeError:
            code = CLOSED
        except OSError as error:
            code = code or (NoSpace.exit_code if error.errno in FULL_DISK else 1)
            _leave(stream)
    if code == CLOSED:
        _leave(sys.stdout)
    sys.exit(code)


def _leave(stream: TextIO) -> None:
    """Give up what is left in a stream's buffer: it has no reader or no place, and nothing more is said of it at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _have_streams() -> None:
    """Make sure that there is something to write to, and that it takes every character."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def run_command(arguments: list[str] | None) -> int:
    """Run one command and return its exit code."""
    try:
        result: Any = archsearch.main(args=arguments, prog_name="archsearch", standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Exit as ending:
        return ending.exit_code
    except click.ClickException as error:
        return _failed(_with_help(error).split("\n"), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        click.echo("\nInterrupted.", err=True)
        return INTERRUPTED
    except ArchsearchError as error:
        return _failed(str(error).split("\n") if error.has_lines else [str(error)], error.exit_code)
    except (BrokenPipeError, SystemExit):  # click and rich leave so when a pipe closes
        return CLOSED
    except OSError as error:
        if error.errno not in FULL_DISK:
            raise
        return _failed([f"{error.filename or 'output'}: {error.strerror}"], NoSpace.exit_code)


def _with_help(error: click.ClickException) -> str:
    """Return what is wrong, and where help is if the command line itself is."""
    message = error.format_message()
    if isinstance(error, click.UsageError) and error.ctx is not None:
        return f"{message.rstrip('.')}; see: {error.ctx.command_path} --help"
    return message


def _failed(lines: list[str], code: int) -> int:
    """Say what is wrong, each line of it made harmless, and return the exit code."""
    with contextlib.suppress(OSError):  # a full disk under standard error: the exit code says it
        click.echo("Error: " + "\n".join(plain(line.expandtabs()) for line in lines).rstrip(), err=True)
    return code
