"""The first stage: makes every clip that is wanted and not there, stoppable at any moment, never paying twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

from vbench.adapters import Adapter
from vbench.generate.budget import set_run_ceiling
from vbench.generate.expansion import expand_prompts, known_expansions
from vbench.generate.handle_notes import HandleNotes
from vbench.generate.job_runner import JobRunner, Progress
from vbench.generate.journal import Journal
from vbench.generate.pictures import pictures_folder
from vbench.generate.plan import Matrix, make_adapter, plan_jobs
from vbench.generate.report import GenerateReport, report_of
from vbench.generate.spec import RunSpec, Tool
from vbench.generate.tool_group import lane_of
from vbench.generate.worker import work_off

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard


def plan_run(bench: Bench | None, spec: RunSpec | None = None, **options: Any) -> Matrix:
    """What `generate` would do with the same arguments; nothing is sent, and nothing written but pictures it is given.

    Args:
        bench: What is there already counts as done; None: nothing is.
        spec: What is wanted.
        options: Fields of `RunSpec`, instead of or on top of `spec`.
    """
    spec = RunSpec.of(spec, options).resolved().with_pictures(pictures_folder(bench))
    expansions = {} if bench is None else known_expansions(bench, spec.arms, spec.prompts)
    return plan_jobs(spec, bench=bench, expansions=expansions)


def generate(
    bench: Bench,
    spec: RunSpec | None = None,
    *,
    progress: Progress | None = None,
    make: Callable[[ModelCard], Adapter] = make_adapter,
    **options: Any,
) -> GenerateReport:
    """Make what is not there yet; the same call again goes on where it stopped.

    Args:
        bench: Where jobs and clips go.
        spec: What is wanted, and within which limits.
        progress: Called at every step of a job, from several threads.
        make: Builds the adapter of a card.
        options: Fields of `RunSpec`, instead of or on top of `spec`: `generate(bench, models=["wan"], suite="core")`.

    Raises:
        UserError: nothing can be done before something is corrected; what is finished is kept.
        KeyboardInterrupt: after everything under way was put down so that it can be taken up again.
    """
    started = time.monotonic()
    spec = RunSpec.of(spec, options).resolved().with_pictures(pictures_folder(bench))
    tools = spec.tools()
    adapters: dict[str, Adapter] = {}
    for tool in tools:
        adapters.setdefault(tool.card.id, make(tool.card))
    by_label = {tool.label: adapters[tool.card.id] for tool in tools}
    journal = Journal(bench)
    try:
        journal.recover()
        journal.adopt(HandleNotes(bench.root))
        expansions = expand_prompts(bench, spec.arms, spec.prompts)
        _add_models(bench, tools)
        runner = JobRunner(bench, journal, progress=progress, allow_unpriced=frozenset(spec.allow_unpriced))
        planned = partial(plan_jobs, spec, bench=bench, adapters=by_label, expansions=expansions, is_final=True)
        matrix = planned()
        if _ask_first(matrix, tools, by_label, runner):
            matrix = planned()
        set_run_ceiling(bench, spec)
        journal.reopen([tool.label for tool in tools])
        journal.restart([tool.label for tool in tools if lane_of(by_label[tool.label])])
        n_planned = journal.plan(matrix.intents(), run=spec.key, retry=spec.retry)
        journal.start_only(run=spec.key)
        paused = work_off(tools, by_label, runner)
        elapsed_s = time.monotonic() - started
        return report_of(bench, matrix, made=runner.n_made, paused=paused, n_planned=n_planned, elapsed_s=elapsed_s)
    finally:
        journal.close()
        for adapter in adapters.values():
            adapter.close()


def _ask_first(matrix: Matrix, tools: list[Tool], adapters: Mapping[str, Adapter], runner: JobRunner) -> bool:
    """Ask for what tools have of the clips that would be paid for again; False: there is nothing to ask for."""
    cells = [cell for cell in matrix.cells if cell.asked_first]
    if not runner.journal.reopen_ended([cell.asked_first for cell in cells]):
        return False
    labels = {cell.label for cell in cells}
    runner.journal.start_nothing()
    work_off([tool for tool in tools if tool.label in labels], adapters, runner)
    return True


def _add_models(bench: Bench, tools: list[Tool]) -> None:
    """Store the cards as they are now; another process may be doing the same."""
    bench.ensure_models(tool.label for tool in tools)
    for tool in tools:
        card = tool.card.snapshot()
        bench.add_model(tool.label, card | {"arm": tool.arm} if tool.arm else card)
