"""Ranks the tools of a bench: means over prompts with intervals, comparisons, completion, latency and cost."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.stats import Rating, Verdict, bradley_terry, holm, mean_interval, paired, rank_intervals
from vbench.records import REFUSED_STATES, Clip, MetricInfo, Vote
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
NO_CLIP_STATES = ("failed", "expired", "outcome_unknown")
LEVEL = 0.05
FEW_PROMPTS = 5
GROUP_ORDER = ("overall", "temporal", "motion", "picture", "text", "sound", "spec", "vbench")


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardRow:
    """One tool under one metric (and one tag, where the board is split by tags)."""

    model: str
    metric: str
    tag: str
    """Empty: over all prompts."""
    mean: float | None
    """Over prompts of means over samples; None: no clip of this tool could be measured."""
    ci_low: float | None
    ci_high: float | None
    n_prompts: int
    n_clips: int
    """Clips with a score."""
    n_failed: int
    """Clips that were not made or could not be measured."""
    n_refused: int
    """Prompts the tool refused."""
    n_not_applicable: int
    """Clips that have nothing this metric could measure: no sound, nothing asked of the camera."""
    n_unmeasured: int
    """Clips nobody has tried to measure yet."""
    latency_s: float | None
    """Median over clips of which it is known."""
    cost_usd: float | None
    """Mean per clip over clips of which it is known."""
    unit: str
    higher_is_better: bool | None
    rank_low: int | None
    """Best rank the data leave open; None for a neutral metric."""
    rank_high: int | None
    versus: str
    """The tool with the best mean, which the next three compare with; empty for that tool and for neutral metrics."""
    win_rate: float | None
    p_value: float | None
    """Holm-adjusted over the tools compared."""
    verdict: str
    """best | worse | not distinguishable | not comparable | neutral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """All rows, and what a reader must know before believing them."""

    rows: tuple[BoardRow, ...]
    metrics: Mapping[str, MetricInfo]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values: ``{schema, rows, metrics, notes}``."""
        metrics = {name: asdict(info) | {"bounds": _json_bounds(info)} for name, info in self.metrics.items()}
        return {
            "schema": SCHEMA,
            "rows": [asdict(row) for row in self.rows],
            "metrics": metrics,
            "notes": [*self.notes],
        }

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame([asdict(row) for row in self.rows], columns=list(BoardRow.__slots__))


def _json_bounds(info: MetricInfo) -> list[float | None]:
    return [None if abs(bound) == float("inf") else bound for bound in info.bounds]


def leaderboard(
    bench: Bench,
    *,
    metrics: Sequence[str] | None = None,
    by: str | None = None,
    models: Sequence[str] | None = None,
    tags: Sequence[str] = (),
) -> Board:
    """Rank the tools of a bench.

    Args:
        bench: Where scores are.
        metrics: Which, in this order; all by default, `overall` first.
        by: A tag, or a facet of tags (``camera`` for ``camera:pan_left`` and its like): one block of rows for each.
        models: Only these tools.
        tags: Only prompts that carry all of these.

    Raises:
        OptionError: a metric, tag or tool that is not in the bench.
    """
    infos = bench.metrics()
    names = _chosen(metrics, infos)
    clips = {clip.id: clip for clip in bench.clips()}
    _check_known("tool", models or (), {clip.model for clip in clips.values()} | bench.job_models())
    all_tags = {tag for clip in clips.values() for tag in clip.prompt.tags}
    _check_known("tag", tags, all_tags)
    if models is not None:
        clips = {id: clip for id, clip in clips.items() if clip.model in models}
    if tags:
        clips = {id: clip for id, clip in clips.items() if set(tags) <= set(clip.prompt.tags)}
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for score in bench.score_records(metrics=names):
        if score.key.clip in clips:
            values[score.key.metric][score.key.clip] = score.value
    failed: dict[str, dict[str, str]] = defaultdict(dict)
    for failure in bench.score_failures():
        if failure.key is not None and failure.key.clip in clips:
            failed[failure.key.metric][failure.key.clip] = failure.code
    jobs = _job_counts(bench, models)
    rows: list[BoardRow] = []
    for tag, members in _blocks(clips, by, all_tags):
        for name in names:
            rows += _rows(infos[name], tag, members, values[name], failed[name], jobs if not by else {})
    return Board(rows=tuple(rows), metrics={n: infos[n] for n in names}, notes=_notes(bench, clips, names, infos, rows))


def _chosen(metrics: Sequence[str] | None, infos: Mapping[str, MetricInfo]) -> list[str]:
    if metrics is None:
        return sorted(infos, key=lambda name: (GROUP_ORDER.index(infos[name].group), name))
    _check_known("score of metric", metrics, infos)
    return list(dict.fromkeys(metrics))


def _check_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            raise OptionError(f"this bench has no {kind} {name!r}; {did_you_mean(name, known)}")


def _blocks(clips: Mapping[str, Clip], by: str | None, all_tags: set[str]) -> list[tuple[str, dict[str, Clip]]]:
    """(tag, clips of prompts that carry it); one block of all clips where the board is not split."""
    if by is None:
        return [("", dict(clips))]
    wanted = sorted(tag for tag in all_tags if tag == by or tag.startswith(f"{by}:"))
    if not wanted:
        facets = sorted({tag.partition(":")[0] for tag in all_tags})
        raise OptionError(f"no prompt of this bench has a tag {by!r}; {did_you_mean(by, facets)}")
    return [(tag, {id: clip for id, clip in clips.items() if tag in clip.prompt.tags}) for tag in wanted]


def _rows(
    info: MetricInfo,
    tag: str,
    clips: Mapping[str, Clip],
    values: Mapping[str, float],
    failed: Mapping[str, str],
    jobs: Mapping[str, Counter[str]],
) -> list[BoardRow]:
    tools = sorted({clip.model for clip in clips.values()} | set(jobs))
    by_tool: dict[str, list[Clip]] = {tool: [] for tool in tools}
    for clip in clips.values():
        by_tool[clip.model].append(clip)
    means = {tool: prompt_means(members, values) for tool, members in by_tool.items()}
    measured = {tool: mean for tool, mean in means.items() if mean}
    comparisons = _comparisons(measured, info.higher_is_better)
    ranks = (
        rank_intervals(measured, higher_is_better=info.higher_is_better) if info.higher_is_better is not None else {}
    )
    rows = []
    for tool in tools:
        members, count = by_tool[tool], jobs.get(tool, Counter())
        interval = mean_interval(means[tool], bounds=info.bounds) if means[tool] else None
        n_clips = sum(clip.id in values for clip in members)
        codes = [failed[clip.id] for clip in members if clip.id in failed and clip.id not in values]
        n_not_applicable = codes.count("not_applicable")
        rank = ranks.get(tool, (None, None))
        rows.append(
            BoardRow(
                model=tool,
                metric=info.name,
                tag=tag,
                mean=interval.mean if interval else None,
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                n_prompts=interval.n_prompts if interval else 0,
                n_clips=n_clips,
                n_failed=len(codes) - n_not_applicable + sum(count[state] for state in NO_CLIP_STATES),
                n_refused=sum(count[state] for state in REFUSED_STATES),
                n_not_applicable=n_not_applicable,
                n_unmeasured=len(members) - n_clips - len(codes),
                latency_s=_known(statistics.median, (clip.provenance.latency_s for clip in members)),
                cost_usd=_known(statistics.fmean, (clip.provenance.cost_usd for clip in members)),
                unit=info.unit,
                higher_is_better=info.higher_is_better,
                rank_low=rank[0],
                rank_high=rank[1],
                **comparisons.get(tool, _NOT_MEASURED),
            )
        )
    sign = -1.0 if info.higher_is_better is not False else 1.0
    return sorted(rows, key=lambda row: (row.mean is None, sign * (row.mean or 0.0), row.model))


def prompt_means(clips: Iterable[Clip], values: Mapping[str, float]) -> dict[str, float]:
    """Prompt key → mean over its measured samples."""
    samples: dict[str, list[float]] = defaultdict(list)
    for clip in clips:
        if clip.id in values:
            samples[clip.prompt.key].append(values[clip.id])
    return {prompt: statistics.fmean(found) for prompt, found in samples.items()}


def _known(reduce: Any, values: Iterable[float | None]) -> float | None:
    there = [value for value in values if value is not None]
    return float(reduce(there)) if there else None


_NOT_MEASURED: dict[str, Any] = {"versus": "", "win_rate": None, "p_value": None, "verdict": "not comparable"}


def _comparisons(tools: Mapping[str, Mapping[str, float]], higher_is_better: bool | None) -> dict[str, dict[str, Any]]:
    """Tool → how it compares, prompt by prompt, with the one whose mean is best."""
    if higher_is_better is None:
        return {tool: {**_NOT_MEASURED, "verdict": "neutral"} for tool in tools}
    if not tools:
        return {}
    sign = 1.0 if higher_is_better else -1.0
    best = max(sorted(tools), key=lambda tool: sign * statistics.fmean(tools[tool].values()))
    results = {
        tool: paired(means, tools[best], higher_is_better=higher_is_better)
        for tool, means in tools.items()
        if tool != best
    }
    compared = {tool: result for tool, result in results.items() if result is not None}
    adjusted = dict(zip(compared, holm([result.p_value for result in compared.values()]), strict=True))
    found: dict[str, dict[str, Any]] = {best: {**_NOT_MEASURED, "verdict": "best"}}
    for tool, result in results.items():
        if result is None:
            found[tool] = {**_NOT_MEASURED, "versus": best}
            continue
        verdict = "worse" if adjusted[tool] < LEVEL and sign * result.difference < 0 else "not distinguishable"
        found[tool] = {"versus": best, "win_rate": result.win_rate, "p_value": adjusted[tool], "verdict": verdict}
    return found


def _job_counts(bench: Bench, models: Sequence[str] | None) -> dict[str, Counter[str]]:
    """Tool → job state → number of clips wanted."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for model, state in bench.job_outcomes():
        if models is None or model in models:
            counts[model][state] += 1
    return counts


def _notes(
    bench: Bench,
    clips: Mapping[str, Clip],
    names: Sequence[str],
    infos: Mapping[str, MetricInfo],
    rows: Sequence[BoardRow],
) -> tuple[str, ...]:
    notes = []
    prompts: dict[str, set[str]] = defaultdict(set)
    for clip in clips.values():
        prompts[clip.model].add(clip.prompt.key)
    if len({frozenset(keys) for keys in prompts.values()}) > 1:
        n_shared = len(set.intersection(*prompts.values()))
        notes.append(
            f"The tools did not all get the same prompts ({n_shared} are shared by all): "
            "means are over each tool's own prompts; comparisons use shared prompts only."
        )
    if n_files := len(bench.failures("import")):
        notes.append(f"{n_files} file(s) could not be imported and are in no row.")
    if any(row.n_unmeasured for row in rows):
        notes.append("Some clips are not measured yet under these parameters; vbench score finishes them.")
    variants = Counter((metric, version) for metric, version, _, _ in bench.variants())
    if mixed := sorted({metric for (metric, _), n in variants.items() if n > 1 and metric in names}):
        notes.append(
            f"{', '.join(mixed)}: also measured under other parameters (weights, precision or flow backend), which are "
            "not comparable; shown are those that cover most clips."
        )
    if names and not any(info.group == "text" for info in infos.values()):
        notes.append("Nothing here measures whether a clip shows what its prompt asks for.")
    few = {row.metric for row in rows if 0 < row.n_prompts < FEW_PROMPTS}
    if few:
        which = "" if few >= {row.metric for row in rows if row.n_prompts} else f" under {', '.join(sorted(few))}"
        notes.append(
            f"Fewer than five prompts{which}: intervals are wide, and few differences can be told from chance."
        )
    return tuple(notes)


# --- votes --------------------------------------------------------------------------------------------------------


def ratings(bench: Bench) -> tuple[list[Rating], dict[str, Any]]:
    """Bradley-Terry ratings of the tools from the votes of a bench, and the facts a reader needs beside them.

    Returns:
        Ratings (empty where no vote counts), and ``{n_votes, n_counted, n_voters, n_prompts, n_excluded, connected}``.
    """
    votes = bench.votes()
    clips = {clip.id: clip for clip in bench.clips()}
    counted: list[Vote] = [vote for vote in votes if not vote.excluded and vote.outcome not in ("skip", "broken")]
    verdicts = [
        Verdict(a=clips[v.a].model, b=clips[v.b].model, outcome=v.outcome, prompt=clips[v.a].prompt.key)
        for v in counted
        if clips[v.a].model != clips[v.b].model
    ]
    found = bradley_terry(verdicts) if verdicts else []
    facts = {
        "n_votes": len(votes),
        "n_counted": len(verdicts),
        "n_excluded": sum(bool(vote.excluded) for vote in votes),
        "n_voters": len({vote.voter for vote in votes}),
        "n_prompts": len({verdict.prompt for verdict in verdicts}),
        "connected": len({rating.component for rating in found}) <= 1,
    }
    return found, facts
