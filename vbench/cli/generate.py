"""`vbench plan`, `generate` and `run`: making clips, and what that costs."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vbench.cli.generate_options import LIMIT_OPTIONS, MATRIX_OPTIONS, ONLY_SAMPLE, spec_of
from vbench.cli.options import (
    EXIT_FAILURES,
    EXIT_USER,
    BenchPath,
    Engine,
    EngineSet,
    Json,
    Machines,
    fleet_of,
    print_json,
    print_line,
    takes,
)
from vbench.cli.output import cost_words, in_flags, print_matrix, print_report, report_as_dict
from vbench.errors import BudgetError, as_typed

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.generate import GenerateReport, RunSpec, Step
    from vbench.machines import Fleet

TrustRemoteCode = Annotated[
    str,
    typer.Option("--trust-remote-code", help="Tools whose repositories may run their own code on this machine."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Spend without asking, where there is no --max-cost.")]


@takes("spec", MATRIX_OPTIONS, spec_of)
def plan(spec: RunSpec, bench: BenchPath = None, as_json: Json = False) -> None:
    """Show what a run would make, cost and need, and what each tool cannot honour; nothing is sent."""
    from vbench.bench import Bench
    from vbench.generate import plan_run

    if Bench.exists(bench):
        with Bench.open(bench, create=False) as opened:
            matrix = plan_run(opened, spec)
    else:
        matrix = plan_run(None, spec)
    if as_json:
        print_json(in_flags(matrix.as_dict()))
    else:
        print_matrix(matrix)


@takes("spec", (*MATRIX_OPTIONS, ONLY_SAMPLE, *LIMIT_OPTIONS), spec_of)
def generate(
    spec: RunSpec,
    trust_remote_code: TrustRemoteCode = "",
    yes: Yes = False,
    bench: BenchPath = None,
    engine: Engine = "local",
    machines: Machines = None,
    engine_set: EngineSet = None,
    as_json: Json = False,
) -> None:
    """Make every clip that is wanted and not there; stop it whenever you like, the same line goes on from there.

    What costs money and has no ceiling is asked about once, with the price.

    Exit code 3: something was refused, failed, is of unknown outcome, or waits at a ceiling.
    """
    fleet = fleet_of(engine, machines, engine_set)
    report = _generate(bench, spec, trust_remote_code, yes=yes, quiet=as_json, fleet=fleet)
    if as_json:
        print_json(in_flags(report_as_dict(report)))
    else:
        print_report(report)
    if not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


@takes("spec", (*MATRIX_OPTIONS, *LIMIT_OPTIONS), spec_of)
def run(
    spec: RunSpec,
    trust_remote_code: TrustRemoteCode = "",
    yes: Yes = False,
    preset: Annotated[str, typer.Option(help="Which metrics to score; see vbench score --help.")] = "offline",
    bench: BenchPath = None,
) -> None:
    """Generate, then score what is there."""
    from vbench.bench import Bench

    report = _generate(bench, spec, trust_remote_code, yes=yes, quiet=False)
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
    bench: Path | None, spec: RunSpec, trust_remote_code: str, *, yes: bool, quiet: bool, fleet: Fleet | None = None
) -> GenerateReport:
    from vbench.bench import Bench
    from vbench.generate import generate as make_clips

    if trust_remote_code:
        os.environ["VBENCH_TRUST_REMOTE_CODE"] = trust_remote_code
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with Bench.open(bench) as opened:
        if not yes:
            _agree_to_cost(opened, spec)
        if fleet is not None:
            from vbench.machines import generate as make_shared

            return make_shared(opened, spec, fleet, note=_print_note)
        return make_clips(opened, spec, progress=None if quiet else _progress())


def _agree_to_cost(bench: Bench, spec: RunSpec) -> None:
    """Ask once before money is spent that no ceiling holds.

    Raises:
        BudgetError: nobody can be asked.
        typer.Exit: the answer was no; nothing was sent.
    """
    from vbench.generate import plan_run
    from vbench.generate.budget import has_ceiling

    if spec.max_cost is not None:
        return
    matrix = plan_run(bench, spec)
    if not matrix.n_billable or has_ceiling(bench, spec):
        return
    price = f"{matrix.n_billable} clips to pay for, {cost_words(matrix)}"
    if not is_terminal():
        raise BudgetError(f"{price}: say that you agree with `yes=`, or give a ceiling with `max_cost=`")
    if not typer.confirm(f"{price}. Go on?", err=True):
        print_line("nothing was sent")
        raise typer.Exit(EXIT_USER)


def is_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()


def _print_note(text: str) -> None:
    sys.stderr.write(f"{as_typed(text)}\n")


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def _progress() -> Callable[[Step], None]:
    """One line per step that matters, on the error stream: the output itself stays clean."""
    from vbench.generate.report import without_label

    shown = {"submitting": "sending", "succeeded": "made"}

    def print_step(step: Step) -> None:
        if step.state in ("submitted", "running", "planned") and not step.message:
            return
        word = shown.get(step.state, step.state)
        message = f": {as_typed(without_label(step.label, step.message))}" if step.message else ""
        sys.stderr.write(f"{word:<16}{step.label}  {step.prompt}-{step.sample}{message}\n")

    return print_step
