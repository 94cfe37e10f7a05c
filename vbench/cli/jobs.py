"""`vbench status`, `cancel` and `budget`: how the jobs of a workspace stand, and what they cost."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.options import BenchPath, Json, names, print_json, print_line
from vbench.cli.output import in_flags, spent_words
from vbench.errors import OptionError, as_typed

if TYPE_CHECKING:
    from vbench.bench import Bench

UNDER_WAY = ("submitting", "submitted", "running")


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
            current = _status(opened)
            if watch and sys.stdout.isatty():
                sys.stdout.write("\x1b[2J\x1b[H")
            _print_status(current)
            under_way = sum(n for states in current["tools"].values() for s, n in states.items() if s in UNDER_WAY)
            if not watch or not under_way:
                return
            time.sleep(2)


def cancel(
    jobs: Annotated[list[str] | None, typer.Argument(help="Job ids, or how they begin.")] = None,
    models: Annotated[str, typer.Option("--models", "-m", help="Every open job of these tools.")] = "",
    everything: Annotated[bool, typer.Option("--all", help="Every open job.")] = False,
    bench: BenchPath = None,
) -> None:
    """Stop jobs: planned ones are dropped, those at a tool are cancelled there where it can.

    A clip that a tool has finished already is paid for: it is fetched.
    """
    from vbench.bench import Bench
    from vbench.generate import cancel_jobs

    if not (jobs or models or everything):
        raise OptionError("nothing to cancel is named; give job ids (vbench status), --models, or --all")
    with Bench.open(bench, create=False) as opened:
        stopped = cancel_jobs(opened, ids=jobs or (), models=names(models) or None)
    for job, how in stopped:
        print_line(f"{job.id[:10]}  {job.model}  {job.prompt.id}-{job.sample}  {how}")
    n_ended = sum("already" in how for _, how in stopped)
    print_line(f"{len(stopped) - n_ended} cancelled" + (f", {n_ended} had ended already" if n_ended else ""))


def budget(
    max_cost: Annotated[float | None, typer.Option(help="New ceiling in US dollars.")] = None,
    max_jobs: Annotated[int | None, typer.Option(help="New ceiling in jobs.")] = None,
    of_run: Annotated[
        str, typer.Option("--run", help="Key of the run, as shown; 'bench' for all runs together.", show_default=False)
    ] = "",
    bench: BenchPath = None,
    as_json: Json = False,
) -> None:
    """Show what was spent and what may be; raise or set a ceiling.

    Without --run, the ceiling set last changes, or that of the whole workspace where none is set.
    """
    from vbench.bench import Bench
    from vbench.generate.budget import budget as change_budget

    with Bench.open(bench, create=False) as opened:
        ceilings = change_budget(opened, run=of_run, max_cost=max_cost, max_jobs=max_jobs)
    rows = [{**asdict(ceiling), "spent": asdict(spend)} for ceiling, spend in ceilings]
    if as_json:
        print_json({"ceilings": rows})
        return
    for row in rows:
        cost = "no ceiling" if row["max_cost_usd"] is None else f"of ${row['max_cost_usd']:.2f}"
        n = "" if row["max_jobs"] is None else f" of {row['max_jobs']}"
        spent = row["spent"]
        unpriced = f", {spent['n_unpriced']} without a known price" if spent["n_unpriced"] else ""
        print_line(f"{row['key']:<18}${spent['usd']:.2f} {cost}, {spent['n_jobs']}{n} jobs{unpriced}   {row['about']}")


def _status(bench: Bench) -> dict[str, Any]:
    unknown = [
        {"id": job.id, "model": job.model, "prompt": job.prompt.id, "message": as_typed(job.message)}
        for job in bench.jobs(states=["outcome_unknown"])
    ]
    failures = [asdict(failure) | {"key": None} for failure in bench.failures("generate")]
    return {
        "tools": bench.job_counts(),
        "clips": {
            model: {"clips": n_clips, "scored": n_scored, "scores": n_scores}
            for model, (n_clips, n_scored, n_scores) in bench.clip_counts().items()
        },
        "spend": asdict(bench.spend()),
        "unknown": unknown,
        "failures": in_flags(failures),
    }


def _print_status(status: dict[str, Any]) -> None:
    from vbench.bench.ceilings import Spend
    from vbench.generate.report import without_label

    for label, clips in status["clips"].items():
        plural = "" if clips["clips"] == 1 else "s"
        print_line(f"{label:<32}{clips['clips']} clip{plural}, {clips['scored']} scored ({clips['scores']} scores)")
    if not status["tools"]:
        where_from = ": the clips were imported" if status["clips"] else " yet; start with vbench generate"
        print_line(f"no jobs{where_from}")
    for label, states in status["tools"].items():
        print_line(f"{label:<32}" + ", ".join(f"{n} {state}" for state, n in sorted(states.items())))
    print_line(f"{spent_words(Spend(**status['spend']))}, {status['spend']['n_jobs']} jobs in all")
    for job in status["unknown"]:
        why = without_label(job["model"], job["message"])
        print_line(f"outcome unknown: {job['id'][:10]}  {job['model']}  {job['prompt']}: {why}")
    unknown = {job["id"] for job in status["unknown"]}
    for failure in status["failures"]:
        if failure["subject"] not in unknown:
            print_line(f"{failure['code']}: {failure['subject'][:24]}: {failure['message']}")
