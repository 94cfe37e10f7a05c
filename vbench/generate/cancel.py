"""Stops jobs that a person does not want any more, here and at the tools; what a tool has finished is brought home."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from contextlib import closing
from typing import TYPE_CHECKING

from vbench.adapters import Adapter
from vbench.catalog import cards
from vbench.errors import VBenchError
from vbench.generate.job_runner import JobRunner
from vbench.generate.journal import Journal
from vbench.generate.plan import make_adapter
from vbench.generate.spec import Tool
from vbench.generate.tool_group import groups_of
from vbench.records import OPEN_STATES, Job, ToolLabel

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard


def cancel_jobs(
    bench: Bench,
    *,
    ids: Collection[str] = (),
    models: Sequence[str] | None = None,
    make: Callable[[ModelCard], Adapter] = make_adapter,
) -> list[tuple[Job, str]]:
    """Stop open jobs, and ask the tools to stop those they have.

    A tool is asked first how a job stands: a finished clip is paid for, so that it is fetched rather than destroyed.

    Args:
        bench: Where the jobs stand.
        ids: Of jobs, or how they begin.
        models: Every open job of these tools.
        make: Builds the adapter of a card.

    Returns:
        Each job that was open, and what came of it.
    """
    open_jobs = bench.jobs(states=("planned", "submitted", "running"), models=models, ids=tuple(ids))
    stopped = []
    for job in open_jobs:
        outcome = _stopped_at_tool(bench, job, make) if job.handle is not None else _dropped(bench, job)
        if outcome:
            stopped.append((job, outcome))
    return stopped


def _dropped(bench: Bench, job: Job) -> str:
    return "dropped" if bench.cancel_job(job.id) else ""


def _stopped_at_tool(bench: Bench, job: Job, make: Callable[[ModelCard], Adapter]) -> str:
    """Stop a job that a tool has, or bring its clip home; what came of it, empty where it had ended meanwhile."""
    assert job.handle is not None
    tool = Tool(card=cards.find_card(ToolLabel.parse(job.model).tool), arm=ToolLabel.parse(job.model).arm)
    try:
        with closing(make(tool.card)) as adapter:
            is_local = bool(adapter.lane)
            if not is_local and adapter.poll(job.handle).state not in OPEN_STATES:
                return _brought_home(bench, job, tool, adapter)
            if not bench.cancel_job(job.id):
                return ""
            if adapter.cancel(job.handle):
                return "cancelled at the tool"
    except VBenchError as error:
        return f"cancelled here; the tool could not be told ({error})" if bench.cancel_job(job.id) else ""
    return "cancelled here; the tool may finish and charge for it"


def _brought_home(bench: Bench, job: Job, tool: Tool, adapter: Adapter) -> str:
    """Take up a job that has come to its end at the tool, as a run would; what came of it."""
    journal = Journal(bench)
    try:
        journal.recover()
        if not journal.take(job.id):
            return "finished at the tool already; the run that waits for it brings the clip home"
        (group,) = groups_of([tool], {tool.label: adapter})
        JobRunner(bench, journal).run(job, adapter, group)
    finally:
        journal.close()
    (current,) = bench.jobs(ids=[job.id])
    if current.state == "succeeded":
        return "finished at the tool already: its clip was fetched"
    if current.state in OPEN_STATES:
        return "finished at the tool already; its clip could not be fetched, run generate again"
    return f"had ended at the tool already: {current.reason or current.state} {current.message}".rstrip()
