"""Two sides, paired by prompt and seed: two tools, two arms, or one tool in two benches, by metric and tag."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.board import FEW_PROMPTS, tags_under
from vbench.rank.comparisons import LEVEL, step_down_p
from vbench.rank.intervals import Floats, mean_interval
from vbench.rank.power import smallest_effect
from vbench.records import Clip, MetricInfo
from vbench.registry import did_you_mean

CompareVerdict = Literal["better", "worse", "different", "not distinguishable", "too little data"]
"""Of the first side; `different` of a measure that has no better direction."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One of the two that are compared: a tool as one bench has it."""

    name: str
    """What the person called it."""
    tool: str
    """`ToolLabel` as text."""
    clips: Mapping[str, Clip]
    """Id → clip."""
    metrics: Mapping[str, MetricInfo]
    scores: Mapping[str, Mapping[str, float]]
    """Metric → clip id → value."""
    variants: Mapping[str, tuple[int, str]]
    """Metric → version and digest of the parameters that its scores are of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ComparedRow:
    """One metric over the prompts that both sides have (and that carry one tag)."""

    metric: str
    tag: str
    """Empty: all prompts."""
    n_pairs: int
    """Prompts with a value on both sides."""
    effect: float
    """Mean over prompts of (first - second), in the metric's unit."""
    ci_low: float | None
    ci_high: float | None
    p_value: float
    """Adjusted for all rows together."""
    verdict: CompareVerdict
    smallest_effect: float | None
    """What these prompts would have found with a power of 0.8; None: nothing, they are too few."""
    mean_a: float
    mean_b: float
    unit: str
    higher_is_better: bool | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CompareReport:
    """All rows, and what a reader must know beside them."""

    a: str
    b: str
    rows: tuple[ComparedRow, ...]
    notes: tuple[str, ...] = field(default=())


def side_of(bench: Bench, tool: str, *, name: str = "", metrics: Sequence[str] | None = None) -> Side:
    """A tool of a bench, as `compare` needs it.

    Args:
        bench: Where it is.
        tool: Its label.
        name: What the person called it; the label where it is left out.
        metrics: Only these; None: all.

    Raises:
        OptionError: the bench has no clip of it, or no score of a metric that is named.
    """
    clips = {clip.id: clip for clip in bench.clips(models=[tool])}
    if not clips:
        raise OptionError(f"{bench.root} has no clip of {tool!r}; {did_you_mean(tool, sorted(bench.models()))}")
    infos = bench.metrics()
    for metric in metrics or ():
        if metric not in infos:
            raise OptionError(f"{bench.root} has no score of {metric!r}; {did_you_mean(metric, sorted(infos))}")
    values: dict[str, dict[str, float]] = defaultdict(dict)
    variants = {}
    for score in bench.score_records(metrics=None if metrics is None else list(metrics), models=[tool]):
        values[score.key.metric][score.key.clip] = score.value
        variants[score.key.metric] = score.key.version, score.key.params_key
    return Side(name=name or tool, tool=tool, clips=clips, metrics=infos, scores=dict(values), variants=variants)


def compare(a: Side, b: Side, *, by: str = "", metrics: Sequence[str] | None = None) -> CompareReport:
    """Compare two sides by prompt; the rows are one family, whose error rate is 5 % together.

    A prompt's value is the mean over the seeds that both sides have of it; where they have none in common, or seeds
    are not known, over all samples of each.

    Args:
        a: First side; effects and verdicts are of it.
        b: Second side.
        by: A tag or facet of tags: a row for each beside that of all prompts.
        metrics: Only these, in this order.

    Raises:
        OptionError: the sides share no prompt, no metric, or `by` is no tag of a shared prompt.
    """
    by_prompt = _shared_prompts(a, b)
    if not by_prompt:
        raise OptionError(
            f"{a.name} and {b.name} have no prompt in common (id and text must be the same); generate both from one "
            "suite"
        )
    notes = [_not_shared(a, b, len(by_prompt)), _seed_note(by_prompt)]
    names, differing = _comparable(a, b, metrics)
    if differing:
        notes.append(
            f"{', '.join(differing)}: measured under other versions or parameters on the two sides, which are not "
            "comparable; left out. Score both alike."
        )
    if not names:
        raise OptionError(f"{a.name} and {b.name} have no metric in common that could be compared; run vbench score")
    tags: dict[str, set[str]] = {key: set(pair.tags) for key, pair in by_prompt.items()}
    blocks = ["", *(tags_under(by, set().union(*tags.values())) if by else [])]
    prompts = sorted(by_prompt)
    parts = []
    for name in names:
        values = {key: pair.values(a.scores[name], b.scores[name]) for key, pair in by_prompt.items()}
        for tag in blocks:
            there = [values[key] if not tag or tag in tags[key] else None for key in prompts]
            if any(value is not None for value in there):
                parts.append((name, tag, np.array([value or (np.nan, np.nan) for value in there])))
    if not parts:
        raise OptionError(f"{a.name} and {b.name}: no shared prompt has a value on both sides; run vbench score")
    differences = np.stack([values[:, 0] - values[:, 1] for _, _, values in parts])
    p_values = step_down_p(np.nan_to_num(differences))
    level = LEVEL / len(parts)
    rows = [
        _row(a.metrics[name], tag, values, float(p), level)
        for (name, tag, values), p in zip(parts, p_values, strict=True)
    ]
    return CompareReport(a=a.name, b=b.name, rows=tuple(rows), notes=tuple(note for note in notes if note))


def paired_values(a: Side, b: Side, metric: str) -> dict[str, tuple[float, float]]:
    """Prompt key → the values of both sides, paired as `compare` pairs them; of prompts that have both.

    Raises:
        OptionError: a side has no score of the metric, or they were measured under other versions or parameters.
    """
    names, _ = _comparable(a, b, [metric])
    if not names:
        raise OptionError(
            f"{metric}: measured under other versions or parameters in {a.name} and {b.name}; score both alike"
        )
    values = {
        key: pair.values(a.scores[metric], b.scores[metric]) for key, pair in sorted(_shared_prompts(a, b).items())
    }
    return {key: both for key, both in values.items() if both is not None}


@dataclass(frozen=True, slots=True)
class _Pair:
    """The clips of one prompt on both sides, seed by seed where seeds are shared."""

    a: tuple[str, ...]
    b: tuple[str, ...]
    tags: tuple[str, ...]
    is_by_seed: bool

    def values(self, of_a: Mapping[str, float], of_b: Mapping[str, float]) -> tuple[float, float] | None:
        """Mean of each side over the clips that have a value, or over pairs of them; None where there is none."""
        if self.is_by_seed:
            both = [(of_a[a], of_b[b]) for a, b in zip(self.a, self.b, strict=True) if a in of_a and b in of_b]
            left, right = [a for a, _ in both], [b for _, b in both]
        else:
            left, right = [of_a[a] for a in self.a if a in of_a], [of_b[b] for b in self.b if b in of_b]
        return (statistics.fmean(left), statistics.fmean(right)) if left and right else None


def _shared_prompts(a: Side, b: Side) -> dict[str, _Pair]:
    """Prompt key → its clips on both sides."""
    sides = []
    for side in (a, b):
        clips: dict[str, list[Clip]] = defaultdict(list)
        for clip in side.clips.values():
            clips[clip.prompt.key].append(clip)
        sides.append(clips)
    pairs = {}
    for key in sides[0].keys() & sides[1].keys():
        of_a, of_b = sides[0][key], sides[1][key]
        seeds_a = {clip.provenance.seed: clip.id for clip in of_a if clip.provenance.seed is not None}
        seeds_b = {clip.provenance.seed: clip.id for clip in of_b if clip.provenance.seed is not None}
        shared = sorted(seeds_a.keys() & seeds_b.keys())
        tags = of_a[0].prompt.tags
        if shared:
            ids_a, ids_b = tuple(seeds_a[seed] for seed in shared), tuple(seeds_b[seed] for seed in shared)
            pairs[key] = _Pair(ids_a, ids_b, tags, True)
        else:
            pairs[key] = _Pair(tuple(c.id for c in of_a), tuple(c.id for c in of_b), tags, False)
    return pairs


def _seed_note(pairs: Mapping[str, _Pair]) -> str:
    n = sum(pair.is_by_seed for pair in pairs.values())
    if n == len(pairs):
        return f"All {n} prompts are paired seed by seed."
    return f"{n} of {len(pairs)} prompts are paired seed by seed; the others by the means over their samples."


def _not_shared(a: Side, b: Side, n_shared: int) -> str:
    alone = [(side.name, len({c.prompt.key for c in side.clips.values()}) - n_shared) for side in (a, b)]
    if said := [f"{n} of {name}" for name, n in alone if n]:
        return f"{n_shared} prompts are on both sides; left out are {' and '.join(said)} that the other has not."
    return ""


def _comparable(a: Side, b: Side, metrics: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Metrics that both sides have alike, and those measured differently."""
    for name in metrics or ():
        for side in (a, b):
            if name not in side.scores:
                there = (
                    did_you_mean(name, sorted(side.scores)) if side.scores else "nothing is scored; run vbench score"
                )
                raise OptionError(f"{side.name} has no score of {name!r}; {there}")
    shared = [name for name in (metrics or sorted(a.scores)) if name in b.scores]
    differing = [name for name in shared if a.variants[name] != b.variants[name]]
    return [name for name in shared if name not in differing], differing


def _row(info: MetricInfo, tag: str, values: Floats, p_value: float, level: float) -> ComparedRow:
    there = values[~np.isnan(values).any(axis=1)]
    differences = there[:, 0] - there[:, 1]
    n = len(differences)
    reach = info.bounds[1] - info.bounds[0]
    interval = mean_interval(differences, bounds=(-reach, reach))
    sd = float(differences.std(ddof=1)) if n > 1 else 0.0
    return ComparedRow(
        metric=info.name,
        tag=tag,
        n_pairs=n,
        effect=interval.mean,
        ci_low=interval.low,
        ci_high=interval.high,
        p_value=p_value,
        verdict=_verdict(info.higher_is_better, interval.mean, p_value, n),
        smallest_effect=smallest_effect(sd, n, level=level) if n > 1 else None,
        mean_a=float(there[:, 0].mean()),
        mean_b=float(there[:, 1].mean()),
        unit=info.unit,
        higher_is_better=info.higher_is_better,
    )


def _verdict(higher_is_better: bool | None, effect: float, p_value: float, n: int) -> CompareVerdict:
    if n < FEW_PROMPTS:
        return "too little data"
    if p_value > LEVEL:
        return "not distinguishable"
    if higher_is_better is None:
        return "different"
    return "better" if (effect > 0) == higher_is_better else "worse"
