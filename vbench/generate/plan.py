"""Plans every cell of the matrix: what a run would make, cost and need, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from vbench.adapters import ADAPTERS, Adapter
from vbench.bench.jobs import FINAL_STATES, Intent, JobList
from vbench.errors import JobError, OptionError
from vbench.generate.matrix import Cell, Matrix, Tool, ToolPlan, Wishes
from vbench.records import OPEN_STATES, Prompt, Reason, Request, digest
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard

BYTES_PER_PIXEL = 0.02
"""A middle for tools of today: 32 files of ten tools had 0.004 to 0.055 at 480p and above, and
0.03 to 0.26 (median 0.1) at 288 pixels and below, where the files are small all the same."""
DISK_DEFAULT = (1280, 720, 24.0, 5.0)
"""Size, rate and length that stand in for the disk estimate where neither wish nor card says."""


def seed_of(prompt: Prompt, sample: int, seeds: Sequence[int] = ()) -> int:
    """The seed of a sample: as given, or one of its own for each prompt, the same for every tool.

    Prompts are the unit of independence, so they do not share their noise.
    """
    if seeds:
        return seeds[sample]
    return int(digest("seed", prompt.key, sample, length=8), 16) & 0x7FFFFFFF


def plan_jobs(
    tools: Sequence[Tool],
    prompts: Sequence[Prompt],
    *,
    samples: int = 1,
    seeds: Sequence[int] = (),
    wishes: Wishes | None = None,
    expansions: Mapping[tuple[str, str], str] | None = None,
    bench: Bench | None = None,
    retry: Collection[str] = (),
    adapters: Mapping[str, Adapter] | None = None,
    is_final: bool = False,
    only_sample: int | None = None,
) -> Matrix:
    """Plan every clip; nothing is sent and nothing written.

    Args:
        tools: Cards with their arms.
        prompts: Of a suite.
        samples: Clips per tool and prompt.
        seeds: One per sample; empty: derived, see `seed_of`.
        wishes: Asked of all tools alike.
        expansions: (arm, prompt key) → the rewritten prompt, where an arm has made it already.
        bench: What is there already; None: nothing.
        retry: States or reasons that are tried again.
        adapters: Label → adapter, where they exist already.
        is_final: The expansions are all there will be: a prompt without its own cannot be made under that arm.
        only_sample: Of the samples, this one alone, from 0; None: all.

    Raises:
        OptionError: no prompt, no tool, two tools of one label, or not as many seeds as samples.
        CatalogError: a card's options are wrong.
    """
    wishes = wishes or Wishes()
    _check(tools, prompts, samples, seeds)
    if only_sample is not None and not 0 <= only_sample < samples:
        raise OptionError(f"--only-sample is {only_sample}; with --samples {samples} there are 0 to {samples - 1}")
    done, latest = _known(bench, [tool.label for tool in tools])
    cells: list[Cell] = []
    rows: list[ToolPlan] = []
    for tool in tools:
        adapter = (adapters or {}).get(tool.label) or make_adapter(tool.card)
        mine = [
            _cell(tool, adapter, request, done, latest, retry, expanded, is_final)
            for request, expanded in _requests(tool, prompts, samples, seeds, wishes, expansions or {})
            if only_sample in (None, request.sample)
        ]
        cells += mine
        rows.append(_summary(tool, mine))
    return Matrix(tools=tuple(rows), cells=tuple(cells))


def checked_retry(names: Collection[str]) -> frozenset[str]:
    """States and reasons that ended jobs may be picked by.

    Raises:
        OptionError: one is neither.
    """
    known = [*FINAL_STATES[1:], *get_args(Reason)]
    for name in names:
        if name not in known:
            raise OptionError(f"--retry: {name!r} is no state or reason of an ended job; {did_you_mean(name, known)}")
    return frozenset(names)


def make_adapter(card: ModelCard) -> Adapter:
    """The adapter a card names, loaded with it."""
    adapter: Adapter = ADAPTERS[card.adapter](card)
    return adapter


def _check(tools: Sequence[Tool], prompts: Sequence[Prompt], samples: int, seeds: Sequence[int]) -> None:
    if not tools:
        raise OptionError("no tool is named; say --models with one or more of vbench models")
    if not prompts:
        raise OptionError("there is no prompt to generate; choose a --suite that holds some")
    if samples < 1:
        raise OptionError(f"--samples is {samples}; give 1 or more")
    if seeds and len(seeds) != samples:
        raise OptionError(f"--seeds has {len(seeds)} numbers for {samples} samples; give one for each")
    if bad := [seed for seed in seeds if not 0 <= seed < 2**31]:
        raise OptionError(f"--seeds: {bad[0]} is not between 0 and 2147483647")
    labels = Counter(tool.label for tool in tools)
    if twice := [label for label, n in labels.items() if n > 1]:
        raise OptionError(f"{twice[0]} is named twice; name it once")
    ids = Counter(prompt.id for prompt in prompts)
    if twice := [name for name, n in ids.items() if n > 1]:
        raise OptionError(f"two prompts have the id {twice[0]!r}; generate one suite at a time")


def _known(bench: Bench | None, labels: list[str]) -> tuple[set[tuple[str, str, int]], dict[Any, Any]]:
    if bench is None:
        return set(), {}
    done = {(clip.model, clip.prompt.key, clip.sample) for clip in bench.clips(models=labels)}
    return done, JobList.latest(bench, labels)


def _requests(
    tool: Tool,
    prompts: Sequence[Prompt],
    samples: int,
    seeds: Sequence[int],
    wishes: Wishes,
    expansions: Mapping[tuple[str, str], str],
) -> Iterable[tuple[Request, bool]]:
    for prompt in prompts:
        text = expansions.get((tool.arm, prompt.key), "") if tool.arm else ""
        negative = ", ".join(part for part in (prompt.negative, wishes.negative) if part)
        for sample in range(samples):
            request = Request(
                prompt=prompt,
                sample=sample,
                seed=seed_of(prompt, sample, seeds),
                seconds=wishes.seconds,
                width=wishes.width,
                height=wishes.height,
                fps=wishes.fps,
                audio=wishes.audio,
                negative=negative,
                prompt_sent=text,
            )
            yield request, bool(text) or not tool.arm


def _cell(
    tool: Tool,
    adapter: Adapter,
    request: Request,
    done: set[tuple[str, str, int]],
    latest: Mapping[Any, Any],
    retry: Collection[str],
    is_expanded: bool,
    is_final: bool,
) -> Cell:
    place = (tool.label, request.prompt.key, request.sample)
    common: dict[str, Any] = {"label": tool.label, "prompt": request.prompt, "sample": request.sample}
    if is_final and not is_expanded and place not in done:
        note = f"the arm {tool.arm!r} could not rewrite this prompt; see vbench status, and repeat to ask again"
        return Cell(**common, state="impossible", plan=None, note=note)
    try:
        if place not in done:
            tool.card.refuse_if_retired()
        plan = replace(adapter.plan(request), model=tool.label)
    except JobError as error:
        if place in done:
            return Cell(**common, state="done", plan=None)
        return Cell(**common, state="impossible", plan=None, note=str(error))
    if not is_expanded:
        note = f"the arm {tool.arm!r} has not rewritten this prompt yet; planned with the prompt as it is"
        plan = replace(plan, warnings=(*plan.warnings, note))
    intent = Intent(label=tool.label, prompt=request.prompt, sample=request.sample, plan=plan)
    job = latest.get(place)
    if place in done:
        other = job is not None and job.identity != intent.identity
        note = "made earlier with other settings; kept" if other else ""
        return Cell(**common, state="done", plan=plan, note=note)
    if job is None:
        return Cell(**common, state="new", plan=plan)
    if job.state == "planned":
        return Cell(**common, state="new", plan=plan)
    if job.state in OPEN_STATES:
        return Cell(**common, state="open", plan=plan, note=job.state)
    if job.may_try_again(intent.identity, retry):
        return Cell(**common, state="new", plan=plan)
    return Cell(**common, state="ended", plan=plan, note=job.reason or job.state)


def _summary(tool: Tool, cells: Sequence[Cell]) -> ToolPlan:
    new = [cell.plan for cell in cells if cell.state == "new" and cell.plan is not None]
    warnings = Counter(warning for plan in new for warning in plan.warnings)
    warnings.update(cell.note for cell in cells if cell.state in ("impossible", "done") and cell.note)
    costs = [plan.cost_usd if plan.is_billable else 0.0 for plan in new]
    times = [plan.seconds_estimate for plan in new]
    known_times = [seconds for seconds in times if seconds is not None]
    return ToolPlan(
        label=tool.label,
        adapter=tool.card.adapter,
        n=dict(Counter(cell.state for cell in cells)),
        cost_usd=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        hours=sum(known_times) / 3600 / tool.card.limits.concurrency if len(known_times) == len(times) else None,
        disk_bytes=sum(_size_bytes(tool.card, plan.request) for plan in new),
        vram_gb=tool.card.limits.vram_gb,
        warnings=dict(warnings.most_common()),
    )


def _size_bytes(card: ModelCard, request: Request) -> int:
    width, height, fps, seconds = DISK_DEFAULT
    pixels = (request.width or width) * (request.height or height)
    length = request.seconds or card.defaults.seconds or seconds
    return int(pixels * (request.fps or card.defaults.fps or fps) * length * BYTES_PER_PIXEL)
