"""The command `vbench mcp`: the bench for agents, over standard input and output."""

from __future__ import annotations

from typing import Annotated

import typer

from vbench.cli.options import BenchPath


def mcp(
    bench: BenchPath = None,
    max_cost: Annotated[
        float | None,
        typer.Option(
            help="US dollars that generating may spend while this runs.  [default: nothing is generated]",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Serve the bench to agents by the Model Context Protocol, over standard input and output."""
    from vbench.agents import server
    from vbench.bench import Bench
    from vbench.bench.ceilings import check_limits

    check_limits(max_cost, None)
    with Bench.open(bench, create=False) as opened:
        server(opened, max_cost=max_cost).run("stdio")
