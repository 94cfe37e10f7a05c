"""One self-contained HTML page: board, interval plots, the worst moments as pictures, every take with its numbers."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from jinja2 import Environment, PackageLoader, StrictUndefined

from vbench._version import __version__
from vbench.bench import Bench
from vbench.errors import ClipError, as_typed
from vbench.rank.board import Board
from vbench.rank.columns import BoardRow, shown
from vbench.records import Clip, Event, MetricInfo
from vbench.report.text import LEADING, arrow, cell, number, with_interval

MAX_TAKES = 240
"""Pictures of takes on one page; a larger bench shows its first prompts and says so."""
MOMENTS_PER_TOOL = 4
HEADLINE = 8
KIND_ORDER = ("cut", "black", "freeze", "worst", "watermark")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plot:
    """Dots with intervals, one line per tool; positions in percent of the width."""

    info: MetricInfo
    arrow: str
    lines: tuple[PlotLine, ...]
    low: str
    high: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlotLine:
    """One tool in a plot."""

    row: BoardRow
    label: str
    dot: float | None
    start: float | None
    width: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedEvent:
    """A picture of where a take breaks."""

    clip: Clip
    event: Event
    before: str
    after: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PicturedClip:
    """A take with its poster and its numbers."""

    clip: Clip
    poster: str
    numbers: tuple[tuple[str, str], ...]
    failures: tuple[str, ...]


def page(board: Board, bench: Bench) -> str:
    """The report as HTML text; it loads nothing from anywhere."""
    rows_by_metric: dict[str, list[BoardRow]] = defaultdict(list)
    for row in board.rows:
        rows_by_metric[f"{row.tag}\0{row.metric}"].append(row)
    tools = list(dict.fromkeys(row.model for row in board.rows))
    ranked = [clip for clip in bench.ranked_clips() if clip.model in set(tools)]
    telling = _telling_events(bench, {clip.id: clip.model for clip in ranked}, tools)
    pictured = {clip.id for clip in ranked[:MAX_TAKES]} | {
        event.clip for events in telling.values() for event in events
    }
    clips = bench.clips(ids=sorted(pictured))
    headline = ([name for name in LEADING if name in board.metrics] or list(board.metrics))[:HEADLINE]
    plots = [
        (key.split("\0")[0], _plot(board.metrics[key.split("\0")[1]], rows)) for key, rows in rows_by_metric.items()
    ]
    taken = {clip.id for clip in ranked[:MAX_TAKES]}
    takes = _takes(bench, [clip for clip in clips if clip.id in taken], headline, board.metrics)
    environment = Environment(
        loader=PackageLoader("vbench.report", "templates"), autoescape=True, undefined=StrictUndefined
    )
    return environment.get_template("page.html.j2").render(
        board=board,
        version=__version__,
        made=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        n_tools=len(tools),
        n_clips=len(ranked),
        n_prompts=len({clip.prompt_key for clip in ranked}),
        plots=plots,
        moments=_moments(bench, {clip.id: clip for clip in clips}, telling),
        takes=takes,
        n_left_out=max(0, len(ranked) - MAX_TAKES),
        failures=[
            replace(failure, message=as_typed(failure.message))
            for failure in bench.failures()
            if failure.code != "not_applicable"
        ],
        number=number,
        columns=shown("html"),
        cell=cell,
        with_interval=with_interval,
    )


def _plot(info: MetricInfo, rows: Sequence[BoardRow]) -> Plot:
    ends = [v for row in rows for v in (row.mean, row.ci_low, row.ci_high) if v is not None]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    if high - low < 1e-12:
        low, high = low - 0.5, high + 0.5

    def place(value: float | None) -> float | None:
        return None if value is None else round(100 * (value - low) / (high - low), 2)

    lines = []
    for row in rows:
        start, end = place(row.ci_low), place(row.ci_high)
        width = None if start is None or end is None else end - start
        lines.append(PlotLine(row=row, label=with_interval(row), dot=place(row.mean), start=start, width=width))
    return Plot(info=info, arrow=arrow(info), lines=tuple(lines), low=number(low), high=number(high))


def _telling_events(bench: Bench, models: Mapping[str, str], tools: Sequence[str]) -> dict[str, list[Event]]:
    """Tool → its most telling events, at most one of a kind per clip; `models`: clip → its tool."""
    events: dict[str, list[Event]] = {tool: [] for tool in tools}
    seen = set()
    for event in bench.events():
        if event.clip in models and (event.clip, event.kind) not in seen:
            seen.add((event.clip, event.kind))
            events[models[event.clip]].append(event)
    return {
        tool: sorted(of_tool, key=lambda event: (KIND_ORDER.index(event.kind), event.clip))[:MOMENTS_PER_TOOL]
        for tool, of_tool in events.items()
    }


def _moments(
    bench: Bench, clips: Mapping[str, Clip], telling: Mapping[str, Sequence[Event]]
) -> dict[str, list[PicturedEvent]]:
    """Tool → its events that can be shown."""
    return {
        tool: [moment for event in events if (moment := _moment(bench, clips[event.clip], event)) is not None]
        for tool, events in telling.items()
    }


def _moment(bench: Bench, clip: Clip, event: Event) -> PicturedEvent | None:
    """The frames before and after a cut or a worst moment; the two ends of a black or frozen stretch."""
    frame_s = 1 / clip.probe.fps if clip.probe.fps else 0.0
    change_s = event.start_s if clip.probe.is_vfr else (event.frame + 0.5) * frame_s
    if event.kind in ("black", "freeze"):
        before, after = _picture(bench, clip, change_s), _picture(bench, clip, event.end_s + frame_s / 2)
    else:
        before, after = _picture(bench, clip, max(0.0, change_s - frame_s)), _picture(bench, clip, change_s)
    return PicturedEvent(clip=clip, event=event, before=before, after=after) if before or after else None


def _takes(
    bench: Bench, clips: Sequence[Clip], metrics: Sequence[str], infos: Mapping[str, MetricInfo]
) -> list[tuple[str, str, list[PicturedClip]]]:
    """(prompt id, prompt text, takes) in the order of prompts."""
    values: dict[str, dict[str, float]] = defaultdict(dict)
    for score in bench.score_records(metrics=metrics, clips=[clip.id for clip in clips]):
        values[score.key.clip][score.key.metric] = score.value
    failures: dict[str, list[str]] = defaultdict(list)
    for failure in bench.score_failures():
        if failure.key is not None and failure.key.metric in metrics and failure.code != "not_applicable":
            failures[failure.key.clip].append(f"{failure.key.metric}: {failure.message}")
    prompts: dict[str, tuple[str, str, list[PicturedClip]]] = {}
    for clip in clips:
        numbers = tuple(
            (f"{name} {arrow(infos[name])}", number(values[clip.id][name]))
            for name in metrics
            if name in values[clip.id]
        )
        take = PicturedClip(clip=clip, poster=_picture(bench, clip), numbers=numbers, failures=tuple(failures[clip.id]))
        prompts.setdefault(clip.prompt.key, (clip.prompt.id, clip.prompt.text, []))[2].append(take)
    return list(prompts.values())


def _picture(bench: Bench, clip: Clip, t_s: float | None = None) -> str:
    """A small picture as a data address; empty where the file is gone or cannot be decoded, which the page says."""
    from vbench.video import poster

    place = bench.media.derived(clip.sha256, "thumb.webp" if t_s is None else f"thumb-{round(t_s * 1000)}.webp")
    try:
        if not place.exists():
            poster(bench.clip_path(clip), place, t_s=t_s, height=144)
    except (FileNotFoundError, ClipError):
        return ""
    return "data:image/webp;base64," + base64.b64encode(place.read_bytes()).decode()
