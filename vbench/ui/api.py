"""The JSON API, version 1: what the bench holds, and the notes and choices people add to it."""

from __future__ import annotations

import secrets
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Query
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse
from sqlalchemy import func, select

from vbench import board
from vbench._version import __version__
from vbench.bench import Bench
from vbench.catalog.cards import LOCAL_ADAPTERS, SecondsRange, cards
from vbench.errors import BenchError, CatalogError, OptionError
from vbench.records import Clip, MetricInfo, Note, Select
from vbench.tables import ClipRow, JobRow, ScoreRow
from vbench.ui import listing, schemas
from vbench.ui.security import CLIENT_HEADER, MAX_UPLOAD_BYTES
from vbench.ui.state import Page, asking, page_state, require, slow_down

routes = APIRouter(prefix="/api/v1", tags=["bench"])
Ident = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{4,16}$")]


def _clip(page: Page, prefix: str) -> Clip:
    try:
        return page.bench.clip(prefix)
    except BenchError as error:
        raise HTTPException(404, str(error)) from None


# --- the bench ----------------------------------------------------------------------------------------------------


@routes.get("/bench")
def bench_facts(page: page_state, visitor: asking) -> schemas.BenchFacts:
    """What this page shows and what you may do here."""
    may = {name.rstrip("_"): value for name, value in asdict(page.may).items()}
    return schemas.BenchFacts(
        name=page.bench.root.name,
        version=__version__,
        mode="public" if page.policy.public else "local",
        account=visitor.author,
        counts=listing.counts(page.bench),
        permissions=may,
        client_header=CLIENT_HEADER,
        max_upload_bytes=MAX_UPLOAD_BYTES,
    )


@routes.get("/prompts")
def prompts(page: page_state) -> list[schemas.PromptFacts]:
    """Prompts of the bench."""
    n_clips = listing.clips_per(page.bench, ClipRow.prompt_key)
    return [
        schemas.PromptFacts(
            key=prompt.key,
            id=prompt.id,
            text=prompt.text,
            suite=prompt.suite,
            negative=prompt.negative,
            tags=list(prompt.tags),
            expects=dict(prompt.expects),
            n_clips=n_clips.get(prompt.key, 0),
        )
        for prompt in page.bench.prompts()
    ]


@routes.get("/models")
def models(page: page_state) -> list[schemas.ModelFacts]:
    """Tools of the bench, and those of the catalogue that could be asked."""
    n_clips = listing.clips_per(page.bench, ClipRow.model)
    stored = page.bench.models()
    try:
        catalog = {name: card.snapshot() for name, card in cards().items()}
    except CatalogError:  # a card the user is writing; the tools of the bench are shown all the same
        catalog = {}
    names = sorted(stored.keys() | catalog.keys())
    return [
        _model(name, catalog.get(name) or stored.get(name) or {}, n_clips.get(name, 0), name in catalog)
        for name in names
    ]


def _model(name: str, card: dict[str, Any], n_clips: int, in_catalog: bool) -> schemas.ModelFacts:
    vendor, limits, adapter = card.get("vendor", {}), card.get("limits", {}), card.get("adapter", "")
    seconds = limits.get("seconds", [])
    if isinstance(seconds, dict):
        ends = SecondsRange(**seconds)
        seconds = [ends.min, ends.max]
    return schemas.ModelFacts(
        id=name,
        name=card.get("name", name),
        vendor=vendor.get("name", ""),
        country=vendor.get("country", ""),
        adapter=adapter,
        status=card.get("status", "active") if card else "",
        retired_on=str(card.get("retired_on") or ""),
        open_weights=card.get("open_weights", False) if card else None,
        hosted=not (card.get("local", False) or adapter in LOCAL_ADAPTERS) if card else None,
        licence=card.get("licence", {}).get("weights", ""),
        resolutions=limits.get("resolutions", []),
        seconds=seconds,
        n_clips=n_clips,
        in_catalog=in_catalog,
    )


# --- takes --------------------------------------------------------------------------------------------------------


@routes.get("/clips", response_model=schemas.ClipList)
def clips(
    page: page_state,
    visitor: asking,
    prompt: Annotated[str, Query(max_length=200)] = "",
    model: Annotated[list[str] | None, Query(max_length=100)] = None,
    ids: Annotated[str, Query(max_length=10_000)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=20_000)] = 200,
) -> JSONResponse:
    """Takes by prompt, tool and sample.

    `prompt` is a key or an id, `model` may be given several times, `ids` is a list with commas.
    """
    found = listing.clip_page(
        page.bench,
        page.originals,
        author=visitor.author,
        prompt=prompt,
        models=[name for given in model or () for name in given.split(",") if name],
        ids=[name for name in ids.split(",") if name],
        offset=offset,
        limit=limit,
    )
    return JSONResponse(found)  # checked by tests; validating 10,000 rows again would double the time


@routes.get("/clips/{clip}")
def clip_facts(page: page_state, visitor: asking, clip: Ident) -> schemas.ClipFacts:
    """One take, by its id or the beginning of it."""
    found = _clip(page, clip)
    rows = listing.clip_page(page.bench, page.originals, author=visitor.author, ids=[found.id])["clips"]
    return schemas.ClipFacts(**rows[0])


@routes.get("/clips/{clip}/scores")
def scores(page: page_state, clip: Ident) -> dict[str, schemas.ScoreFacts]:
    """Metric → its number for this take, with the mean and interval of its tool; failures say why."""
    found = _clip(page, clip)
    infos = page.bench.metrics()
    means = {row.metric: row for row in boards(page).rows if row.model == found.model}
    given: dict[str, schemas.ScoreFacts] = {}
    for failure in page.bench.score_failures(clip=found.id):
        if failure.key is not None and failure.key.metric in infos:
            given[failure.key.metric] = _score(infos[failure.key.metric], means, None, failure.message)
    for score in page.bench.scores(clip=found.id):
        if score.key.metric in infos:
            given[score.key.metric] = _score(infos[score.key.metric], means, score.value, "")
    return given


def _score(info: MetricInfo, means: dict[str, board.BoardRow], value: float | None, failure: str) -> schemas.ScoreFacts:
    mean = means.get(info.name)
    return schemas.ScoreFacts(
        value=value,
        failure=failure,
        version=info.version,
        unit=info.unit,
        higher_is_better=info.higher_is_better,
        group=info.group,
        about=info.about,
        bounds=[None if abs(bound) == float("inf") else bound for bound in info.bounds],
        tool_mean=mean.mean if mean else None,
        ci_low=mean.ci_low if mean else None,
        ci_high=mean.ci_high if mean else None,
    )


@routes.get("/clips/{clip}/timelines")
def timelines(page: page_state, clip: Ident) -> dict[str, schemas.TimelineFacts]:
    """Metric → its curve over this take."""
    infos = page.bench.metrics()
    return {
        line.key.metric: schemas.TimelineFacts(
            t_s=list(line.t_s),
            value=list(line.value),
            unit=infos[line.key.metric].unit if line.key.metric in infos else "",
            higher_is_better=infos[line.key.metric].higher_is_better if line.key.metric in infos else None,
        )
        for line in page.bench.timelines(_clip(page, clip).id)
    }


@routes.get("/clips/{clip}/events")
def events(page: page_state, clip: Ident) -> list[schemas.EventFacts]:
    """Moments worth seeing, by time."""
    found = sorted(page.bench.events(_clip(page, clip).id), key=lambda event: event.start_s)
    return [
        schemas.EventFacts(**{name: getattr(event, name) for name in schemas.EventFacts.model_fields})
        for event in found
    ]


# --- notes and choices --------------------------------------------------------------------------------------------


@routes.get("/notes")
def notes(page: page_state, clip: Annotated[str, Query(pattern=r"^(|[0-9a-f]{16})$")] = "") -> list[schemas.NoteFacts]:
    """Remarks at moments of a take, or of all."""
    return [schemas.NoteFacts(**asdict(note)) for note in page.bench.notes(clip or None)]


@routes.post("/notes", status_code=201)
def add_note(page: page_state, visitor: asking, body: schemas.NewNote) -> schemas.NoteFacts:
    """Add a remark, or change one by its id."""
    require(page.may.annotate, "writing notes")
    slow_down(page.limits.writes, visitor.session)
    clip = _clip(page, body.clip)
    note = Note(
        id=body.id or secrets.token_hex(8),
        clip=clip.id,
        start_s=body.start_s,
        end_s=max(body.start_s, body.end_s if body.end_s is not None else body.start_s),
        text=body.text,
        author=visitor.author,
    )
    page.bench.add_note(note)
    return schemas.NoteFacts(**asdict(note))


@routes.delete("/notes/{note}", status_code=204)
def delete_note(page: page_state, visitor: asking, note: Annotated[str, PathParameter(pattern="^[0-9a-f]+$")]) -> None:
    """Remove a remark."""
    require(page.may.annotate and page.may.delete, "deleting notes")
    slow_down(page.limits.writes, visitor.session)
    if not page.bench.delete_note(note):
        raise HTTPException(404, f"there is no note {note[:32]}")


@routes.put("/selects/{clip}")
def choose(page: page_state, visitor: asking, clip: Ident, body: schemas.Choice) -> schemas.Choice:
    """Stars for a take, or its rejection."""
    require(page.may.annotate, "choosing takes")
    slow_down(page.limits.writes, visitor.session)
    choice = Select(clip=_clip(page, clip).id, author=visitor.author, stars=body.stars, rejected=body.rejected)
    page.bench.set_select(choice)
    return body


# --- boards and runs ----------------------------------------------------------------------------------------------


class Kept:
    """Results that are good until the bench changes."""

    def __init__(self, n_kept: int = 16) -> None:
        self._kept: OrderedDict[Any, tuple[Any, Any]] = OrderedDict()
        self._n_kept, self._lock = n_kept, threading.Lock()

    def get(self, key: Any, state: Any, make: Callable[[], Any]) -> Any:
        """What `make` gives, made once per key and state of the bench."""
        with self._lock:  # the second visitor waits for the first one's board
            if key in self._kept and self._kept[key][0] == state:
                self._kept.move_to_end(key)
                return self._kept[key][1]
            value = make()
            self._kept[key] = (state, value)
            while len(self._kept) > self._n_kept:
                self._kept.popitem(last=False)
            return value


def bench_state(bench: Bench) -> tuple[Any, ...]:
    """Changes whenever clips, scores or jobs do."""
    with bench.session() as session:
        return (
            session.scalar(select(func.count()).select_from(ClipRow)),
            *session.execute(select(func.count(), func.max(ScoreRow.added)).select_from(ScoreRow)).one(),
            *session.execute(select(func.count(), func.max(JobRow.finished_at)).select_from(JobRow)).one(),
        )


def boards(
    page: Page,
    *,
    metrics: tuple[str, ...] | None = None,
    by: str = "",
    models: tuple[str, ...] | None = None,
    tags: tuple[str, ...] = (),
) -> board.Board:
    """The leaderboard, kept until the bench changes."""
    found: board.Board = page.boards.get(
        (metrics, by, models, tags),
        bench_state(page.bench),
        lambda: board.leaderboard(page.bench, metrics=metrics, by=by or None, models=models, tags=tags),
    )
    return found


@routes.get("/board")
def leaderboard(
    page: page_state,
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
    page: page_state,
    metric: Annotated[str, Query(max_length=200)],
    model: Annotated[str, Query(max_length=200)],
) -> list[dict[str, Any]]:
    """The clips behind a number of the board, worst first."""
    infos = page.bench.metrics()
    if metric not in infos:
        raise OptionError(f"no metric {metric!r}; there are: {', '.join(sorted(infos)) or 'none, score first'}")
    values = {score.key.clip: score.value for score in page.bench.scores(metrics=[metric], models=[model])}
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


@routes.get("/jobs")
def jobs(
    page: page_state,
    state: Annotated[str, Query(max_length=20)] = "",
    offset: Annotated[int, Query(ge=0)] = 0,
    limit: Annotated[int, Query(ge=1, le=2000)] = 200,
) -> dict[str, Any]:
    """Attempts to generate, newest first, with the number in each state."""
    return listing.jobs(page.bench, state=state, offset=offset, limit=limit)


@routes.get("/failures")
def failures(page: page_state, stage: Literal["", "import", "generate", "score"] = "") -> list[dict[str, str]]:
    """What could not be made or measured, and why; a public page leaves out imports, which name files.

    A measure that has nothing to measure (no sound, nothing asked of the camera) is no failure; each take says so.
    """
    root = str(page.bench.root)
    return [
        {
            "stage": failure.stage,
            "subject": failure.subject,
            "code": failure.code,
            "message": failure.message.replace(root, "…") if page.policy.public else failure.message,
            "metric": failure.key.metric if failure.key else "",
        }
        for failure in page.bench.failures(stage or None)
        if (failure.stage != "import" or not page.policy.public) and failure.code != "not_applicable"
    ]
