"""Ranks the tools of a bench: means over prompts with intervals, comparisons, completion, latency and cost."""

from __future__ import annotations

import gc
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from html import escape
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from vbench.bench import Bench, RankedClip
from vbench.errors import OptionError
from vbench.marks import MARKS
from vbench.rank import columns, selects
from vbench.rank.columns import BoardRow as BoardRow
from vbench.rank.comparisons import compare_all
from vbench.rank.intervals import Floats, mean_intervals
from vbench.records import GROUPS, REFUSED_STATES, MetricInfo, Select
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
MOST_SHOWN = 200
"""Rows of a board in a notebook."""
NO_CLIP_STATES = ("failed", "expired", "outcome_unknown")
MIN_PROMPTS = 2
"""Below them a tool is shown under a line, and compared with none: one prompt says nothing of the next."""
FEW_PROMPTS = 6
"""Below them no sign flip of prompts is rare enough for two tools to be told apart."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BoardQuery:
    """What is ranked; as a board of a bench is asked for from Python, by a command or by a page."""

    metrics: tuple[str, ...] | None = None
    """Which, in this order; None: all, `overall` first."""
    by: str = ""
    """A tag, or a facet of tags (``camera`` for ``camera:pan_left`` and its like): one block of rows for each."""
    models: tuple[str, ...] | None = None
    """Only these tools; None: all."""
    tags: tuple[str, ...] = ()
    """Only prompts that carry all of these."""
    whole_only: bool = False
    """Leave out clips of which part is missing or spoilt."""


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
            "rows": self._values(),
            "metrics": metrics,
            "notes": [*self.notes],
        }

    def _repr_html_(self) -> str:
        """The rows as a notebook shows them: what is told of each tool, without a script."""
        heads = ("metric", "tag", "tool", "mean", "95 %", "rank", "verdict", "clips")
        body = "".join(
            "<tr>" + "".join(f"<td>{escape(text)}</td>" for text in _spoken(row)) + "</tr>"
            for row in self.rows[:MOST_SHOWN]
        )
        more = len(self.rows) - MOST_SHOWN
        left = [f"{more} more rows; .frame() has them all."] if more > 0 else []
        notes = "".join(f"<p>{escape(note)}</p>" for note in (*left, *self.notes))
        head = "".join(f"<th>{text}</th>" for text in heads)
        return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>{notes}"

    def frame(self) -> pd.DataFrame:
        """The rows as a table."""
        import pandas as pd

        return pd.DataFrame(self._values(), columns=[column.key for column in columns.stored()])

    def _values(self) -> list[dict[str, columns.Value]]:
        stored = columns.stored()
        return [{column.key: column.value(row) for column in stored} for row in self.rows]


def _json_bounds(info: MetricInfo) -> list[float | None]:
    return [None if abs(bound) == float("inf") else bound for bound in info.bounds]


def _spoken(row: BoardRow) -> tuple[str, ...]:
    """A row in words, in the order of a notebook's table."""
    interval = "" if row.ci_low is None or row.ci_high is None else f"{row.ci_low:.3g} to {row.ci_high:.3g}"
    rank = "" if row.rank_low is None else str(row.rank_low)
    rank += f" to {row.rank_high}" if row.rank_high not in (None, row.rank_low) else ""
    mean = "" if row.mean is None else f"{row.mean:.4g}"
    return row.metric, row.tag, row.model, mean, interval, rank, row.verdict, str(row.n_clips)


def leaderboard(
    bench: Bench,
    query: BoardQuery | None = None,
    *,
    metrics: Iterable[str] | None = None,
    by: str | None = None,
    models: Iterable[str] | None = None,
    tags: Iterable[str] = (),
    whole_only: bool = False,
) -> Board:
    """Rank the tools of a bench.

    Args:
        bench: Where scores are.
        query: What to rank; all by default.
        metrics: Instead of a query, its fields by name.
        by: The same.
        models: The same.
        tags: The same.
        whole_only: The same.

    Raises:
        OptionError: a metric, tag or tool that is not in the bench.
        TypeError: a query and a field of it by name.
    """
    named = BoardQuery(
        metrics=None if metrics is None else tuple(metrics),
        by=by or "",
        models=None if models is None else tuple(models),
        tags=tuple(tags),
        whole_only=whole_only,
    )
    if query is not None and named != BoardQuery():
        raise TypeError("leaderboard: found a query and fields of it by name; give one or the other")
    with _no_collection():
        return _ranked(bench, query or named)


@contextmanager
def _no_collection() -> Iterator[None]:
    """Nothing looks for cycles meanwhile: a board makes none, and a search through all that lives, at each thousand of
    its clips, takes as long as making it."""
    was_collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_collecting:
            gc.enable()


def _ranked(bench: Bench, query: BoardQuery) -> Board:
    clips = {clip.id: clip for clip in bench.ranked_clips()}
    choices = bench.last_selects()
    infos = bench.metrics() | selects.infos_of(clips.values(), choices)
    names = _chosen(query.metrics, infos)
    _check_known("tool", query.models or (), {clip.model for clip in clips.values()} | bench.job_models())
    all_tags = {tag for tags in {clip.tags for clip in clips.values()} for tag in tags}
    _check_known("tag", query.tags, all_tags)
    if query.models is not None:
        clips = {id: clip for id, clip in clips.items() if clip.model in query.models}
    if query.tags:
        clips = {id: clip for id, clip in clips.items() if set(query.tags) <= set(clip.tags)}
    damaged = {id for id, clip in clips.items() if clip.marks and any(mark.is_damage for mark in clip.marks)}
    if query.whole_only:
        clips = {id: clip for id, clip in clips.items() if id not in damaged}
    failed: dict[str, dict[str, str]] = defaultdict(dict)
    for failure in bench.failed_measures(names):
        failed[failure.metric][failure.clip] = failure.code
    jobs = {} if query.by else _job_counts(bench, query.models)
    places = {id: place for place, id in enumerate(clips)}
    blocks = [_Block.of(tag, members, places, jobs) for tag, members in _blocks(clips, query.by, all_tags)]
    parts: dict[tuple[str, str], list[BoardRow]] = {}
    scores = bench.score_columns(names)
    place = np.array([places.get(id, -1) for id in scores.clips], dtype=np.int64)
    for name, clip, value in scores.by_metric():  # one metric at a time
        values = np.full(len(clips) + 1, np.nan)  # the last is for clips that are not ranked
        values[place[clip]] = value
        for block in blocks:
            parts[block.tag, name] = _rows(infos[name], block, values[block.place], failed[name])
    if selects.USABLE_RATE.name in names:
        decided = selects.usable(choices)
        values = np.array([decided.get(id, np.nan) for id in clips], dtype=np.float64)
        for block in blocks:
            parts[block.tag, selects.USABLE_RATE.name] = _rows(selects.USABLE_RATE, block, values[block.place], {})
    if selects.USD_PER_USABLE_S.name in names:
        for block in blocks:
            parts[block.tag, selects.USD_PER_USABLE_S.name] = _cost_rows(block, clips, choices)
    nothing = np.full(len(clips), np.nan)
    for name in names:
        for block in blocks:
            if (block.tag, name) not in parts:
                parts[block.tag, name] = _rows(infos[name], block, nothing[block.place], failed[name])
    rows = [row for block in blocks for name in names for row in parts[block.tag, name]]
    notes = _notes(bench, clips, scores.mixed, infos, rows)
    if query.whole_only and damaged:
        notes = (f"{len(damaged)} damaged clip(s), of which part is missing or spoilt, are left out.", *notes)
    return Board(rows=tuple(rows), metrics={n: infos[n] for n in names}, notes=notes)


def _chosen(metrics: Sequence[str] | None, infos: Mapping[str, MetricInfo]) -> list[str]:
    if metrics is None:
        return sorted(infos, key=lambda name: (GROUPS.index(infos[name].group), name))
    _check_known("score of metric", metrics, infos)
    return list(dict.fromkeys(metrics))


def _check_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    known = sorted(known)
    for name in names:
        if name not in known:
            raise OptionError(f"this bench has no {kind} {name!r}; {did_you_mean(name, known)}")


def _blocks(clips: Mapping[str, RankedClip], by: str, all_tags: set[str]) -> list[tuple[str, dict[str, RankedClip]]]:
    """(tag, clips of prompts that carry it); one block of all clips where the board is not split."""
    if not by:
        return [("", dict(clips))]
    wanted = tags_under(by, all_tags)
    return [(tag, {id: clip for id, clip in clips.items() if tag in clip.tags}) for tag in wanted]


def tags_under(by: str, all_tags: set[str]) -> list[str]:
    """The tag `by`, or all tags of the facet `by`.

    Raises:
        OptionError: there is neither.
    """
    wanted = sorted(tag for tag in all_tags if tag == by or tag.startswith(f"{by}:"))
    if not wanted:
        facets = sorted({tag.partition(":")[0] for tag in all_tags})
        raise OptionError(f"no prompt of this bench has a tag {by!r}; {did_you_mean(by, facets)}")
    return wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """The clips of one part of a board, as numbers of their tools and prompts."""

    tag: str
    tools: tuple[str, ...]
    """In the order of their names, those that have jobs only among them."""
    prompts: tuple[str, ...]
    number: Mapping[str, int]
    """Clip id → its place in the arrays that follow."""
    place: NDArray[np.int64]
    """Among all ranked clips."""
    tool: NDArray[np.int64]
    cell: NDArray[np.int64]
    """Of tool and prompt: tool times the number of prompts, plus prompt."""
    latency_s: tuple[float | None, ...]
    """Of each tool."""
    cost_usd: tuple[float | None, ...]
    n_not_as_asked: tuple[int, ...]
    """Clips of each tool that differ from what was asked."""
    jobs: Mapping[str, Counter[str]]

    @classmethod
    def of(
        cls, tag: str, clips: Mapping[str, RankedClip], places: Mapping[str, int], jobs: Mapping[str, Counter[str]]
    ) -> Self:
        """The block of these clips; `places`: clip id → its place among all ranked clips."""
        # a column at a time, since a bench may have tens of thousands of clips
        ids, models, keys, _, latencies, costs, _, marks = zip(*clips.values(), strict=True) if clips else ((),) * 8
        tools = tuple(sorted(set(models) | set(jobs)))
        tool_numbers = {tool: number for number, tool in enumerate(tools)}
        prompts = {key: number for number, key in enumerate(dict.fromkeys(keys))}
        tool = np.array([tool_numbers[model] for model in models], dtype=np.int64)
        prompt = np.array([prompts[key] for key in keys], dtype=np.int64)
        latency_s, cost_usd = np.array(latencies, dtype=np.float64), np.array(costs, dtype=np.float64)  # None is NaN
        other = Counter(
            model
            for model, said in zip(models, marks, strict=True)
            if said and any(mark.name == "not_as_asked" for mark in said)
        )
        return cls(
            tag=tag,
            tools=tools,
            prompts=tuple(prompts),
            number=dict(zip(ids, range(len(ids)), strict=True)),
            place=np.array([places[id] for id in ids], dtype=np.int64),
            tool=tool,
            cell=tool * len(prompts) + prompt,
            latency_s=tuple(_known(statistics.median, latency_s[tool == number]) for number in range(len(tools))),
            cost_usd=tuple(_known(statistics.fmean, cost_usd[tool == number]) for number in range(len(tools))),
            n_not_as_asked=tuple(other[name] for name in tools),
            jobs=jobs,
        )

    def prompt_means(self, values: Floats) -> Floats:
        """Means over measured samples, shape (tools, prompts), NaN where there is none; of a value per clip, or NaN."""
        is_measured = ~np.isnan(values)
        n_cells = len(self.tools) * len(self.prompts)
        cell = self.cell[is_measured]
        n = np.bincount(cell, minlength=n_cells)
        sums = np.bincount(cell, weights=values[is_measured], minlength=n_cells)
        means = np.where(n > 0, sums / np.maximum(n, 1), np.nan)
        return means.reshape(len(self.tools), len(self.prompts))

    def per_tool(self, clips: NDArray[np.bool_]) -> list[int]:
        """How many of these clips each tool has."""
        counts: list[int] = np.bincount(self.tool[clips], minlength=len(self.tools)).tolist()
        return counts


def _rows(info: MetricInfo, block: _Block, values: Floats, failed: Mapping[str, str]) -> list[BoardRow]:
    """A row per tool; `values`: of each clip of the block, NaN where there is none; `failed`: clip id → why."""
    means = block.prompt_means(values)
    samples = {tool: row[~np.isnan(row)] for tool, row in zip(block.tools, means, strict=True)}
    measured = [tool for tool in block.tools if len(samples[tool])]
    by_prompt = {
        tool: {key: mean for key, mean in zip(block.prompts, row, strict=True) if mean == mean}
        for tool, row in zip(block.tools, means.tolist(), strict=True)
        if len(samples[tool])
    }
    comparisons = _comparisons(by_prompt, info.higher_is_better)
    found = mean_intervals([samples[tool] for tool in measured], bounds=info.bounds)
    intervals = dict(zip(measured, found, strict=True))
    codes: dict[str, list[str]] = {tool: [] for tool in block.tools}
    for clip, code in failed.items():
        if (number := block.number.get(clip)) is not None and np.isnan(values[number]):
            codes[block.tools[block.tool[number]]].append(code)
    n_measured, n_members = block.per_tool(~np.isnan(values)), block.per_tool(np.ones(len(values), dtype=bool))
    rows = []
    for place, tool in enumerate(block.tools):
        count, interval = block.jobs.get(tool, Counter()), intervals.get(tool)
        n_not_applicable = codes[tool].count("not_applicable")
        rows.append(
            BoardRow(
                model=tool,
                metric=info.name,
                tag=block.tag,
                mean=interval.mean if interval else None,
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                n_prompts=interval.n_prompts if interval else 0,
                n_clips=n_measured[place],
                n_failed=len(codes[tool]) - n_not_applicable + sum(count[state] for state in NO_CLIP_STATES),
                n_refused=sum(count[state] for state in REFUSED_STATES),
                n_not_applicable=n_not_applicable,
                n_unmeasured=n_members[place] - n_measured[place] - len(codes[tool]),
                n_not_as_asked=block.n_not_as_asked[place],
                latency_s=block.latency_s[place],
                cost_usd=block.cost_usd[place],
                unit=info.unit,
                higher_is_better=info.higher_is_better,
                **comparisons.get(tool, _NOT_MEASURED),
            )
        )
    return _best_first(rows, info)


def _best_first(rows: Iterable[BoardRow], info: MetricInfo) -> list[BoardRow]:
    """Tools with too few prompts after the others, those without a mean last."""
    sign = -1.0 if info.higher_is_better is not False else 1.0
    return sorted(
        rows,
        key=lambda row: (row.mean is None, row.n_prompts < MIN_PROMPTS, sign * (row.mean or 0.0), row.model),
    )


def _cost_rows(block: _Block, clips: Mapping[str, RankedClip], choices: Mapping[str, Select]) -> list[BoardRow]:
    """What a used second of each tool costs: a ratio of sums, which is no mean of prompts and is compared with none."""
    info = selects.USD_PER_USABLE_S
    decided = selects.usable(choices)
    members = [clips[id] for id in block.number]
    paid = [np.nan if clip.cost_usd is None or clip.id not in decided else clip.cost_usd for clip in members]
    rows = []
    for row in _rows(info, block, np.array(paid, dtype=np.float64), {}):
        own = (clip for clip in members if clip.model == row.model)
        interval = selects.cost_interval(selects.spent_by_prompt(own, choices))
        rows.append(
            replace(
                row,
                mean=interval.mean if interval else None,
                ci_low=interval.low if interval else None,
                ci_high=interval.high if interval else None,
                **_NOT_MEASURED,
            )
        )
    return _best_first(rows, info)


def prompt_means(clips: Iterable[RankedClip], values: Mapping[str, float]) -> dict[str, float]:
    """Prompt key → mean over its measured samples."""
    samples: dict[str, list[float]] = defaultdict(list)
    for clip in clips:
        if clip.id in values:
            samples[clip.prompt_key].append(values[clip.id])
    return {prompt: statistics.fmean(measured) for prompt, measured in samples.items()}


def _known(reduce: Any, values: Floats) -> float | None:
    there = values[~np.isnan(values)].tolist()
    return float(reduce(there)) if there else None


_NOT_MEASURED: dict[str, Any] = {
    "rank_low": None,
    "rank_high": None,
    "versus": "",
    "win_rate": None,
    "p_value": None,
    "verdict": "not comparable",
}


def _comparisons(tools: Mapping[str, Mapping[str, float]], higher_is_better: bool | None) -> dict[str, dict[str, Any]]:
    """Tool → its ranks, and how it compares, prompt by prompt, with the one whose mean is best.

    Ranks and verdicts are of one family of comparisons, so that they never contradict each other. Tools with a single
    prompt stand outside it.
    """
    if higher_is_better is None:
        return {tool: {**_NOT_MEASURED, "verdict": "neutral"} for tool in tools}
    compared = {tool: means for tool, means in tools.items() if len(means) >= MIN_PROMPTS}
    comparisons = {tool: {**_NOT_MEASURED, "verdict": "too few prompts"} for tool in tools if tool not in compared}
    if not compared:
        return comparisons
    sign = 1.0 if higher_is_better else -1.0
    best = max(sorted(compared), key=lambda tool: sign * statistics.fmean(compared[tool].values()))
    family = compare_all(compared, higher_is_better=higher_is_better)
    for tool, standing in family.standings().items():
        ranks = {"rank_low": standing.rank_low, "rank_high": standing.rank_high}
        pair = family.between(tool, best)
        if tool == best:
            comparisons[tool] = {**_NOT_MEASURED, **ranks, "verdict": "best"}
        elif pair is None:
            comparisons[tool] = {**_NOT_MEASURED, **ranks, "versus": best}
        else:
            is_worse = pair.is_apart and sign * pair.difference < 0
            comparisons[tool] = {
                **ranks,
                "versus": best,
                "win_rate": pair.win_rate,
                "p_value": pair.p_value,
                "verdict": "worse" if is_worse else "not distinguishable",
            }
    return comparisons


def _job_counts(bench: Bench, models: Sequence[str] | None) -> dict[str, Counter[str]]:
    """Tool → job state → number of clips wanted."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for model, state in bench.job_outcomes():
        if models is None or model in models:
            counts[model][state] += 1
    return counts


def _notes(
    bench: Bench,
    clips: Mapping[str, RankedClip],
    mixed: Iterable[str],
    infos: Mapping[str, MetricInfo],
    rows: Sequence[BoardRow],
) -> tuple[str, ...]:
    notes = []
    prompts: dict[str, set[str]] = defaultdict(set)
    for model, prompt_key in {(clip.model, clip.prompt_key) for clip in clips.values()}:
        prompts[model].add(prompt_key)
    if len({frozenset(keys) for keys in prompts.values()}) > 1:
        n_shared = len(set.intersection(*prompts.values()))
        notes.append(
            f"The tools did not all get the same prompts ({n_shared} are shared by all): "
            "means are over each tool's own prompts; comparisons use shared prompts only."
        )
    marks = Counter(mark for clip in clips.values() if clip.marks for mark in clip.marks)
    if marked := [f"{marks[mark]} {mark.about}" for mark in MARKS if marks[mark]]:
        which = "; the damaged ones can be left out (whole clips only)" if any(m.is_damage for m in marks) else ""
        notes.append(f"Of {len(clips)} clips: {', '.join(marked)}{which}.")
    if n_files := len(bench.failures("import")):
        notes.append(f"{n_files} file(s) could not be imported and are in no row.")
    if any(row.n_unmeasured for row in rows):
        notes.append("Some clips are not measured yet under these parameters; vbench score finishes them.")
    if mixed := sorted(mixed):
        notes.append(
            f"{', '.join(mixed)}: also measured under other parameters (weights, precision or flow backend), which are "
            "not comparable; shown are those that cover most clips."
        )
    if rows and not any(info.group == "text" for info in infos.values()):
        notes.append("Nothing here measures whether a clip shows what its prompt asks for.")
    if any(row.verdict == "not distinguishable" for row in rows):
        notes.append(
            "The best mean is chosen after seeing the data, so it and its interval are a little too good; ranks and "
            "verdicts, which are of all pairs of tools together, allow for that."
        )
    if alone := sorted({row.model for row in rows if row.n_prompts == 1}):
        notes.append(f"Below the line, compared with none: {', '.join(alone)}, where they have a single prompt.")
    few = {row.metric for row in rows if 0 < row.n_prompts < FEW_PROMPTS}
    if few:
        which = "" if few >= {row.metric for row in rows if row.n_prompts} else f" under {', '.join(sorted(few))}"
        notes.append(f"Fewer than six prompts{which}: intervals are wide, and no two tools can be told apart.")
    return tuple(notes)
