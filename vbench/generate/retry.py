"""One ended job tried again: its very request, as an attempt of its own, and no other job of its tool."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from vbench.adapters import Adapter
from vbench.bench.ceilings import Ceiling, check_limits
from vbench.bench.jobs import Intent, plan_of
from vbench.catalog import cards
from vbench.errors import BenchError, BudgetError, OptionError
from vbench.generate.handle_notes import HandleNotes
from vbench.generate.job_runner import JobRunner, Progress
from vbench.generate.journal import Journal
from vbench.generate.plan import Matrix, PlannedCell, make_adapter, plan_with_pictures
from vbench.generate.report import GenerateReport, report_of
from vbench.generate.spec import Tool
from vbench.generate.tool_group import lane_of
from vbench.generate.worker import work_off
from vbench.records import OPEN_STATES, Job, ToolLabel, digest

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard

PAID_TWICE = (
    "nobody knows whether {model} made this clip: it may be paid for twice. Look in the tool's own list of jobs first; "
    "to send it again all the same, say that you have understood (understood: true)"
)


class NoJobError(BenchError):
    """There is no such job."""


def ended_job(bench: Bench, id: str, *, understood: bool = False) -> Job:
    """The job, if it ended without a clip and nothing was tried since.

    Args:
        bench: Where it stands.
        id: Of the job.
        understood: The tool may have made, and charged for, the clip of a job whose outcome is unknown.

    Raises:
        NoJobError: there is no such job.
        OptionError: it is under way or succeeded, or a later attempt is there.
        BudgetError: its outcome is unknown, and that was not `understood`.
    """
    job = _job(bench, id)
    if job.state in OPEN_STATES:
        raise OptionError("this job is still under way; wait for its end, or cancel it")
    if job.state == "succeeded":
        raise OptionError("this job succeeded; ask for more samples to get another clip")
    newest = _attempts(bench, job)[-1]
    if newest.id != job.id:
        raise OptionError(f"it was tried again since, and that attempt is {newest.state}; see the newest one")
    if job.state == "outcome_unknown" and not understood:
        raise BudgetError(PAID_TWICE.format(model=job.model))
    return job


def retry_job(
    bench: Bench,
    id: str,
    *,
    max_cost: float | None = None,
    allow_unpriced: bool = False,
    understood: bool = False,
    progress: Progress | None = None,
    make: Callable[[ModelCard], Adapter] = make_adapter,
) -> GenerateReport:
    """Make the clip of one ended job; the same call again goes on where it stopped.

    A clip that the tool had finished and that never arrived is asked for again, and nothing is sent. The words of an
    arm are those that were sent before. What was sent of the tool's other jobs is brought home; none of those is begun.

    Args:
        bench: Where the job stands.
        id: Of the job.
        max_cost: US dollars that it may cost; None: no ceiling of its own.
        allow_unpriced: Try it under a ceiling although nobody knows its price.
        understood: As `ended_job` takes it.
        progress: Called at every step of a job, from several threads.
        make: Builds the adapter of a card.

    Raises:
        UserError: as `ended_job` does, or the tool cannot be used before something is corrected.
        KeyboardInterrupt: after what was under way has been put down.
    """
    check_limits(max_cost, None)
    started, run = time.monotonic(), digest("again", id)  # the word is part of keys that stand in benches
    label = ToolLabel.parse(_job(bench, id).model)
    tool = Tool(card=cards.find_card(label.tool), arm=label.arm)
    tool.card.refuse_if_retired()
    adapter = make(tool.card)
    journal = Journal(bench)
    try:
        unpriced = frozenset([label.tool] if allow_unpriced else [])
        runner = JobRunner(bench, journal, progress=progress, allow_unpriced=unpriced)
        journal.recover()
        journal.adopt(HandleNotes(bench.root))
        begun = bench.jobs(run=run)
        current = begun[-1] if begun else _job(bench, id)
        n_planned = 0
        if not begun and current.state not in OPEN_STATES and current.state != "succeeded":
            current = ended_job(bench, id, understood=understood)
            if journal.reopen_ended([id]):  # asked for, free, before anything is sent
                journal.start_nothing()
                work_off([tool], {tool.label: adapter}, runner)
                current = _job(bench, id)
            is_over = current.state not in OPEN_STATES and current.state != "succeeded"
            if is_over and not journal.reopen([tool.label], job=id):
                about = f"another try of {tool.label} on {current.prompt.id}"
                bench.set_ceiling(Ceiling(key=run, about=about, max_cost_usd=max_cost))
                n_planned = journal.plan([_intent(current, adapter)], run=run, retry={current.state})
                current = _attempts(bench, current)[-1]
        if lane_of(adapter):
            journal.restart([tool.label])
        journal.start_only(job=current.id)
        paused = work_off([tool], {tool.label: adapter}, runner)
        cell = PlannedCell(label=tool.label, prompt=current.prompt, sample=current.sample, state="new", plan=None)
        matrix, elapsed_s = Matrix(tools=(), cells=(cell,)), time.monotonic() - started
        return report_of(bench, matrix, made=runner.n_made, paused=paused, n_planned=n_planned, elapsed_s=elapsed_s)
    finally:
        journal.close()
        adapter.close()


def _intent(job: Job, adapter: Adapter) -> Intent:
    before = plan_of(job)
    plan = replace(plan_with_pictures(adapter, before.request), model=job.model, sends=before.sends)
    plan = replace(plan, warnings=tuple(dict.fromkeys((*plan.warnings, *before.warnings))))
    return Intent(label=job.model, prompt=job.prompt, sample=job.sample, plan=plan)


def _job(bench: Bench, id: str) -> Job:
    job = next((job for job in bench.jobs(ids=[id]) if job.id == id), None)
    if job is None:
        raise NoJobError(f"there is no job {id} in {bench.root}; list them with vbench status")
    return job


def _attempts(bench: Bench, job: Job) -> list[Job]:
    """Every try at the job's cell, the oldest first."""
    return [attempt for attempt in bench.jobs(models=[job.model]) if attempt.cell == job.cell]
