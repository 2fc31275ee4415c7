"""`archsearch serve`."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from archsearch import __version__
from archsearch.actions.run_tools import TOOLS, RunTools
from archsearch.cli.options import runs_option
from archsearch.cli.printing import note
from archsearch.errors import ArchsearchError, InputError
from archsearch.store import existing_run

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

INSTRUCTIONS = (
    "A search for recurrent cells. Read cell_language before you propose. Fitness is the worst task's ratio to the GRU: a "
    "cell above 1 did better in the search, and only a verdict says that it does on fresh data."
)
"""What a client tells its model of the tools together."""

WRITES = "propose"
"""The one tool that does more than read."""


@click.command(epilog="Example: archsearch serve quick-1 --mcp")
@click.argument("run")
@click.option(
    "--mcp", "over_mcp", is_flag=True, help="Over standard input and output, by the Model Context Protocol."
)
@runs_option
def serve(run: str, over_mcp: bool, runs: Path) -> None:
    """Let a language model read a run, and propose cells to it.

    A client of the Model Context Protocol starts this command. Its tools read the run's leaderboard, cells and rulings; one
    proposes cells. No tool takes a path, none tells a test score, and none trains or judges. Needs the package mcp.
    """
    folder = existing_run(run, runs)
    if not over_mcp:
        raise InputError("serve speaks one protocol yet; ask for it: archsearch serve RUN --mcp")
    if find_spec("mcp") is None:
        raise InputError("--mcp needs mcp, which is not installed: pip install archsearch[mcp]")
    note(f"{folder.name}: {len(TOOLS)} tools on standard input and output, until that is closed")
    server_of(RunTools(folder)).run("stdio")


def server_of(tools: RunTools) -> MCPServer[Any]:
    """Return a server that offers the tools of a run."""
    from mcp.server.mcpserver import MCPServer
    from mcp.types import ToolAnnotations

    server: MCPServer[Any] = MCPServer(
        "archsearch",
        version=__version__,
        instructions=INSTRUCTIONS,
        log_level="ERROR",
    )
    for name in TOOLS:
        tool = _answering(getattr(tools, name))
        hints = ToolAnnotations(
            read_only_hint=name != WRITES,
            destructive_hint=False,
            idempotent_hint=True,
            open_world_hint=False,
        )
        server.add_tool(tool, name=name, annotations=hints, structured_output=False)
    return server


def _answering(tool: Any) -> Any:
    """Return a tool whose errors are told as what they are."""
    from functools import wraps

    from mcp.server.mcpserver.exceptions import ToolError

    @wraps(tool)
    def answered(*given: Any, **named: Any) -> Any:
        try:
            return tool(*given, **named)
        except ArchsearchError as error:
            raise ToolError(str(error)) from None

    return answered
