"""Prints the plan of a run, and what became of it."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vbench.cli.options import print_line
from vbench.errors import as_typed

if TYPE_CHECKING:
    from vbench.generate import GenerateReport, Matrix
    from vbench.records import Job

WARNINGS_SHOWN = 8
"""Per tool, the most frequent first."""


def in_flags(value: Any) -> Any:
    """JSON values in which every sentence names flags, as a person at a terminal types them."""
    if isinstance(value, dict):
        return {in_flags(name): in_flags(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_flags(part) for part in value]
    return as_typed(value) if isinstance(value, str) else value


def print_matrix(matrix: Matrix) -> None:
    """A line per tool, what it cannot honour, and the sum."""
    from vbench.generate.report import without_label

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
            sentence = as_typed(without_label(tool.label, warning))
            print_line(f"{tool.label}: {sentence}" + (f" ({times} clips)" if times > 1 else ""))
        if (n_more := len(tool.warnings) - WARNINGS_SHOWN) > 0:
            print_line(f"{tool.label}: {n_more} more warnings; --json shows all")
    total = f"{matrix.n_new} clips to make, ${matrix.cost_usd:.2f}, about {_size(matrix.disk_bytes)}"
    print_line(total + (f", without {', '.join(matrix.unpriced)}" if matrix.unpriced else ""))


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def report_as_dict(report: GenerateReport) -> dict[str, Any]:
    """JSON values."""
    values = {name: getattr(report, name) for name in ("n_planned", "made", "elapsed_s", "is_complete")}
    for name in ("states", "impossible", "paused"):
        values[name] = dict(getattr(report, name))
    values["spend"] = asdict(report.spend)
    return values | {name: [_job_as_dict(job) for job in getattr(report, name)] for name in ("unknown", "ended")}


def _job_as_dict(job: Job) -> dict[str, Any]:
    names = ("id", "model", "prompt", "sample", "state", "reason", "message")
    return {name: job.prompt.id if name == "prompt" else getattr(job, name) for name in names}


def print_report(report: GenerateReport) -> None:
    """What was made, and every job that needs a person."""
    from vbench.generate.report import without_label

    states = ", ".join(f"{n} {state}" for state, n in sorted(report.states.items())) or "nothing to make"
    print_line(f"{report.made} clips made in {report.elapsed_s:.0f} s; in all: {states}; ${report.spend.usd:.2f} spent")
    for job in (*report.unknown, *report.ended):
        why = as_typed(without_label(job.model, job.message)) or job.reason
        print_line(f"{job.state:<16}{job.id[:10]}  {job.model}  {job.prompt.id}-{job.sample}: {why}")
    for why, n in report.impossible.items():
        print_line(f"{'not possible':<16}{as_typed(why)}" + (f" ({n} clips)" if n > 1 else ""))
    for label, why in report.paused.items():
        print_line(f"{'paused':<16}{label}: {as_typed(without_label(label, why))}")
    if report.ended:
        print_line("to try these again, add --retry with the states, as in --retry failed,refused_output")
        costs = [job.plan.get("cost_usd") for job in report.ended if job.plan.get("is_billable")]
        if costs:
            unpriced = f" and {costs.count(None)} of unknown price" if None in costs else ""
            print_line(
                f"that would cost about ${sum(cost for cost in costs if cost is not None):.2f}{unpriced}; what a tool "
                "still has of them is asked for first, free"
            )
