"""The command line: parses, calls one stage, prints; exit codes 0 done, 1 bug, 2 you can fix it, 3 failures."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from vbench._version import __version__
from vbench.cli import (
    bundle,
    catalog,
    check,
    compare,
    cut,
    distance,
    gate,
    generate,
    jobs,
    judge,
    mcp,
    models,
    physics_iq,
    publish,
    rank,
    regress,
    review,
    route,
    score,
    selects,
    system,
    ui,
    validate,
    votes,
)
from vbench.cli.options import EXIT_USER
from vbench.errors import VBenchError, as_typed

app = typer.Typer(
    name="vbench",
    help="The bench on which video-generation tools are compared: generate → score → judge → rank → show.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("demo")(system.demo)
app.command("import")(catalog.import_clips)
app.command("prompts")(catalog.prompts)
app.command("models")(models.models)
app.command("plan")(generate.plan)
app.command("generate")(generate.generate)
app.command("run")(generate.run)
app.command("status")(jobs.status)
app.command("cancel")(jobs.cancel)
app.command("budget")(jobs.budget)
app.command("score")(score.score)
app.command("scores")(score.scores)
app.command("show")(score.show)
app.command("judge")(judge.judge)
app.command("sheet")(judge.sheet)
app.command("selftest")(score.selftest)
app.command("board")(rank.board)
app.command("compare")(compare.compare)
app.add_typer(physics_iq.app, name="physics-iq")
app.command("regress")(regress.regress)
app.command("gate")(gate.gate)
app.command("power")(compare.power)
app.command("efficiency")(route.efficiency)
app.command("route")(route.route)
app.add_typer(bundle.app, name="bundle")
app.command("publish")(publish.publish)
app.add_typer(votes.app, name="votes")
app.command("selects")(selects.selects)
app.add_typer(cut.app, name="cut")
app.add_typer(review.app, name="review")
app.command("agreement")(check.agreement)
app.command("validate")(validate.validate)
app.command("calibrate")(check.calibrate)
app.command("totals")(check.totals)
app.command("distance")(distance.distance)
app.command("ui")(ui.ui)
app.command("mcp")(mcp.mcp)
app.command("doctor")(system.doctor)


@app.callback()
def common(
    db: Annotated[str | None, typer.Option(help="Database address instead of the workspace's own.")] = None,
    media: Annotated[str | None, typer.Option(help="Folder or bucket for clips instead of the workspace.")] = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Set what every command shares."""
    if version:
        print(__version__)
        raise typer.Exit
    if db:
        os.environ["VBENCH_DB"] = db
    if media:
        os.environ["VBENCH_MEDIA"] = media


def main() -> None:
    """Run one command; a sentence for what a person can fix, a traceback for a bug."""
    try:
        app()
    except VBenchError as error:
        print(f"vbench: {as_typed(str(error))}", file=sys.stderr)
        sys.exit(EXIT_USER)
    except (KeyboardInterrupt, typer.Abort):
        print("vbench: stopped; what was finished is kept, and the same line goes on from there", file=sys.stderr)
        sys.exit(130)
    except BrokenPipeError:  # `vbench scores | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except Exception as error:
        from vbench.bench import disk_trouble  # here, since help does without

        if (trouble := disk_trouble(error)) is None:
            raise
        print(f"vbench: {trouble}", file=sys.stderr)
        sys.exit(EXIT_USER)
