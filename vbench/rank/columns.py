"""The columns of a board. Each stands here once, and text, Markdown, CSV, JSON, HTML, the API and the page show it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal, get_type_hints

Value = str | int | float | bool | None
View = Literal["table", "md", "html", "page"]
"""Where columns are laid out for people: a terminal's table of one metric, Markdown, the report, the page."""
CellFormat = Literal[
    "tool", "metric", "text", "mean", "number", "interval", "rank", "share", "whole", "clips", "seconds", "usd"
]
"""How a value is written for people."""


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
    n_not_as_asked: int
    """Clips that came in another size, length, rate or sound than was asked for, or than the tool says."""
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
    """Adjusted for all pairs of tools."""
    verdict: str
    """best | worse | not distinguishable | not comparable | too few prompts | neutral."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One thing a board says of a tool under a metric."""

    key: str
    """Of JSON, CSV and API; in words and styles too."""
    value: Callable[[BoardRow], Any]
    type: Any = None
    """Of the value in the API's schema; None: it is made of other columns, and stands in no JSON or CSV."""
    title: str = ""
    short: str = ""
    """For a terminal, where the title is too long."""
    word: str = ""
    """Key of the title in `words.json`; empty: the page shows `title`."""
    format: CellFormat = "text"
    places: Mapping[View, int] = field(default_factory=dict)
    """Where it stands among the columns of a view; in a view that is not named it is not shown."""

    @property
    def is_stored(self) -> bool:
        """Whether it is a value of its own, for programs."""
        return self.type is not None

    @property
    def is_text(self) -> bool:
        """Whether people read it from the left."""
        return self.format in ("tool", "metric", "text")


_HINTS = get_type_hints(BoardRow)


def _of_row(key: str, title: str = "", **facts: Any) -> Column:
    """A column that shows a field of the row as it is."""
    return Column(key=key, value=attrgetter(key), type=_HINTS[key], title=title, **facts)


COLUMNS: tuple[Column, ...] = (
    _of_row("model", "tool", word="board.model", format="tool", places={"table": 1, "md": 1, "html": 1, "page": 2}),
    _of_row("metric", "metric", format="metric", places={"html": 2}),
    _of_row("tag"),
    _of_row("mean", "mean", word="board.mean", format="mean", places={"table": 3, "md": 3, "page": 3}),
    _of_row("ci_low", format="number"),
    _of_row("ci_high", format="number"),
    Column(
        key="interval",
        value=attrgetter("ci_low", "ci_high"),
        title="95 % interval",
        word="board.col.interval",
        format="interval",
        places={"table": 4, "md": 4, "page": 4},
    ),
    Column(
        key="rank",
        value=attrgetter("rank_low", "rank_high"),
        title="rank",
        word="board.rank",
        format="rank",
        places={"table": 5, "md": 5, "page": 1},
    ),
    _of_row("n_prompts", "prompts", word="board.prompts", format="whole", places={"table": 8, "md": 8, "page": 8}),
    _of_row(
        "n_clips", "clips", word="board.completion", format="clips", places={"table": 9, "md": 9, "html": 9, "page": 9}
    ),
    _of_row("n_failed", "failed", format="whole", places={"table": 10, "md": 10, "html": 10}),
    _of_row("n_refused", "refused", format="whole", places={"table": 11, "md": 11, "html": 11}),
    _of_row("n_not_applicable", format="whole"),
    _of_row("n_unmeasured", "not measured", format="whole", places={"html": 12}),
    _of_row(
        "n_not_as_asked",
        "not as asked",
        word="board.notAsAsked",
        format="whole",
        places={"table": 12, "md": 12, "html": 13, "page": 10},
    ),
    _of_row(
        "latency_s",
        "median latency, s",
        short="s",
        word="board.latency",
        format="seconds",
        places={"table": 13, "html": 14, "page": 13},
    ),
    _of_row(
        "cost_usd",
        "cost per clip, $",
        short="$",
        word="board.cost",
        format="usd",
        places={"table": 14, "html": 15, "page": 14},
    ),
    _of_row("unit"),
    _of_row("higher_is_better"),
    _of_row("rank_low", format="whole"),
    _of_row("rank_high", format="whole"),
    _of_row("versus"),
    _of_row("win_rate", "wins", format="share", places={"table": 6}),
    _of_row("p_value", format="number"),
    _of_row("verdict", "verdict", places={"md": 7}),
)
"""In the order of JSON and CSV."""


def stored() -> list[Column]:
    """Those that are values of their own, in the order of JSON and CSV."""
    return [column for column in COLUMNS if column.is_stored]


def shown(view: View) -> list[Column]:
    """Those that a view lays out for people, in its order."""
    return sorted((column for column in COLUMNS if view in column.places), key=lambda column: column.places[view])
