"""Plans every cell of the matrix: what a run would make, cost and need, before anything is sent."""

from __future__ import annotations

import datetime
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from vbench.adapters import ADAPTERS, Adapter
from vbench.bench.jobs import Intent, LatestJob
from vbench.errors import JobError
from vbench.generate.expansion import Expansions
from vbench.generate.settings import comparable_groups, fit_pictures, granted_setting
from vbench.generate.spec import RunSpec, Tool
from vbench.records import LEFT_OUT, OPEN_STATES, Cell, Plan, Prompt, Request, Setting, digest
from vbench.schema import to_json

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.catalog.cards import ModelCard

BYTES_PER_PIXEL = 0.02
"""A middle for tools of today: 32 files of ten tools had 0.004 to 0.055 at 480p and above, and
0.03 to 0.26 (median 0.1) at 288 pixels and below, where the files are small all the same."""
DISK_DEFAULT = (1280, 720, 24.0, 5.0)
"""Size, rate and length that stand in for the disk estimate where neither wish nor card says."""

PRICE_DAYS = 60
"""A price that was read longer ago is told to be old: vendors change them every few months."""
COMPARED = {"size": ("width", "height"), "length": ("seconds",), "rate": ("fps",), "sound": ("audio",)}
"""What tools may differ in, and the fields of `Setting` that say it; pictures left out come on top."""

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
    hours_from: Literal["bench", "card", "unknown"]
    """Where that is from: clips of this bench, the tool's card, or nowhere."""
    disk_bytes: int
    vram_gb: float | None
    width: int | None
    """Pixels, as most of its clips are asked for, like the next five; None: left to the tool, or not known."""
    height: int | None
    seconds: float | None
    fps: float | None
    audio: bool | None
    image_use: str
    """Which pictures go to it, as `Setting.image_use`; several are separated by commas."""
    price_checked_on: str | None
    """ISO date of its card's price; None: it has none, or nothing is billed."""
    comparable_group: str
    """Tools of one letter are asked for alike; those of another differ in size, length, rate, sound or pictures."""
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
    def n_billable(self) -> int:
        """Clips to make that cost money, at a known price or not."""
        return sum(cell.state == "new" and cell.plan is not None and cell.plan.is_billable for cell in self.cells)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before comparing the tools."""
        groups: dict[str, list[ToolPlan]] = defaultdict(list)
        for tool in self.tools:
            if tool.comparable_group:
                groups[tool.comparable_group].append(tool)
        if len(groups) < 2:
            return ()
        firsts = [members[0] for members in groups.values()]
        differ = [
            what for what, names in COMPARED.items() if len({tuple(getattr(t, n) for n in names) for t in firsts}) > 1
        ]
        if any(LEFT_OUT.strip() in tool.image_use for tool in self.tools):
            differ.append("pictures")
        return (
            f"not asked for alike ({', '.join(groups)}): they differ in {', '.join(differ)}; compare within a group, "
            "or ask all for what they share with `match=`",
        )

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
            "notes": [*self.notes],
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
        rows.append(_summary(tool, of_tool, planner.latency_s.get(tool.label)))
    return Matrix(tools=_grouped(rows, cells), cells=tuple(cells))


class _Planner:
    """Plans one cell after the other, knowing what is there."""

    def __init__(self, spec: RunSpec, bench: Bench | None, expansions: Expansions, *, is_final: bool) -> None:
        self._spec, self._expansions, self._is_final = spec, expansions, is_final
        labels = [tool.label for tool in spec.tools()]
        clips = [] if bench is None else bench.clips(models=labels)
        self._done = {clip.cell for clip in clips}
        self.latency_s = _medians((clip.model, clip.provenance.latency_s) for clip in clips)
        """Tool → median seconds of its clips in this bench."""
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
            plan = self._plan(tool, adapter, request)
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

    def _plan(self, tool: Tool, adapter: Adapter, request: Request) -> Plan:
        """The adapter's plan, with how the clip is asked for and what was done to its pictures.

        Raises:
            JobError: the tool cannot make this one, or not with all pictures of its prompt.
        """
        fitted = fit_pictures(tool.card, request.prompt, without_image=self._spec.without_image)
        notes = self._spec.picture_notes.get(request.prompt.id, ()) if fitted.prompt.pictures else ()
        request = replace(request, prompt=fitted.prompt)
        plan = plan_with_pictures(adapter, request)
        return replace(
            plan,
            model=tool.label,
            sends=sent(plan, granted_setting(tool.card, request, fitted.image_use)),
            warnings=(*plan.warnings, *fitted.warnings, *notes),
        )


def sent(plan: Plan, granted: Setting) -> Setting:
    """How a clip is asked for: what its adapter knows better, and for the rest what its card grants."""
    return replace(granted, **{name: value for name, value in asdict(plan.sends).items() if value not in (None, "")})


def plan_with_pictures(adapter: Adapter, request: Request) -> Plan:
    """The adapter's plan; whatever its identity holds, other pictures make it another one.

    Raises:
        JobError: the tool cannot make this one.
    """
    plan, prompt = adapter.plan(request), request.prompt
    if not prompt.pictures:
        return plan
    names = [
        [Path(place).stem for place in places] for places in ([prompt.image], [prompt.last_image], prompt.references)
    ]
    return replace(plan, identity={**plan.identity, "pictures": names})


def _medians(values: Iterable[tuple[str, float | None]]) -> dict[str, float]:
    known: dict[str, list[float]] = defaultdict(list)
    for label, value in values:
        if value is not None:
            known[label].append(value)
    return {label: statistics.median(of_label) for label, of_label in known.items()}


def why_again(latest: LatestJob, plan: Plan) -> str:
    """What another attempt costs, and why there is no clip of the one before."""
    price = "nobody knows what it costs" if plan.cost_usd is None else f"it costs about ${plan.cost_usd:.2f}"
    asked = "; the tool is asked for that one first, free" if latest.is_asked_first else ""
    return f"sent again, {price}: the clip of the last attempt is not there ({latest.why}){asked}"


def make_adapter(card: ModelCard) -> Adapter:
    """The adapter a card names, loaded with it."""
    adapter: Adapter = ADAPTERS[card.adapter](card)
    return adapter


def _summary(tool: Tool, cells: Sequence[PlannedCell], latency_s: float | None) -> ToolPlan:
    new = [cell.plan for cell in cells if cell.state == "new" and cell.plan is not None]
    warnings = Counter(warning for plan in new for warning in plan.warnings)
    warnings.update(cell.note for cell in cells if cell.state in ("impossible", "done", "new") and cell.note)
    costs = [plan.cost_usd if plan.is_billable else 0.0 for plan in new]
    times = [plan.seconds_estimate if latency_s is None else latency_s for plan in new]
    known_times = [seconds for seconds in times if seconds is not None]
    is_timed = len(known_times) == len(times)
    checked_on = tool.card.price.checked_on if tool.card.price is not None and tool.card.is_billable else None
    if new and checked_on is not None and (age := (today() - checked_on).days) > PRICE_DAYS:
        warnings[f"its price was read {age} days ago, on {checked_on}; it may have changed"] = len(new)
    settings = [cell.plan.sends for cell in cells if cell.plan is not None]
    common = Counter(replace(setting, image_use="") for setting in settings).most_common(1)
    setting, n_alike = common[0] if common else (Setting(), 0)
    if n_others := len(settings) - n_alike:
        warnings["asked for in another size, length, rate or with other sound than most, as their prompts need"] = (
            n_others
        )
    return ToolPlan(
        label=tool.label,
        adapter=tool.card.adapter,
        n=dict(Counter(cell.state for cell in cells)),
        cost_usd=None if any(cost is None for cost in costs) else sum(cost or 0.0 for cost in costs),
        hours=sum(known_times) / 3600 / tool.card.limits.concurrency if is_timed else None,
        hours_from="unknown" if not is_timed else "card" if latency_s is None else "bench",
        disk_bytes=sum(_size_bytes(tool.card, plan.request) for plan in new),
        vram_gb=tool.card.limits.vram_gb,
        **{name: getattr(setting, name) for name in ("width", "height", "seconds", "fps", "audio")},
        image_use=", ".join(dict.fromkeys(setting.image_use for setting in settings if setting.image_use)),
        price_checked_on=None if checked_on is None else checked_on.isoformat(),
        comparable_group="",
        warnings=dict(warnings.most_common()),
    )


def today() -> datetime.date:
    """The day on which a plan is made."""
    return datetime.date.today()


def _grouped(tools: Sequence[ToolPlan], cells: Sequence[PlannedCell]) -> tuple[ToolPlan, ...]:
    """The tools with the letter of those that are asked for alike, prompt by prompt; none where nothing can be made."""
    asked: dict[str, dict[str, Setting]] = defaultdict(dict)
    for cell in cells:
        if cell.plan is not None:
            asked[cell.label][cell.prompt.key] = cell.plan.sends
    letters = comparable_groups({tool.label: asked[tool.label] for tool in tools})
    return tuple(replace(tool, comparable_group=letters[tool.label]) for tool in tools)


def _size_bytes(card: ModelCard, request: Request) -> int:
    width, height, fps, seconds = DISK_DEFAULT
    pixels = (request.width or width) * (request.height or height)
    length = request.seconds or card.defaults.seconds or seconds
    return int(pixels * (request.fps or card.defaults.fps or fps) * length * BYTES_PER_PIXEL)
