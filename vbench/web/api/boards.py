"""The JSON API of boards: the leaderboard with its filters, and the clips behind a number."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from vbench.errors import OptionError
from vbench.web.api.root import models
from vbench.web.boards import boards
from vbench.web.state import Caller, PageState, slow_down

routes = APIRouter(prefix="/api/v1", tags=["boards"])


@routes.get("/board")
def leaderboard(
    page: PageState,
    visitor: Caller,
    metric: Annotated[list[str] | None, Query(max_length=200)] = None,
    by: Annotated[str, Query(max_length=200)] = "",
    tag: Annotated[list[str] | None, Query(max_length=50)] = None,
    model: Annotated[list[str] | None, Query(max_length=200)] = None,
    access: Literal["", "open", "hosted"] = "",
    licence: Annotated[str, Query(max_length=200)] = "",
    country: Annotated[str, Query(max_length=10)] = "",
    status: Literal["", "active", "deprecated", "retired"] = "",
    seconds: Annotated[float | None, Query(gt=0)] = None,
    resolution: Annotated[str, Query(max_length=40)] = "",
) -> dict[str, Any]:
    """Rows of the leaderboard: `{schema, rows, metrics, notes, models, tags}`.

    Tools are left out by what their cards say: `access`, `licence`, `country`, `status`, a length in `seconds` and a
    `resolution` they can deliver. A tool without a card passes no such filter.
    """
    slow_down(page.limits.boards, visitor.address)
    facts = {found.id: found for found in models(page)}
    chosen = tuple(model) if model else None
    if access or licence or country or status or seconds or resolution:
        passing = [
            found
            for found in facts.values()
            if (not access or (found.open_weights if access == "open" else found.hosted))
            and (not licence or found.licence == licence)
            and (not country or found.country == country)
            and (not status or found.status == status)
            and (not resolution or resolution in found.resolutions)
            and (seconds is None or (found.seconds and min(found.seconds) <= seconds <= max(found.seconds)))
        ]
        known = {row.model for row in boards(page).rows}
        chosen = tuple(sorted(f.id for f in passing if f.id in known and (chosen is None or f.id in chosen)))
    table = boards(
        page,
        metrics=tuple(metric) if metric else None,
        by=by,
        models=chosen,
        tags=tuple(sorted(tag or ())),
    ).to_json()
    shown = {row["model"] for row in table["rows"]}
    tags = sorted({label for prompt in page.bench.prompts() for label in prompt.tags})
    return table | {"models": {name: facts[name] for name in sorted(shown) if name in facts}, "tags": tags}


@routes.get("/board/drill")
def drill(
    page: PageState,
    metric: Annotated[str, Query(max_length=200)],
    model: Annotated[str, Query(max_length=200)],
) -> list[dict[str, Any]]:
    """The clips behind a number of the board, worst first."""
    infos = page.bench.metrics()
    if metric not in infos:
        raise OptionError(f"no metric {metric!r}; there are: {', '.join(sorted(infos)) or 'none, score first'}")
    values = {score.key.clip: score.value for score in page.bench.score_records(metrics=[metric], models=[model])}
    reasons = {f.key.clip: f.message for f in page.bench.score_failures() if f.key and f.key.metric == metric}
    rows = [
        {
            "clip": clip.id,
            "prompt_id": clip.prompt.id,
            "prompt": clip.prompt.text,
            "sample": clip.sample,
            "value": values.get(clip.id),
            "failure": "" if clip.id in values else reasons.get(clip.id, "not measured yet"),
        }
        for clip in page.bench.clips(models=[model])
    ]
    worst_first = -1 if infos[metric].higher_is_better is False else 1
    return sorted(rows, key=lambda row: (row["value"] is None, worst_first * (row["value"] or 0.0)))
