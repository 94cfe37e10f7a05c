"""Stops jobs that a person does not want any more, here and at the tools."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from vbench.catalog import cards
from vbench.errors import VBenchError
from vbench.generate.plan import make_adapter
from vbench.records import Job, ToolLabel

if TYPE_CHECKING:
    from vbench.bench import Bench


def cancel_jobs(
    bench: Bench, *, ids: Collection[str] = (), models: Sequence[str] | None = None
) -> list[tuple[Job, str]]:
    """Stop open jobs, and ask the tools to stop those they have.

    Returns:
        Each job that was open, and what came of it.
    """
    open_jobs = bench.jobs(states=("planned", "submitted", "running"), models=models, ids=tuple(ids))
    return [(job, _cancel_at_tool(job)) for job in open_jobs if bench.cancel_job(job.id)]


def _cancel_at_tool(job: Job) -> str:
    """Ask the tool to stop a job that it has; what came of it."""
    if job.handle is None:
        return "dropped"
    try:
        with closing(make_adapter(cards.find_card(ToolLabel.parse(job.model).tool))) as adapter:
            if adapter.cancel(job.handle):
                return "cancelled at the tool"
    except VBenchError as error:
        return f"cancelled here; the tool could not be told ({error})"
    return "cancelled here; the tool may finish and charge for it"
