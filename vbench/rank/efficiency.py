"""Quality for what it takes: dollars, GPU and wall seconds, memory, energy; and which tool to take for a shot."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.board import MIN_PROMPTS, prompt_means, tags_under
from vbench.rank.comparisons import compare_all
from vbench.rank.intervals import mean_interval
from vbench.rank.selects import cost_interval, spent_by_prompt, used_seconds
from vbench.records import Clip, MetricInfo
from vbench.registry import did_you_mean

GPU_CARDS_GB = (8, 12, 16, 24, 32, 48, 80)
"""Memory of cards that people have, in GiB."""
RESERVE = 1.05
"""A peak times this must fit: a display and the driver take some."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EfficiencyRow:
    """One tool: what its clips cost, and what one gets for it. None: not known."""

    tool: str
    n_clips: int
    quality: float | None
    """Mean over prompts of the metric asked for."""
    quality_low: float | None
    quality_high: float | None
    usd_per_s: float | None
    """Per second of video."""
    usd_per_usable_s: float | None
    """Per second that people selected, the rejected takes paid too."""
    usd_per_usable_s_low: float | None
    usd_per_usable_s_high: float | None
    wall_s_per_s: float | None
    """Seconds of waiting for a second of video."""
    gpu_s_per_s: float | None
    """Seconds of GPU work for a second of video; of tools that run here."""
    video_s_per_gpu_s: float | None
    usable_share: float | None
    """Usable seconds of all seconds of decided takes."""
    quality_per_usd: float | None
    """Quality divided by the dollars of one second of video."""
    quality_per_gpu_s: float | None
    quality_per_wall_s: float | None
    quality_per_usable_usd: float | None
    peak_gb: float | None
    """Largest GPU memory that a clip took, in GiB."""
    fits_gb: int | None
    """The smallest card on which it ran or, by its card, will run."""
    energy_wh_per_s: float | None
    """Watt hours per second of video, by NVML."""
    is_on_front_of_cost: bool
    """No other tool is both better and cheaper."""
    is_on_front_of_latency: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Efficiency:
    """The board, and what it is of."""

    metric: str
    unit: str
    rows: tuple[EfficiencyRow, ...]
    notes: tuple[str, ...]


def efficiency(bench: Bench, *, metric: str = "overall", tags: Sequence[str] = ()) -> Efficiency:
    """Rank tools by quality, and say what each takes.

    Args:
        bench: Where clips and scores are.
        metric: What counts as quality; higher must be better.
        tags: Only prompts that carry all of these.

    Raises:
        OptionError: the metric is not here, or has no better direction upwards.
    """
    info = _quality_metric(bench, metric)
    values = _values_of(bench, metric)
    cards = bench.models()
    ranked = {clip.id: clip for clip in bench.ranked_clips() if set(tags) <= set(clip.tags)}
    clips = [clip for clip in bench.clips() if clip.id in ranked]
    selects = bench.last_selects()
    by_tool: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_tool[clip.model].append(clip)
    rows = []
    for tool, members in sorted(by_tool.items()):
        own = [ranked[clip.id] for clip in members]
        means = prompt_means(own, values)
        quality = mean_interval(means, bounds=info.bounds) if means else None
        per_used = cost_interval(spent_by_prompt(own, selects))
        decided = [
            clip for clip in own if clip.id in selects and (selects[clip.id].is_used or selects[clip.id].is_rejected)
        ]
        decided_s = sum(clip.duration_s for clip in decided)
        facts = _facts(members)
        usable = sum(used_seconds(clip, selects[clip.id]) for clip in decided) / decided_s if decided_s else None
        rows.append(
            {
                "tool": tool,
                "n_clips": len(members),
                "quality": quality.mean if quality else None,
                "quality_low": quality.low if quality else None,
                "quality_high": quality.high if quality else None,
                "usd_per_usable_s": per_used.mean if per_used else None,
                "usd_per_usable_s_low": per_used.low if per_used else None,
                "usd_per_usable_s_high": per_used.high if per_used else None,
                "usable_share": usable,
                "fits_gb": fits_gb(facts["peak_gb"], cards.get(tool.partition("@")[0], {})),
                **facts,
            }
        )
    return Efficiency(metric=metric, unit=info.unit, rows=_with_fronts(rows), notes=tuple(_notes(rows)))


def _quality_metric(bench: Bench, metric: str) -> MetricInfo:
    infos = bench.metrics()
    if metric not in infos:
        raise OptionError(f"this bench has no score of metric {metric!r}; {did_you_mean(metric, sorted(infos))}")
    if not infos[metric].higher_is_better:
        raise OptionError(f"{metric}: quality per dollar needs a metric of which more is better; choose another")
    return infos[metric]


def _values_of(bench: Bench, metric: str) -> Mapping[str, float]:
    return next((values for name, values in bench.score_columns([metric]).values_by_clip() if name == metric), {})


def _facts(clips: Iterable[Clip]) -> dict[str, float | None]:
    """What is known of a tool's clips: sums over those of which it is known, so that long clips count for more."""
    known: dict[str, list[tuple[float, float]]] = defaultdict(list)
    peaks = []
    for clip in clips:
        how, seconds = clip.provenance, clip.probe.duration_s
        extra: Mapping[str, Any] = how.extra
        for name, value in (
            ("usd_per_s", how.cost_usd),
            ("wall_s_per_s", how.latency_s),
            ("gpu_s_per_s", how.work_s if "peak_vram_bytes" in extra else None),
            ("energy_wh_per_s", extra.get("energy_wh")),
        ):
            if isinstance(value, int | float) and seconds > 0:
                known[name].append((float(value), seconds))
        if isinstance(peak := extra.get("peak_vram_reserved_bytes", extra.get("peak_vram_bytes")), int | float):
            peaks.append(peak / 2**30)
    facts: dict[str, float | None] = {
        name: sum(value for value, _ in known[name]) / sum(seconds for _, seconds in known[name])
        if known[name]
        else None
        for name in ("usd_per_s", "wall_s_per_s", "gpu_s_per_s", "energy_wh_per_s")
    }
    gpu = facts["gpu_s_per_s"]
    return facts | {"video_s_per_gpu_s": 1 / gpu if gpu else None, "peak_gb": max(peaks) if peaks else None}


def fits_gb(peak_gb: float | None, card: Mapping[str, Any]) -> int | None:
    """The smallest card whose memory holds the measured peak or, where none was measured, what the tool's card says."""
    told = (card.get("limits") or {}).get("vram_gb")
    needed = peak_gb * RESERVE if peak_gb is not None else told
    return next((size for size in GPU_CARDS_GB if needed is not None and needed <= size), None)


def _with_fronts(rows: Sequence[dict[str, Any]]) -> tuple[EfficiencyRow, ...]:
    cost, wait = front(rows, "usd_per_s"), front(rows, "wall_s_per_s")
    made = [
        EfficiencyRow(
            **row,
            quality_per_usd=_per(row["quality"], row["usd_per_s"]),
            quality_per_gpu_s=_per(row["quality"], row["gpu_s_per_s"]),
            quality_per_wall_s=_per(row["quality"], row["wall_s_per_s"]),
            quality_per_usable_usd=_per(row["quality"], row["usd_per_usable_s"]),
            is_on_front_of_cost=row["tool"] in cost,
            is_on_front_of_latency=row["tool"] in wait,
        )
        for row in rows
    ]
    return tuple(sorted(made, key=lambda row: (row.quality is None, -(row.quality or 0.0), row.tool)))


def _per(quality: float | None, price: float | None) -> float | None:
    return quality / price if quality is not None and price else None


def front(rows: Sequence[Mapping[str, Any]], price: str) -> set[str]:
    """Tools that no other beats on quality without being dearer, nor on price without being worse (Pareto)."""
    known = [row for row in rows if row["quality"] is not None and row[price] is not None]
    return {
        row["tool"]
        for row in known
        if not any(
            other["quality"] >= row["quality"]
            and other[price] <= row[price]
            and (other["quality"] > row["quality"] or other[price] < row[price])
            for other in known
        )
    }


def _notes(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    notes = []
    if unpriced := [row["tool"] for row in rows if row["usd_per_s"] is None]:
        notes.append(f"What they cost is not known: {', '.join(unpriced)}.")
    if all(row["usd_per_usable_s"] is None for row in rows):
        notes.append("No take with a known cost is selected or rejected yet: cost per usable second needs that.")
    return notes


# --- which tool to take -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A tool for a kind of shot."""

    tool: str
    quality: float | None
    quality_low: float | None
    quality_high: float | None
    n_prompts: int
    usd_per_s: float | None
    usd_source: Literal["measured", "card", "free here", "unknown"]
    is_as_good: bool
    """Not distinguishable from the best by these prompts."""
    why_not: str
    """Why it is left out; empty: it may be taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What to take, and between what the choice was."""

    tags: tuple[str, ...]
    metric: str
    take: str
    """Empty: nothing that is allowed was measured."""
    reason: str
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a shot asks of a tool."""

    tags: tuple[str, ...]
    """Of the kind of shot: prompts that carry any of them speak for it."""
    metric: str = "overall"
    max_usd_per_s: float | None = None
    commercial: bool = False
    """The maker must allow commercial use."""
    vram_gb: float | None = None
    """A tool that runs here must fit."""
    country: str = ""
    """A country in which it will be used: tools whose licence leaves it out are left out."""


def tags_like(bench: Bench, words: Sequence[str]) -> tuple[str, ...]:
    """Tags of the prompts of a bench that a person means: tags, facets, or the id of a prompt whose tags count.

    Raises:
        OptionError: a word is none of these.
    """
    prompts = bench.prompts()
    all_tags = {tag for prompt in prompts for tag in prompt.tags}
    by_id = {prompt.id: prompt.tags for prompt in prompts}
    tags: list[str] = []
    for word in words:
        if word in by_id:
            tags += by_id[word]
        else:
            try:
                tags += tags_under(word, all_tags)
            except OptionError:
                raise OptionError(
                    f"`like={word}`: no prompt, tag or facet of this bench; {did_you_mean(word, [*by_id, *all_tags])}"
                ) from None
    return tuple(dict.fromkeys(tags))


def route(bench: Bench, wanted: Wanted) -> Route:
    """Which tool to take for a kind of shot: the cheapest of those not distinguishable from the best that is allowed.

    Raises:
        OptionError: the metric is not here, or no prompt carries the tags.
    """
    info = _quality_metric(bench, wanted.metric)
    clips = [clip for clip in bench.ranked_clips() if not wanted.tags or set(wanted.tags) & set(clip.tags)]
    if not clips:
        raise OptionError(f"no clip of this bench is of a prompt with {' or '.join(wanted.tags)}; generate some first")
    values = _values_of(bench, wanted.metric)
    cards = bench.models()
    facts = {row.tool: row for row in efficiency(bench, metric=wanted.metric).rows}
    means = {
        tool: prompt_means([c for c in clips if c.model == tool], values) for tool in sorted({c.model for c in clips})
    }
    candidates = {}
    for tool, by_prompt in means.items():
        card = cards.get(tool.partition("@")[0], {})
        usd, source = _price(facts[tool].usd_per_s, card)
        interval = mean_interval(by_prompt, bounds=info.bounds) if by_prompt else None
        why_not = _why_not(wanted, card, usd, facts[tool].fits_gb)
        if interval is None:
            why_not = why_not or "not measured on such prompts"
        elif interval.n_prompts < MIN_PROMPTS:
            why_not = why_not or f"measured on {interval.n_prompts} such prompt only"
        candidates[tool] = Candidate(
            tool=tool,
            quality=interval.mean if interval else None,
            quality_low=interval.low if interval else None,
            quality_high=interval.high if interval else None,
            n_prompts=interval.n_prompts if interval else 0,
            usd_per_s=usd,
            usd_source=source,
            is_as_good=False,
            why_not=why_not,
        )
    allowed = [tool for tool, candidate in candidates.items() if not candidate.why_not]
    ordered = sorted(candidates.values(), key=lambda c: (bool(c.why_not), -(c.quality or 0.0), c.tool))
    if not allowed:
        return Route(
            tags=wanted.tags,
            metric=wanted.metric,
            take="",
            reason="no tool that was measured on such prompts is allowed; see why each is left out",
            candidates=tuple(ordered),
        )
    return _chosen(wanted, ordered, {tool: means[tool] for tool in allowed})


def _chosen(wanted: Wanted, ordered: Sequence[Candidate], means: Mapping[str, Mapping[str, float]]) -> Route:
    best = max(sorted(means), key=lambda tool: statistics.fmean(means[tool].values()))
    family = compare_all(means)
    as_good = {best} | {
        tool
        for tool in means
        if tool != best and (pair := family.between(tool, best)) is not None and not pair.is_apart
    }
    marked = [replace(candidate, is_as_good=candidate.tool in as_good) for candidate in ordered]
    priced = [candidate for candidate in marked if candidate.is_as_good and candidate.usd_per_s is not None]
    cheapest = min(priced, key=lambda c: (c.usd_per_s, -(c.quality or 0.0)), default=None)
    of_best = next(candidate for candidate in marked if candidate.tool == best)
    n = of_best.n_prompts
    if cheapest is None or cheapest.tool == best or of_best.usd_per_s is None:
        take = best
        rivals = len(as_good) - 1
        reason = f"best by {wanted.metric} on {n} such prompts"
        reason += f"; {rivals} other(s) cannot be told from it" if rivals else ", and told apart from all others"
    else:
        take = cheapest.tool
        reason = (
            f"not distinguishable from {best} on {n} such prompts by {wanted.metric}, and cheaper: "
            f"${cheapest.usd_per_s:.3g} beside ${of_best.usd_per_s:.3g} a second"
        )
    return Route(tags=wanted.tags, metric=wanted.metric, take=take, reason=reason, candidates=tuple(marked))


def _price(
    measured: float | None, card: Mapping[str, Any]
) -> tuple[float | None, Literal["measured", "card", "free here", "unknown"]]:
    if measured is not None:
        return measured, "measured"
    usd = (card.get("price") or {}).get("usd_per_s")
    if isinstance(usd, Mapping):
        usd = min(usd.values(), default=None)
    if isinstance(usd, int | float):
        return float(usd), "card"
    return (0.0, "free here") if card.get("local") else (None, "unknown")


def _why_not(wanted: Wanted, card: Mapping[str, Any], usd: float | None, fits: int | None) -> str:
    """Why a tool may not be taken for this shot, by its card and its price."""
    if card.get("status") == "retired":
        return "retired"
    if wanted.max_usd_per_s is not None and (usd is None or usd > wanted.max_usd_per_s):
        return "its price is not known" if usd is None else f"costs ${usd:.3g} a second"
    if wanted.commercial:
        answer = ((card.get("rights") or {}).get("commercial_use") or {}).get("answer", "not stated")
        if answer not in ("yes", "conditions"):
            return f"commercial use: {answer}"
    if wanted.country and wanted.country.upper() in ((card.get("licence") or {}).get("territory_excludes") or ()):
        return f"its licence leaves out {wanted.country.upper()}"
    if wanted.vram_gb is not None and card.get("local") and (fits is None or fits > wanted.vram_gb):
        return "not known to fit" if fits is None else f"needs a card of {fits} GB"
    return ""
