"""`vbench plan`, `generate`, `run`, `status`, `cancel` and `budget`: making clips, and what that costs."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import EXIT_FAILURES, BenchPath, Json, print_json, print_line
from vbench.errors import OptionError

if TYPE_CHECKING:
    from vbench.generate import GenerateReport
    from vbench.generate.making import Step
    from vbench.generate.planning import Matrix

Suite = Annotated[str, typer.Option("--suite", "-s", help="Suite, by name or file.")]
Models = Annotated[str, typer.Option("--models", "-m", help="Tools: ids or card files, separated by commas.")]
Samples = Annotated[int, typer.Option("--samples", "-n", help="Clips per tool and prompt.")]
Seed = Annotated[
    int | None, typer.Option(help="Seed of the first sample; the next ones count up.  [default: one per prompt]")
]
Seconds = Annotated[float | None, typer.Option(help="Length asked for.  [default: each tool's own]")]
Width = Annotated[int | None, typer.Option(help="Pixels asked for.")]
Height = Annotated[int | None, typer.Option(help="Pixels asked for.")]
Fps = Annotated[float | None, typer.Option(help="Frames per second asked for.")]
Audio = Annotated[bool | None, typer.Option("--audio/--no-audio", help="Sound asked for, or asked away.")]
Negative = Annotated[str, typer.Option(help="What should not be there, beside each prompt's own.")]
Arms = Annotated[
    list[Path] | None, typer.Option("--arm", help="Prompt expansion to compare with: a YAML file; repeatable.")
]
Retry = Annotated[
    str, typer.Option(help="Ended jobs to try again, by state or reason: failed,refused_output,outcome_unknown,...")
]
OnlySample = Annotated[
    int | None, typer.Option(help="Of the samples, only the one with this number, from 0.  [default: all]", min=0)
]
MaxCost = Annotated[float | None, typer.Option(help="US dollars this run may cost, over all its repetitions.", min=0)]
MaxJobs = Annotated[int | None, typer.Option(help="Jobs this run may start.", min=0)]
Unpriced = Annotated[str, typer.Option("--allow-unpriced", help="Tools without a price that may run under --max-cost.")]
Trust = Annotated[
    str, typer.Option("--trust-remote-code", help="Tools whose repositories may run their own code on this machine.")
]


def plan(
    suite: Suite,
    models: Models,
    samples: Samples = 1,
    seed: Seed = None,
    seconds: Seconds = None,
    width: Width = None,
    height: Height = None,
    fps: Fps = None,
    audio: Audio = None,
    negative: Negative = "",
    arm: Arms = None,
    retry: Retry = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Show what a run would make, cost and need, and what each tool cannot honour; nothing is sent."""
    from vbench.bench import Bench
    from vbench.generate import plan_run

    options = _options(suite, models, samples, seed, seconds, width, height, fps, audio, negative, arm, retry)
    if _is_there(bench):
        with Bench.open(bench, create=False) as opened:
            matrix = plan_run(opened, **options)
    else:
        matrix = plan_run(None, **options)
    if as_json:
        print_json(matrix.as_dict())
    else:
        _print_matrix(matrix)


def generate(
    suite: Suite,
    models: Models,
    samples: Samples = 1,
    seed: Seed = None,
    seconds: Seconds = None,
    width: Width = None,
    height: Height = None,
    fps: Fps = None,
    audio: Audio = None,
    negative: Negative = "",
    arm: Arms = None,
    retry: Retry = "",
    only_sample: OnlySample = None,
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    allow_unpriced: Unpriced = "",
    trust_remote_code: Trust = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Make every clip that is wanted and not there; stop it whenever you like, the same line goes on from there.

    Exit code 3: something was refused, failed, is of unknown outcome, or waits at a ceiling.
    """
    options = _options(suite, models, samples, seed, seconds, width, height, fps, audio, negative, arm, retry)
    options["only_sample"] = only_sample
    options |= {"max_cost": max_cost, "max_jobs": max_jobs, "allow_unpriced": _names(allow_unpriced)}
    report = _generate(bench, options, trust_remote_code, quiet=as_json)
    if as_json:
        print_json(_as_dict(report))
    else:
        _print_report(report)
    if not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


def run(
    suite: Suite,
    models: Models,
    samples: Samples = 1,
    seed: Seed = None,
    seconds: Seconds = None,
    width: Width = None,
    height: Height = None,
    fps: Fps = None,
    audio: Audio = None,
    negative: Negative = "",
    arm: Arms = None,
    retry: Retry = "",
    max_cost: MaxCost = None,
    max_jobs: MaxJobs = None,
    allow_unpriced: Unpriced = "",
    trust_remote_code: Trust = "",
    preset: Annotated[str, typer.Option(help="Which metrics to score; see vbench score --help.")] = "offline",
    bench: BenchPath = None,
) -> None:
    """Generate, then score what is there."""
    from vbench.bench import Bench

    options = _options(suite, models, samples, seed, seconds, width, height, fps, audio, negative, arm, retry)
    options |= {"max_cost": max_cost, "max_jobs": max_jobs, "allow_unpriced": _names(allow_unpriced)}
    report = _generate(bench, options, trust_remote_code, quiet=False)
    _print_report(report)
    from vbench.score import score

    with Bench.open(bench, create=False) as opened:
        scored = score(opened, preset=preset)
    codes = ", ".join(f"{code} {n}" for code, n in sorted(scored.failures.items()))
    print_line(
        f"{scored.n_scores} scores added to {scored.n_clips} clips{f', not measured: {codes}' if codes else ''}; "
        "rank them with vbench board"
    )
    if not report.is_complete:
        raise typer.Exit(EXIT_FAILURES)


def status(
    watch: Annotated[bool, typer.Option("--watch", "-w", help="Refresh until nothing is under way.")] = False,
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Show how the jobs of a workspace stand, what was spent, and what needs a person."""
    from vbench.bench import Bench

    with Bench.open(bench, create=False) as opened:
        if as_json:
            print_json(_status(opened))
            return
        while True:
            found = _status(opened)
            if watch and sys.stdout.isatty():
                sys.stdout.write("\x1b[2J\x1b[H")
            _print_status(found)
            under_way = sum(n for states in found["tools"].values() for s, n in states.items() if s in UNDER_WAY)
            if not watch or not under_way:
                return
            time.sleep(2)


def cancel(
    jobs: Annotated[list[str] | None, typer.Argument(help="Job ids, or how they begin.")] = None,
    models: Annotated[str, typer.Option("--models", "-m", help="Every open job of these tools.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every open job.")] = False,
    bench: BenchPath = None,
) -> None:
    """Stop jobs: planned ones are dropped, those at a tool are cancelled there where it can."""
    from vbench.bench import Bench
    from vbench.generate import cancel_jobs

    if not (jobs or models or everything):
        raise OptionError("nothing to cancel is named; give job ids (vbench status), --models, or --all")
    with Bench.open(bench, create=False) as opened:
        stopped = cancel_jobs(opened, ids=jobs or (), models=_names(models) or None)
    for job, how in stopped:
        print_line(f"{job.id[:10]}  {job.model}  {job.prompt.id}-{job.sample}  {how}")
    print_line(f"{len(stopped)} cancelled")


def budget(
    max_cost: Annotated[float | None, typer.Option(help="New ceiling in US dollars.", min=0)] = None,
    max_jobs: Annotated[int | None, typer.Option(help="New ceiling in jobs.", min=0)] = None,
    of_run: Annotated[
        str, typer.Option("--run", help="Key of the run, as shown; 'bench' for all runs together.", show_default=False)
    ] = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Show what was spent and what may be; raise or set a ceiling.

    Without --run, the ceiling set last changes, or that of the whole workspace where none is set.
    """
    from dataclasses import replace

    from vbench.bench import Bench
    from vbench.generate.budget import WHOLE_BENCH, Ceiling, ceilings, set_ceiling, spend

    with Bench.open(bench, create=False) as opened:
        found = ceilings(opened)
        if max_cost is not None or max_jobs is not None:
            key = of_run or (found[0].key if found else WHOLE_BENCH)
            known = {ceiling.key: ceiling for ceiling in found}
            if key != WHOLE_BENCH and key not in known:
                raise OptionError(f"no run {key!r} has a ceiling; there are: {', '.join(known) or 'none'}, and bench")
            old = known.get(key, Ceiling())
            new = replace(
                old,
                max_cost_usd=max_cost if max_cost is not None else old.max_cost_usd,
                max_jobs=max_jobs if max_jobs is not None else old.max_jobs,
            )
            set_ceiling(opened, new)
            found = ceilings(opened)
        rows = [
            {**asdict(ceiling), "spent": asdict(spend(opened, ceiling.key))}
            for ceiling in ([] if any(c.key == WHOLE_BENCH for c in found) else [Ceiling()]) + found
        ]
    if as_json:
        print_json(rows)
        return
    for row in rows:
        cost = "no ceiling" if row["max_cost_usd"] is None else f"of ${row['max_cost_usd']:.2f}"
        n = "" if row["max_jobs"] is None else f" of {row['max_jobs']}"
        spent = row["spent"]
        unpriced = f", {spent['n_unpriced']} without a known price" if spent["n_unpriced"] else ""
        print_line(f"{row['key']:<18}${spent['usd']:.2f} {cost}, {spent['n_jobs']}{n} jobs{unpriced}   {row['about']}")


WARNINGS_SHOWN = 8
"""Per tool, the most frequent first."""
UNDER_WAY = ("submitting", "submitted", "running")


# --- from options to arguments ------------------------------------------------------------------------------------


def _options(
    suite: str,
    models: str,
    samples: int,
    seed: int | None,
    seconds: float | None,
    width: int | None,
    height: int | None,
    fps: float | None,
    audio: bool | None,
    negative: str,
    arms: list[Path] | None,
    retry: str,
) -> dict[str, Any]:
    from vbench.generate.planning import Wishes, checked_retry

    wishes = Wishes(seconds=seconds, width=width, height=height, fps=fps, audio=audio, negative=negative)
    options: dict[str, Any] = {"models": _names(models), "suite": suite, "samples": samples, "wishes": wishes}
    options |= {
        "seeds": [] if seed is None else [seed + i for i in range(samples)],
        "retry": checked_retry(_names(retry)),
    }
    if arms:
        from vbench.generate.expand import read_arm

        options["arms"] = [read_arm(path) for path in arms]
    return options


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _is_there(bench: Path | None) -> bool:
    root = Path(bench or os.environ.get("VBENCH_HOME") or "bench")
    return bool(os.environ.get("VBENCH_DB")) or (root / "bench.db").exists()


def _generate(bench: Path | None, options: dict[str, Any], trusted: str, *, quiet: bool) -> GenerateReport:
    from vbench.bench import Bench
    from vbench.generate import generate as make

    if trusted:
        os.environ["VBENCH_TRUST_REMOTE_CODE"] = trusted
    signal.signal(signal.SIGTERM, _as_ctrl_c)
    with Bench.open(bench) as opened:
        return make(opened, progress=None if quiet else _progress(), **options)


def _as_ctrl_c(*_: object) -> None:
    raise KeyboardInterrupt


def _progress() -> Callable[[Step], None]:
    """One line per step that matters, on the error stream: the output itself stays clean."""
    shown = {"submitting": "sending", "succeeded": "made"}

    def tell(step: Step) -> None:
        if step.state in ("submitted", "running", "planned") and not step.message:
            return
        word = shown.get(step.state, step.state)
        message = f": {_said(step.label, step.message)}" if step.message else ""
        sys.stderr.write(f"{word:<16}{step.label}  {step.prompt}-{step.sample}{message}\n")

    return tell


# --- printing -----------------------------------------------------------------------------------------------------


def _print_matrix(matrix: Matrix) -> None:
    width = max(len(tool.label) for tool in matrix.tools) + 2
    print_line(
        f"{'tool':<{width}}{'new':>6}{'there':>7}{'open':>6}{'ended':>7}{'cost':>12}{'hours':>8}{'disk':>10}{'GPU':>8}"
    )
    for tool in matrix.tools:
        n = tool.n
        cost = "no price" if tool.cost_usd is None else f"${tool.cost_usd:.2f}"
        hours = "?" if tool.hours is None else f"{tool.hours:.1f}"
        vram = "" if tool.vram_gb is None else f"{tool.vram_gb:g} GB"
        print_line(
            f"{tool.label:<{width}}{n.get('new', 0):>6}{n.get('done', 0):>7}{n.get('open', 0):>6}"
            f"{n.get('ended', 0):>7}{cost:>12}{hours:>8}{_size(tool.disk_bytes):>10}{vram:>8}"
        )
    for tool in matrix.tools:
        if tool.cost_usd is None:
            print_line(f"{tool.label}: its card has no price, it costs money all the same")
        for warning, times in list(tool.warnings.items())[:WARNINGS_SHOWN]:
            print_line(f"{tool.label}: {_said(tool.label, warning)}" + (f" ({times} clips)" if times > 1 else ""))
        if (n_more := len(tool.warnings) - WARNINGS_SHOWN) > 0:
            print_line(f"{tool.label}: {n_more} more warnings; --json shows all")
    total = f"{matrix.n_new} clips to make, ${matrix.cost_usd:.2f}, about {_size(matrix.disk_bytes)}"
    print_line(total + (f", without {', '.join(matrix.unpriced)}" if matrix.unpriced else ""))


def _said(label: str, message: str) -> str:
    """A message without the tool it begins with, where the line names that already."""
    return message.removeprefix(f"{label}: ").removeprefix(f"{label.partition('@')[0]}: ")


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def _as_dict(report: GenerateReport) -> dict[str, Any]:
    values = {name: getattr(report, name) for name in ("n_planned", "made", "elapsed_s", "is_complete")}
    for name in ("states", "impossible", "paused"):
        values[name] = dict(getattr(report, name))
    values["spend"] = asdict(report.spend)
    for name in ("unknown", "ended"):
        values[name] = [
            {"id": j.id, "model": j.model, "prompt": j.prompt.id, "sample": j.sample, "state": j.state}
            | {"reason": j.reason, "message": j.message}
            for j in getattr(report, name)
        ]
    return values


def _print_report(report: GenerateReport) -> None:
    states = ", ".join(f"{n} {state}" for state, n in sorted(report.states.items())) or "nothing to make"
    print_line(f"{report.made} clips made in {report.elapsed_s:.0f} s; in all: {states}; ${report.spend.usd:.2f} spent")
    for job in (*report.unknown, *report.ended):
        print_line(
            f"{job.state:<16}{job.id[:10]}  {job.model}  {job.prompt.id}-{job.sample}: "
            f"{_said(job.model, job.message) or job.reason}"
        )
    for why, n in report.impossible.items():
        print_line(f"{'not possible':<16}{why}" + (f" ({n} clips)" if n > 1 else ""))
    for label, why in report.paused.items():
        print_line(f"{'paused':<16}{label}: {_said(label, why)}")
    if report.ended:
        print_line("to try these again, add --retry with the states, as in --retry failed,refused_output")


def _status(bench: Any) -> dict[str, Any]:
    from vbench.generate.budget import spend
    from vbench.generate.journal import Journal

    bad = Journal.jobs(bench, states=["outcome_unknown"])
    return {
        "tools": Journal.counts(bench),
        "spend": asdict(spend(bench)),
        "unknown": [{"id": j.id, "model": j.model, "prompt": j.prompt.id, "message": j.message} for j in bad],
        "failures": [asdict(f) | {"key": None} for f in bench.failures("generate")],
    }


def _print_status(found: dict[str, Any]) -> None:
    if not found["tools"]:
        print_line("no jobs yet; start with vbench generate")
    for label, states in found["tools"].items():
        print_line(f"{label:<32}" + ", ".join(f"{n} {state}" for state, n in sorted(states.items())))
    print_line(f"${found['spend']['usd']:.2f} spent on {found['spend']['n_jobs']} jobs")
    for job in found["unknown"]:
        said = _said(job["model"], job["message"])
        print_line(f"outcome unknown: {job['id'][:10]}  {job['model']}  {job['prompt']}: {said}")
    unknown = {job["id"] for job in found["unknown"]}
    for failure in found["failures"]:
        if failure["subject"] not in unknown:
            print_line(f"{failure['code']}: {failure['subject'][:24]}: {failure['message']}")
