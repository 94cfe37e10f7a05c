"""Plans every cell of the matrix: what a run would make, cost and need, before anything is sent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Literal

from vbench.adapters import ADAPTERS, Adapter
from vbench.bench.jobs import Intent, LatestJob
from vbench.errors import JobError
from vbench.generate.expansion import Expansions
from vbench.generate.spec import RunSpec, Tool
from vbench.records import OPEN_STATES, Cell, Plan, Prompt, Request, digest
from vbench.schema import to_json

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard

BYTES_PER_PIXEL = 0.02
"""A middle for tools of today: 32 files of ten tools had 0.004 to 0.055 at 480p and above, and
0.03 to 0.26 (median 0.1) at 288 pixels and below, where the files are small all the same."""
DISK_DEFAULT = (1280, 720, 24.0, 5.0)
"""Size, rate and length that stand in for the disk estimate where neither wish nor card says."""

CellState = Literal["new", "open", "done", "ended", "impossible"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCell:
    """One clip that is wanted, and how it stands."""

    label: str
    prompt: Prompt
    sample: int
    state: CellState
    plan: Plan | None
    note: str = ""
    asked_first: str = ""
    """The job that ended here before: its tool is asked for it, free, before this one may be paid for."""

    @property
    def cell(self) -> Cell:
        return Cell(self.label, self.prompt.key, self.sample)


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolPlan:
    """A row of the matrix; money, time and space are for the clips that are still to be made."""

    label: str
    adapter: str
    n: Mapping[CellState, int]
    cost_usd: float | None
    """None: at least one clip has no price."""
    hours: float | None
    """None: nobody knows how long a clip takes."""
    disk_bytes: int
    vram_gb: float | None
    warnings: Mapping[str, int]
    """Sentence → for how many clips it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matrix:
    """Every tool with every prompt and sample."""

    tools: tuple[ToolPlan, ...]
    cells: tuple[PlannedCell, ...] = field(repr=False)

    @property
    def n_new(self) -> int:
        return sum(tool.n.get("new", 0) for tool in self.tools)

    @property
    def cost_usd(self) -> float:
        """Of the clips that have a price."""
        return sum(tool.cost_usd or 0.0 for tool in self.tools)

    @property
    def unpriced(self) -> list[str]:
        """Tools that cost money nobody wrote down."""
        return [tool.label for tool in self.tools if tool.cost_usd is None]

    @property
    def disk_bytes(self) -> int:
        return sum(tool.disk_bytes for tool in self.tools)

    def intents(self) -> list[Intent]:
        """What the journal is to hold."""
        return [
            Intent(label=cell.label, prompt=cell.prompt, sample=cell.sample, plan=cell.plan)
            for cell in self.cells
            if cell.plan is not None and cell.state in ("new", "open", "ended")
        ]

    def as_dict(self) -> dict[str, Any]:
        """JSON values, without the cells."""
        return {
            "tools": [
                {name: getattr(tool, name) for name in ToolPlan.__slots__ if name not in ("n", "warnings")}
                | {"clips": dict(tool.n), "warnings": dict(tool.warnings)}
                for tool in self.tools
            ],
            "new": self.n_new,
            "cost_usd": self.cost_usd,
            "unpriced": self.unpriced,
            "disk_bytes": self.disk_bytes,
        }


def seed_of(prompt: Prompt, sample: int, seeds: Sequence[int] = ()) -> int:
    """The seed of a sample: as given, or one of its own for each prompt, the same for every tool.

    Prompts are the unit of independence, so they do not share their noise.
    """
    if seeds:
        return seeds[sample]
    return int(digest("seed", prompt.key, sample, length=8), 16) & 0x7FFFFFFF


def plan_jobs(
    spec: RunSpec,
    *,
    bench: Bench | None = None,
    adapters: Mapping[str, Adapter] | None = None,
    expansions: Expansions | None = None,
    is_final: bool = False,
) -> Matrix:
    """Plan every clip; nothing is sent and nothing written.

    Args:
        spec: What is wanted.
        bench: What is there already; None: nothing.
        adapters: Label → adapter, where they exist already.
        expansions: The rewritten prompts, where an arm has made them already.
        is_final: The expansions are all there will be: a prompt without its own cannot be made under that arm.

    Raises:
        OptionError: no prompt, no tool, or two tools of one label.
        CatalogError: a card's options are wrong.
    """
    spec = spec.resolved()
    planner = _Planner(spec, bench, expansions or {}, is_final=is_final)
    cells: list[PlannedCell] = []
    rows: list[ToolPlan] = []
    for tool in spec.tools():
        adapter = (adapters or {}).get(tool.label) or make_adapter(tool.card)
        of_tool = [planner.cell(tool, adapter, request) for request in planner.requests(tool)]
        cells += of_tool
        rows.append(_summary(tool, of_tool))
    return Matrix(tools=tuple(rows), cells=tuple(cells))


class _Planner:
    """Plans one cell after the other, knowing what is there."""

    def __init__(self, spec: RunSpec, bench: Bench | None, expansions: Expansions, *, is_final: bool) -> None:
        self._spec, self._expansions, self._is_final = spec, expansions, is_final
        labels = [tool.label for tool in spec.tools()]
        self._done = set() if bench is None else {clip.cell for clip in bench.clips(models=labels)}
        self._latest: Mapping[Cell, LatestJob] = {} if bench is None else bench.latest_jobs(labels)

    def requests(self, tool: Tool) -> Iterator[Request]:
        """What is asked of a tool: every prompt and sample, in the words of its arm where there are some."""
        spec = self._spec
        samples = range(spec.samples) if spec.only_sample is None else (spec.only_sample,)
        for prompt in spec.prompts:
            negative = ", ".join(part for part in (prompt.negative, spec.wishes.negative) if part)
            wishes = to_json(replace(spec.wishes, negative=negative))
            for sample in samples:
                yield Request(
                    prompt=prompt,
                    sample=sample,
                    seed=seed_of(prompt, sample, spec.seeds),
                    prompt_sent=self._expansions.get(tool.arm, {}).get(prompt.key, ""),
                    **wishes,
                )

    def cell(self, tool: Tool, adapter: Adapter, request: Request) -> PlannedCell:
        """How one clip stands, and the plan to make it."""
        cell = Cell(tool.label, request.prompt.key, request.sample)
        common: dict[str, Any] = {"label": tool.label, "prompt": request.prompt, "sample": request.sample}
        is_done, is_expanded = cell in self._done, bool(request.prompt_sent) or not tool.arm
        if self._is_final and not is_expanded and not is_done:
            note = f"the arm {tool.arm!r} could not rewrite this prompt; see vbench status, and repeat to ask again"
            return PlannedCell(**common, state="impossible", plan=None, note=note)
        try:
            if not is_done:
                tool.card.refuse_if_retired()
            plan = replace(adapter.plan(request), model=tool.label)
        except JobError as error:
            if is_done:
                return PlannedCell(**common, state="done", plan=None)
            return PlannedCell(**common, state="impossible", plan=None, note=str(error))
        if not is_expanded:
            note = f"the arm {tool.arm!r} has not rewritten this prompt yet; planned with the prompt as it is"
            plan = replace(plan, warnings=(*plan.warnings, note))
        intent = Intent(label=tool.label, prompt=request.prompt, sample=request.sample, plan=plan)
        latest = self._latest.get(cell)
        if is_done:
            is_other = latest is not None and latest.identity != intent.identity
            note = "made earlier with other settings; kept" if is_other else ""
            return PlannedCell(**common, state="done", plan=plan, note=note)
        if latest is None or latest.state == "planned":
            return PlannedCell(**common, state="new", plan=plan)
        if latest.state in OPEN_STATES:
            return PlannedCell(**common, state="open", plan=plan, note=latest.state)
        if not latest.may_retry(intent.identity, self._spec.retry):
            return PlannedCell(**common, state="ended", plan=plan, note=latest.reason or latest.state)
        asked_first = latest.id if latest.is_asked_first else ""
        return PlannedCell(
            **common,
            state="new",
            plan=plan,
            note=why_again(latest, plan) if plan.is_billable else "",
            asked_first=asked_first,
        )


def why_again(latest: LatestJob, plan: Plan) -> str:
    """What another attempt costs, and why there is no clip of the one before."""
    price = "nobody knows what it costs" if plan.cost_usd is None else f"it costs about ${plan.cost_usd:.2f}"
    asked = "; the tool is asked for that one first, free" if latest.is_asked_first else ""
    return f"sent again, {price}: the clip of the last attempt is not there ({latest.why}){asked}"


def make_adapter(card: ModelCard) -> Adapter:
    """The adapter a card names, loaded with it."""
    adapter: Adapter = ADAPTERS[card.adapter](card)
    return adapter


def _summary(tool: Tool, cells: Sequence[PlannedCell]) -> ToolPlan:
    new = [cell.plan for cell in cells if cell.state == "new" and cell.plan is not None]
    warnings = Counter(warning for plan in new for warning in plan.warnings)
    warnings.update(cell.note for cell in cells if cell.state in ("impossible", "done", "new") and cell.note)
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
