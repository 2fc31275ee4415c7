"""`archsearch study`: the group of its commands, each in the file of its name."""

from __future__ import annotations

import click

from archsearch.cli.bias import bias
from archsearch.cli.generalize import generalize
from archsearch.cli.gradient import gradient
from archsearch.cli.inside import inside
from archsearch.cli.instrument import instrument
from archsearch.cli.long_lag import long_lag
from archsearch.cli.odyssey import odyssey
from archsearch.cli.operators import operators
from archsearch.cli.panel import panel
from archsearch.cli.parallel import parallel
from archsearch.cli.racing import racing
from archsearch.cli.referee import referee
from archsearch.cli.strategies import strategies
from archsearch.cli.transfer import transfer
from archsearch.cli.twins import twins
from archsearch.studies import STUDIES


class _Studies(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in STUDIES and not args[0].startswith("-"):
            ctx.fail(f"no study {args[0]!r} (studies: {', '.join(STUDIES)})")
        return super().resolve_command(ctx, args)


@click.group(cls=_Studies, invoke_without_command=True, epilog="Example: archsearch study racing quick-1")
@click.pass_context
def study(ctx: click.Context) -> None:
    """Ask how good the instrument is, or run the experiments of other papers again."""
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


for command in (
    racing,
    instrument,
    referee,
    twins,
    strategies,
    operators,
    bias,
    long_lag,
    odyssey,
    panel,
    inside,
    gradient,
    generalize,
    transfer,
    parallel,
):
    study.add_command(command)
