"""`vbench publish`: boards for others: a site without a server, a data set or a Space of a hub."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from vbench.cli.options import BenchPath, Json, print_json, print_line
from vbench.errors import OptionError

SCHEMA = 1
"""Of the JSON that this command prints."""


def publish(
    target: Annotated[str, typer.Argument(help="A folder, s3://…, hf:dataset/ORG/NAME or hf:space/ORG/NAME.")],
    title: Annotated[str, typer.Option(help="Of the board.")] = "Leaderboard",
    about: Annotated[str, typer.Option(help="A sentence or two under the title.")] = "",
    removed: Annotated[list[str] | None, typer.Option(help="TOOL=REASON for a tool that is gone; repeatable.")] = None,
    clips: Annotated[bool, typer.Option("--clips/--no-clips", help="With the clips on the pages of prompts.")] = True,
    build: Annotated[Path | None, typer.Option(help="Make the files here and leave them.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the files, send nothing.")] = False,
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Publish boards, votes, costs, prompts with their clips, history and results.json."""
    from vbench.bench import Bench
    from vbench.publish.results import Edition
    from vbench.publish.target import publish as run

    edition = Edition(title=title, about=about, reasons=_reasons(removed or []))
    with Bench.open(bench, create=False) as opened:
        done = run(opened, target, edition, clips=clips, work=build, dry_run=dry_run)
    if as_json:
        print_json({"schema": SCHEMA, **asdict(done)})
        return
    for note in done.notes:
        print_line(f"note: {note}")
    print_line(done.url or done.folder)


def _reasons(pairs: list[str]) -> dict[str, str]:
    reasons = {}
    for pair in pairs:
        tool, equals, why = pair.partition("=")
        if not equals or not tool or not why:
            raise OptionError(f"--removed {pair!r}: expected TOOL=REASON")
        reasons[tool] = why
    return reasons
