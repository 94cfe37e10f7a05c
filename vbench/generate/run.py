"""The first stage: makes every clip that is wanted and not there, stoppable at any moment, never paying twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from vbench.adapters import Adapter
from vbench.bench.tables import ModelRow
from vbench.generate.budget import Ceiling, ceilings, set_ceiling
from vbench.generate.job_runner import Maker
from vbench.generate.journal import Journal
from vbench.generate.matrix import Matrix, Tool, Wishes
from vbench.generate.plan import make_adapter, plan_jobs
from vbench.generate.report import GenerateReport, report_of
from vbench.generate.telling import Step
from vbench.generate.working import lane_of, work_off
from vbench.records import Prompt, digest

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard
    from vbench.generate.expansion import Arm


def plan_run(
    bench: Bench | None,
    *,
    models: Sequence[str | ModelCard | Tool],
    suite: str | Path | None = None,
    prompts: Sequence[Prompt] = (),
    arms: Sequence[Arm] = (),
    samples: int = 1,
    seeds: Sequence[int] = (),
    wishes: Wishes | None = None,
    retry: Collection[str] = (),
) -> Matrix:
    """What `generate` would do with the same arguments; nothing is sent and nothing written.

    Args:
        bench: What is there already counts as done; None: nothing is.
        models: Ids, cards, or tools with their arms.
        suite: Name or file; beside or instead of `prompts`.
        arms: Prompt expansions; each tool is planned without and with each of them.
    """
    from vbench.generate.expansion import known_expansions

    wanted = _prompts(suite, prompts)
    expansions = {} if bench is None else known_expansions(bench, arms, wanted)
    tools = tools_of(models, arms)
    options = {"samples": samples, "seeds": seeds, "wishes": wishes, "retry": retry}
    return plan_jobs(tools, wanted, expansions=expansions, bench=bench, **options)  # type: ignore[arg-type]


def generate(
    bench: Bench,
    *,
    models: Sequence[str | ModelCard | Tool],
    suite: str | Path | None = None,
    prompts: Sequence[Prompt] = (),
    arms: Sequence[Arm] = (),
    samples: int = 1,
    seeds: Sequence[int] = (),
    wishes: Wishes | None = None,
    max_cost: float | None = None,
    max_jobs: int | None = None,
    allow_unpriced: Collection[str] = (),
    retry: Collection[str] = (),
    only_sample: int | None = None,
    progress: Callable[[Step], None] | None = None,
    make: Callable[[ModelCard], Adapter] = make_adapter,
) -> GenerateReport:
    """Make what is not there yet; the same call again goes on where it stopped.

    Args:
        bench: Where jobs and clips go.
        models: Ids, cards, or tools with their arms.
        suite: Name or file; beside or instead of `prompts`.
        prompts: To generate.
        arms: Prompt expansions; each tool is run without and with each of them, under labels of their own.
        samples: Clips per tool and prompt.
        seeds: One per sample; empty: derived from prompt and sample, the same for every tool.
        wishes: Asked of all tools alike.
        max_cost: US dollars that this run may cost, over all its repetitions.
        max_jobs: Jobs that it may start.
        allow_unpriced: Tools that may be used under `max_cost` although nobody knows their price.
        retry: States or reasons of ended jobs to try again, such as ``failed`` or ``outcome_unknown``.
        only_sample: Of the samples, this one alone, from 0; what stands at the others is left as it is.
        progress: Called at every step of a job, from several threads.
        make: Builds the adapter of a card.

    Raises:
        UserError: nothing can be done before something is corrected; what is finished is kept.
        KeyboardInterrupt: after everything under way was put down so that it can be taken up again.
    """
    from vbench.generate.expansion import expand_prompts

    started = time.monotonic()
    wanted, tools = _prompts(suite, prompts), tools_of(models, arms)
    adapters: dict[str, Adapter] = {}
    for tool in tools:
        adapters.setdefault(tool.card.id, make(tool.card))
    by_label = {tool.label: adapters[tool.card.id] for tool in tools}
    journal = Journal(bench)
    try:
        journal.recover()
        expansions = expand_prompts(bench, arms, wanted)
        _add_models(bench, tools)
        matrix = plan_jobs(
            tools,
            wanted,
            samples=samples,
            seeds=seeds,
            wishes=wishes,
            expansions=expansions,
            bench=bench,
            retry=retry,
            adapters=by_label,
            is_final=True,
            only_sample=only_sample,
        )
        run = run_key(tools, wanted, samples, only_sample)
        _set_ceiling(bench, run, _about(tools, wanted, samples), max_cost, max_jobs)
        labels = [tool.label for tool in tools]
        journal.reopen(labels)
        journal.restart([tool.label for tool in tools if lane_of(by_label[tool.label])])
        n_planned = journal.plan(matrix.intents(), run=run, retry=retry)
        journal.start_only(run=run)
        maker = Maker(bench, journal, progress=progress, allow_unpriced=frozenset(allow_unpriced))
        paused = work_off(tools, by_label, maker)
        return report_of(matrix, maker, paused, n_planned=n_planned, elapsed_s=time.monotonic() - started)
    finally:
        journal.close()
        for adapter in adapters.values():
            adapter.close()


def tools_of(models: Sequence[str | ModelCard | Tool], arms: Sequence[Arm]) -> list[Tool]:
    """Each tool as it is, then once for each arm."""
    from vbench.catalog.cards import find_card

    found = []
    for model in models:
        if isinstance(model, Tool):
            found.append(model)
            continue
        card = find_card(model) if isinstance(model, str) else model
        found += [Tool(card=card), *(Tool(card=card, arm=arm.name) for arm in arms)]
    return found


def run_key(tools: Sequence[Tool], prompts: Sequence[Prompt], samples: int, only_sample: int | None = None) -> str:
    """What makes two calls the same run, for its ceiling."""
    wanted = (sorted(tool.label for tool in tools), sorted(prompt.key for prompt in prompts), samples)
    return digest("run", *wanted) if only_sample is None else digest("run", *wanted, only_sample)


def _prompts(suite: str | Path | None, prompts: Sequence[Prompt]) -> list[Prompt]:
    from vbench.catalog import find_suite

    return [*(find_suite(suite).prompts if suite is not None else ()), *prompts]


def _add_models(bench: Bench, tools: Sequence[Tool]) -> None:
    """Store the cards as they are now; another process may be doing the same."""
    with bench.write() as session:
        bench.database.insert_new(session, ModelRow, [{"id": tool.label, "card": {}} for tool in tools])
    for tool in tools:
        bench.add_model(tool.label, _snapshot(tool))


def _snapshot(tool: Tool) -> dict[str, object]:
    card = tool.card.snapshot()
    return card | {"arm": tool.arm} if tool.arm else card


def _about(tools: Sequence[Tool], prompts: Sequence[Prompt], samples: int) -> str:
    labels = ", ".join(tool.label for tool in tools[:4]) + (", ..." if len(tools) > 4 else "")
    return f"{labels} on {len(prompts)} prompts with {samples} sample{'s' if samples > 1 else ''}"


def _set_ceiling(bench: Bench, run: str, about: str, max_cost: float | None, max_jobs: int | None) -> None:
    """Store what the call allows; a ceiling that `vbench budget` has raised since is not lowered by repeating it."""
    if max_cost is None and max_jobs is None:
        return
    old = next((found for found in ceilings(bench) if found.key == run), Ceiling(key=run, about=about))
    cost = max_cost if None in (max_cost, old.max_cost_usd) else max(max_cost or 0.0, old.max_cost_usd or 0.0)
    jobs = max_jobs if None in (max_jobs, old.max_jobs) else max(max_jobs or 0, old.max_jobs or 0)
    set_ceiling(
        bench,
        replace(
            old,
            max_cost_usd=cost if cost is not None else old.max_cost_usd,
            max_jobs=jobs if jobs is not None else old.max_jobs,
        ),
    )
