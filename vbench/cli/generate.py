"""`vbench plan`, `generate` and `run`: making clips, and what that costs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.generate_options import Allowed, Asked, one_by_one
from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, print_json, print_line
from vbench.cli.output import print_matrix, print_report, report_as_dict, said

if TYPE_CHECKING:
    from vbench.generate import GenerateReport
    from vbench.generate.telling import Step

OnlySample = Annotated[
    int | None, typer.Option(help="Of the samples, only the one with this number, from 0.  [default: all]", min=0)
]


@one_by_one
def plan(asked: Asked, bench: BenchPath = None, as_json: Json = False) -> None:
    """Show what a run would make, cost and need, and what each tool cannot honour; nothing is sent."""
    from vbench.bench import Bench
    from vbench.generate import plan_run

    arguments = asked.arguments()
    if Bench.exists(bench):
        with Bench.open(bench, create=False) as opened:
            matrix = plan_run(opened, **arguments)
    else:
        matrix = plan_run(None, **arguments)
    if as_json:
        print_json(matrix.as_dict())
    else:
        print_matrix(matrix)


@one_by_one
def generate(
    *, asked: Asked, only_sample: OnlySample = None, allowed: Allowed, bench: BenchPath = None, as_json: Json = False
) -> None:
    """Make every clip that is wanted and not there; stop it whenever you like, the same line goes on from there.

    Exit code 3: something was refused, failed, is of unknown outcome, or waits at a ceiling.
    """
    report = _generate(bench, asked, allowed, only_sample=only_sample, quiet=as_json)
    if as_json:
        print_json(report_as_dict(report))
    else:
        print_report(report)
    if not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


@one_by_one
def run(
    asked: Asked,
    allowed: Allowed,
    preset: Annotated[str, typer.Option(help="Which metrics to score; see vbench score --help.")] = "offline",
    bench: BenchPath = None,
) -> None:
    """Generate, then score what is there."""
    from vbench.bench import Bench

    report = _generate(bench, asked, allowed, quiet=False)
    print_report(report)
    from vbench.score import score

    with Bench.open(bench, create=False) as opened:
        scored = score(opened, preset=preset)
    print_line(
        f"{scored.n_scores} scores added to {scored.n_clips} clips{scored.without_score}; rank them with vbench board"
    )
    if not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


def _generate(
    bench: Path | None, asked: Asked, allowed: Allowed, *, quiet: bool, only_sample: int | None = None
) -> GenerateReport:
    from vbench.bench import Bench
    from vbench.generate import generate as make

    arguments: dict[str, Any] = {**asked.arguments(), **allowed.arguments(), "only_sample": only_sample}
    if allowed.trust_remote_code:
        os.environ["VBENCH_TRUST_REMOTE_CODE"] = allowed.trust_remote_code
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with Bench.open(bench) as opened:
        return make(opened, progress=None if quiet else _progress(), **arguments)


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def _progress() -> Callable[[Step], None]:
    """One line per step that matters, on the error stream: the output itself stays clean."""
    shown = {"submitting": "sending", "succeeded": "made"}

    def tell(step: Step) -> None:
        if step.state in ("submitted", "running", "planned") and not step.message:
            return
        word = shown.get(step.state, step.state)
        message = f": {said(step.label, step.message)}" if step.message else ""
        sys.stderr.write(f"{word:<16}{step.label}  {step.prompt}-{step.sample}{message}\n")

    return tell
