"""Prints the plan of a run, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vbench.cli.options import print_line
from vbench.errors import as_typed

if TYPE_CHECKING:
    from vbench.bench.ceilings import Spend
    from vbench.generate import GenerateReport, Matrix
    from vbench.generate.plan import ToolPlan
    from vbench.records import Job

WARNINGS_SHOWN = 8
"""Per tool, the most frequent first."""


@contextmanager
def download_bar(*, quiet: bool) -> Iterator[Callable[[str], Callable[[str, int, int], None]]]:
    """A bar of bytes for each of several downloads on a terminal; a line for each file elsewhere."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    console = Console(stderr=True)
    words = TextColumn("{task.description}", markup=False)
    bar = Progress(words, BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn(), console=console)
    is_drawn = console.is_terminal and not quiet

    def of(name: str) -> Callable[[str, int, int], None]:
        task = bar.add_task(name, total=None)
        done: set[str] = set()

        def show(file: str, here: int, total: int) -> None:
            if is_drawn:
                bar.update(task, description=file.rpartition("/")[2][-40:], completed=here, total=total)
            elif not quiet and file not in done:
                done.add(file)
                console.print(f"{name}: {file}", markup=False, highlight=False)

        return show

    with bar if is_drawn else nullcontext():
        yield of


def in_flags(value: Any) -> Any:
    """JSON values in which every sentence names flags, as a person at a terminal types them."""
    if isinstance(value, dict):
        return {in_flags(name): in_flags(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [in_flags(part) for part in value]
    return as_typed(value) if isinstance(value, str) else value


def print_matrix(matrix: Matrix) -> None:
    """A line per tool, how each is asked, what it cannot honour, and the sum."""
    from vbench.generate.report import without_label

    width = max(len(tool.label) for tool in matrix.tools) + 2
    counts = "".join(f"{name:>7}" for name in ("new", "there", "open", "ended", "cannot"))
    print_line(f"{'tool':<{width}}{counts}{'cost':>12}{'price of':>12}{'hours':>9}{'disk':>10}{'GPU':>8}")
    for tool in matrix.tools:
        counts = "".join(f"{tool.n.get(state, 0):>7}" for state in ("new", "done", "open", "ended", "impossible"))
        cost = "unknown" if tool.cost_usd is None else f"${tool.cost_usd:.2f}"
        hours = "unknown" if tool.hours is None else f"{tool.hours:.1f}"
        vram = "" if tool.vram_gb is None else f"{tool.vram_gb:g} GB"
        print_line(
            f"{tool.label:<{width}}{counts}{cost:>12}{tool.price_checked_on or '':>12}{hours:>9}"
            f"{_size(tool.disk_bytes):>10}{vram:>8}"
        )
    print_line()
    print_line(f"{'asked for':<{width}}{'group':>6}{'size':>12}{'seconds':>9}{'fps':>6}  {'sound':<8}pictures")
    for tool in matrix.tools:
        print_line(f"{tool.label:<{width}}{_asked_for(tool)}".rstrip())
    for note in matrix.notes:
        print_line(as_typed(note))
    print_line()
    for tool in matrix.tools:
        if tool.cost_usd is None:
            print_line(f"{tool.label}: its card has no price, it costs money all the same")
        for warning, times in list(tool.warnings.items())[:WARNINGS_SHOWN]:
            sentence = as_typed(without_label(tool.label, warning))
            print_line(f"{tool.label}: {sentence}" + (f" ({times} clips)" if times > 1 else ""))
        if (n_more := len(tool.warnings) - WARNINGS_SHOWN) > 0:
            print_line(f"{tool.label}: {n_more} more warnings; --json shows all")
    print_line(f"{matrix.n_new} clips to make, {cost_words(matrix)}, about {_size(matrix.disk_bytes)}")


def _asked_for(tool: ToolPlan) -> str:
    """How a tool is asked, in the columns of the plan's second table; a dash: it chooses, or nobody knows."""
    if not tool.comparable_group:
        return f"{'-':>6}  nothing can be made"
    size = f"{tool.width}x{tool.height}" if tool.width and tool.height else "-"
    seconds = "-" if tool.seconds is None else f"{tool.seconds:g}"
    fps = "-" if tool.fps is None else f"{tool.fps:g}"
    sound = "-" if tool.audio is None else "sound" if tool.audio else "silent"
    return f"{tool.comparable_group:>6}{size:>12}{seconds:>9}{fps:>6}  {sound:<8}{tool.image_use}"


def cost_words(matrix: Matrix) -> str:
    """What the new clips cost, with the tools whose price nobody knows."""
    if not matrix.unpriced:
        return f"${matrix.cost_usd:.2f}"
    unknown = f"an unknown sum for {', '.join(matrix.unpriced)}"
    return f"${matrix.cost_usd:.2f} and {unknown}" if matrix.cost_usd else unknown


def _size(n_bytes: int) -> str:
    return f"{n_bytes / 1e9:.1f} GB" if n_bytes >= 1e9 else f"{n_bytes / 1e6:.0f} MB"


def spent_words(spend: Spend) -> str:
    """What was spent, with the jobs whose price nobody knows."""
    if not spend.n_unpriced:
        return f"${spend.usd:.2f} spent"
    unknown = f"an unknown sum on {spend.n_unpriced} job{'' if spend.n_unpriced == 1 else 's'}"
    return f"${spend.usd:.2f} and {unknown} spent" if spend.usd else f"{unknown} spent"


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
    print_line(f"{report.made} clips made in {report.elapsed_s:.0f} s; in all: {states}; {spent_words(report.spend)}")
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
