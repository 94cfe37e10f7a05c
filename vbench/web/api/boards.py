"""The JSON API of boards: the leaderboard with its filters, and the clips behind a number."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field

from vbench.errors import OptionError
from vbench.rank import columns, selects
from vbench.rank.board import BoardQuery
from vbench.rank.reasons import reasons
from vbench.records import Select
from vbench.web import schemas
from vbench.web.api.root import models
from vbench.web.boards import boards
from vbench.web.state import Caller, PageState, slow_down
from vbench.web.words import locale_of, translated

routes = APIRouter(prefix="/api/v1", tags=["boards"])


class BoardFilter(BaseModel):
    """What a visitor asks of a board: the fields of a `BoardQuery`, and what the cards of its tools say."""

    metric: Annotated[list[str] | None, Field(max_length=200)] = None
    by: Annotated[str, Field(max_length=200)] = ""
    tag: Annotated[list[str] | None, Field(max_length=50)] = None
    model: Annotated[list[str] | None, Field(max_length=200)] = None
    access: Literal["", "open", "hosted"] = ""
    licence: Annotated[str, Field(max_length=200)] = ""
    country: Annotated[str, Field(max_length=10)] = ""
    status: Literal["", "active", "deprecated", "retired"] = ""
    commercial: Literal["", "yes", "conditions", "no", "not stated"] = ""
    """What the tool's maker says of commercial use."""
    seconds: Annotated[float | None, Field(gt=0)] = None
    resolution: Annotated[str, Field(max_length=40)] = ""
    whole: Literal["", "only"] = ""
    """`only`: clips that are cut off or damaged are left out."""

    @property
    def is_of_cards(self) -> bool:
        """Whether tools are left out by what their cards say."""
        return bool(
            self.access
            or self.licence
            or self.country
            or self.status
            or self.commercial
            or self.seconds
            or self.resolution
        )

    def passes(self, tool: schemas.ModelFacts) -> bool:
        """Whether a tool's card says what is asked for."""
        seconds = self.seconds
        return bool(
            (not self.access or (tool.open_weights if self.access == "open" else tool.hosted))
            and (not self.licence or tool.licence == self.licence)
            and (not self.country or tool.country == self.country)
            and (not self.status or tool.status == self.status)
            and (not self.commercial or _commercial_use(tool) == self.commercial)
            and (not self.resolution or self.resolution in tool.resolutions)
            and (seconds is None or (tool.seconds and min(tool.seconds) <= seconds <= max(tool.seconds)))
        )

    def query(self, models: tuple[str, ...] | None) -> BoardQuery:
        """The board that is asked for, of these tools."""
        metrics = tuple(self.metric) if self.metric else None
        return BoardQuery(
            metrics=metrics,
            by=self.by,
            models=models,
            tags=tuple(sorted(self.tag or ())),
            whole_only=self.whole == "only",
        )


def _commercial_use(tool: schemas.ModelFacts) -> str:
    right = tool.rights.get("commercial_use")
    return "not stated" if right is None else right.answer


@routes.get("/board", response_model=None, responses={200: {"model": schemas.BoardFacts}})
def leaderboard(
    request: Request, page: PageState, visitor: Caller, wanted: Annotated[BoardFilter, Query()]
) -> dict[str, Any]:
    """Rows of the leaderboard: `{schema, rows, metrics, notes, models, tags}`.

    Tools are left out by what their cards say: `access`, `licence`, `country`, `status`, a length in `seconds` and a
    `resolution` they can deliver. A tool without a card passes no such filter.
    """
    slow_down(page.limits.boards, visitor.address)
    facts = {tool.id: tool for tool in models(page)}
    chosen = tuple(wanted.model) if wanted.model else None
    if wanted.is_of_cards:
        known = {row.model for row in boards(page).rows}
        passing = [tool.id for tool in facts.values() if tool.id in known and wanted.passes(tool)]
        chosen = tuple(sorted(tool for tool in passing if chosen is None or tool in chosen))
    table = boards(page, wanted.query(chosen)).to_json()
    shown = {row["model"] for row in table["rows"]}
    tags = sorted({label for prompt in page.bench.prompts() for label in prompt.tags})
    locale = locale_of(request.headers.get("accept-language", ""))
    table["notes"] = [translated(note, locale) for note in table["notes"]]
    broken = page.boards.get(reasons, page.bench.state_mark(), lambda: reasons(page.bench))
    return table | {
        "models": {name: facts[name] for name in sorted(shown) if name in facts},
        "tags": tags,
        "reasons": {name: [asdict(reason) for reason in broken[name]] for name in sorted(shown) if name in broken},
    }


@routes.get("/board/columns")
def board_columns() -> list[schemas.ColumnFacts]:
    """The columns that the page shows of a board, in its order."""
    return [
        schemas.ColumnFacts(
            key=column.key,
            title=column.title,
            word=column.word,
            format=column.format,
            is_sortable=column.is_stored,
        )
        for column in columns.shown("page")
    ]


@routes.get("/board/drill")
def drill(
    page: PageState,
    metric: Annotated[str, Query(max_length=200)],
    model: Annotated[str, Query(max_length=200)],
) -> list[dict[str, Any]]:
    """The clips behind a number of the board, worst first."""
    infos = {**page.bench.metrics(), **boards(page).metrics}
    if metric not in infos:
        raise OptionError(f"no metric {metric!r}; there are: {', '.join(sorted(infos)) or 'none, score first'}")
    values = {score.key.clip: score.value for score in page.bench.score_records(metrics=[metric], models=[model])}
    choices = page.bench.last_selects()
    if metric in selects.NAMES:
        values = selects.by_clip(metric, page.bench.ranked_clips(), choices)
    reasons = {f.key.clip: page.say(f.message) for f in page.bench.score_failures() if f.key and f.key.metric == metric}
    rows = [
        {
            "clip": clip.id,
            "prompt_id": clip.prompt.id,
            "prompt": clip.prompt.text,
            "sample": clip.sample,
            "value": values.get(clip.id),
            "failure": "" if clip.id in values else _why(clip.id, reasons, choices),
        }
        for clip in page.bench.clips(models=[model])
    ]
    worst_first = -1 if infos[metric].higher_is_better is False else 1
    return sorted(rows, key=lambda row: (row["value"] is None, worst_first * (row["value"] or 0.0)))


def _why(clip: str, reasons: Mapping[str, str], choices: Mapping[str, Select]) -> str:
    """Why a clip has no number: what went wrong, or that it was rejected, or that nobody has tried."""
    choice = choices.get(clip)
    rejected = f"rejected: {choice.reason or 'no reason given'}" if choice is not None and choice.is_rejected else ""
    return reasons.get(clip) or rejected or "not measured yet"
