"""`vbench status`, `cancel` and `budget`: how the jobs of a workspace stand, and what they cost."""

from __future__ import annotations

import sys
import time
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from vbench.cli.generate_options import names
from vbench.cli.options import BenchPath, Json, print_json, print_line
from vbench.cli.output import said
from vbench.errors import OptionError

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
        stopped = cancel_jobs(opened, ids=jobs or (), models=names(models) or None)
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


def _status(bench: Bench) -> dict[str, Any]:
    from vbench.bench.jobs import JobList
    from vbench.generate.budget import spend

    bad = JobList.jobs(bench, states=["outcome_unknown"])
    return {
        "tools": JobList.counts(bench),
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
        why = said(job["model"], job["message"])
        print_line(f"outcome unknown: {job['id'][:10]}  {job['model']}  {job['prompt']}: {why}")
    unknown = {job["id"] for job in found["unknown"]}
    for failure in found["failures"]:
        if failure["subject"] not in unknown:
            print_line(f"{failure['code']}: {failure['subject'][:24]}: {failure['message']}")
