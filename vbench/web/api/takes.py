"""The JSON API of takes: their facts, scores, curves and moments, and the notes and stars people give them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse

from vbench.bench.lists import ClipFilter, Sort
from vbench.errors import BenchError
from vbench.moments import severity_of_accusation, telling
from vbench.rank import board, selects
from vbench.records import Clip, Failure, MetricInfo, RejectReason
from vbench.web import schemas, take_list
from vbench.web.boards import boards
from vbench.web.state import Caller, Offset, Page, PageState, slow_down
from vbench.web.words import locale_of, translated

routes = APIRouter(prefix="/api/v1", tags=["takes"])
MOST_ROWS = 2000
"""Of one answer, about 2 MB: many visitors may ask at once. The wall asks for a few hundred at a time."""
NOTHING_TO_MEASURE = ("not_applicable", "undefined", "too_short")
"""Codes of a measure that has nothing to say of a clip: no sound, nothing asked; no fault of anybody."""
NoteId = Annotated[str, PathParameter(pattern="^[0-9a-f]+$")]
Ident = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{4,16}$")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClipQuery:
    """Which takes a list is to hold, as the words of its address."""

    prompt: Annotated[str, Query(max_length=200)] = ""
    """Key or id."""
    model: Annotated[list[str] | None, Query(max_length=100)] = None
    """Each may be several with commas."""
    ids: Annotated[str, Query(max_length=40_000)] = ""
    """With commas."""
    as_asked: Literal["", "no"] = ""
    """``no``: only takes that came otherwise than they were asked for."""
    tag: Annotated[str, Query(max_length=200)] = ""
    state: Annotated[
        str, Query(pattern=r"^(|(open|reject|maybe|selected|approved)(,(open|reject|maybe|selected|approved))*)$")
    ] = ""
    """With commas; `open`: nothing is decided."""
    reason: RejectReason = ""
    stars: Annotated[int, Query(ge=0, le=5)] = 0
    """At least so many."""
    notes: bool = False
    """Only takes with notes."""
    defect: Literal["", "cut", "freeze", "black", "worst"] = ""
    """Only takes in which this was found."""
    sort: Sort = "prompt"
    offset: Offset = 0
    limit: Annotated[int, Query(ge=1, le=MOST_ROWS)] = 200

    @property
    def filter(self) -> ClipFilter:
        return ClipFilter(
            prompt=self.prompt,
            models=[name for names in self.model or () for name in names.split(",") if name],
            ids=_names(self.ids),
            tag=self.tag,
            states=_names(self.state),
            reason=self.reason,
            min_stars=self.stars,
            has_notes=self.notes,
            defect=self.defect,
            not_as_asked=self.as_asked == "no",
            sort=self.sort,
        )


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _clip(page: Page, prefix: str) -> Clip:
    try:
        return page.bench.clip(prefix)
    except BenchError as error:
        raise HTTPException(404, str(error)) from None


@routes.get("/clips", response_model=schemas.ClipList)
def clips(
    page: PageState,
    visitor: Caller,
    wanted: Annotated[ClipQuery, Depends()],
) -> JSONResponse:
    """Takes by prompt, tool and sample.

    `prompt` is a key or an id, `model` may be given several times, `ids` and `state` are lists with commas.
    """
    rows = take_list.clip_page(page, wanted.filter, author=visitor.author, offset=wanted.offset, limit=wanted.limit)
    return JSONResponse(rows)  # checked by tests; validating the rows again would double the time


@routes.get("/clips/{clip}")
def clip_facts(page: PageState, visitor: Caller, clip: Ident) -> schemas.ClipFacts:
    """One take, by its id or the beginning of it."""
    take = _clip(page, clip)
    found = take_list.clip_page(page, ClipFilter(ids=[take.id]), author=visitor.author)
    return schemas.ClipFacts(**found["clips"][0])


@routes.get("/clips/{clip}/scores")
def scores(request: Request, page: PageState, clip: Ident) -> dict[str, schemas.ScoreFacts]:
    """Metric → its number for this take, with the mean and interval of its tool; failures say why."""
    take = _clip(page, clip)
    locale = locale_of(request.headers.get("accept-language", ""))
    infos = page.bench.metrics()
    means = {row.metric: row for row in boards(page).rows if row.model == take.model}
    numbers: dict[str, schemas.ScoreFacts] = {}
    for failure in page.bench.score_failures(clip=take.id):
        if failure.key is not None and failure.key.metric in infos:
            numbers[failure.key.metric] = _score(
                infos[failure.key.metric], means, failure=failure, why=why_not(page, failure, locale)
            )
    for score in page.bench.score_records(clip=take.id):
        if score.key.metric in infos:
            numbers[score.key.metric] = _score(infos[score.key.metric], means, score.value)
    return numbers


def why_not(page: Page, failure: Failure, locale: str) -> str:
    """Why a take has no number, as visitors read it: without the id of the clip, which the page shows."""
    return page.say(translated(failure.message.removeprefix(f"clip {failure.subject}: "), locale))


def _score(
    info: MetricInfo,
    means: dict[str, board.BoardRow],
    value: float | None = None,
    *,
    failure: Failure | None = None,
    why: str = "",
) -> schemas.ScoreFacts:
    mean = means.get(info.name)
    return schemas.ScoreFacts(
        value=value,
        failure=why,
        applies=failure is None or failure.code not in NOTHING_TO_MEASURE,
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
def timelines(page: PageState, clip: Ident) -> dict[str, schemas.TimelineFacts]:
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
def events(page: PageState, clip: Ident) -> list[schemas.EventFacts]:
    """Moments worth seeing, by time, with how bad they are; none where nothing is wrong."""
    take = _clip(page, clip)
    facts = [
        schemas.EventFacts(**asdict(event), severity=how_bad) for event, how_bad in telling(page.bench.events(take.id))
    ]
    facts += [
        schemas.EventFacts(
            kind="defect",
            metric=f"{defect.kind} ({defect.answerer})",
            start_s=defect.start_s,
            end_s=defect.end_s,
            frame=round(defect.start_s * take.probe.fps),
            value=defect.severity,
            box=defect.box,
            severity=severity_of_accusation(defect.severity),
        )
        for defect in page.bench.defects(take.id)
        if defect.survived and defect.by == "judge"  # those of signals are events already
    ]
    return sorted(facts, key=lambda event: event.start_s)


@routes.get("/notes")
def notes(page: PageState, clip: Annotated[str, Query(pattern=r"^(|[0-9a-f]{16})$")] = "") -> list[schemas.NoteFacts]:
    """Remarks at moments of a take, or of all. A public page has none to show: they are the makers' own words."""
    if page.policy.public:
        return []
    return [schemas.NoteFacts(**asdict(note)) for note in page.bench.notes(clip or None)]


@routes.post("/notes", status_code=201)
def add_note(page: PageState, visitor: Caller, body: schemas.NewNote) -> schemas.NoteFacts:
    """Add a remark, answer one, or change one of your own by its id."""
    page.require(page.may.annotate, "writing notes")
    slow_down(page.limits.writes, visitor.session)
    clip = _clip(page, body.clip)
    answered = page.bench.note(body.reply_to) if body.reply_to else None
    if body.reply_to and (answered is None or answered.clip != clip.id):
        raise HTTPException(404, f"this take has no note {body.reply_to}; reload the page")
    # guests read what is answered to them
    note = body.of(clip.id, visitor.author, review=answered.review if answered else "")
    if not page.bench.add_note(note):
        raise HTTPException(403, "this note is somebody else's, or of another take; answer it with reply_to")
    return schemas.NoteFacts(**asdict(note))


@routes.put("/notes/{note}/state", status_code=204)
def settle_note(page: PageState, visitor: Caller, note: NoteId, body: schemas.NoteState) -> None:
    """Say that what a remark asks for is done, or that it is not; whoever may write notes may say so."""
    page.require(page.may.annotate, "settling notes")
    slow_down(page.limits.writes, visitor.session)
    if not page.bench.resolve_note(note, is_resolved=body.is_resolved):
        raise HTTPException(404, f"there is no note {note[:32]}; reload the page")


@routes.delete("/notes/{note}", status_code=204)
def delete_note(page: PageState, visitor: Caller, note: NoteId) -> None:
    """Remove a remark of your own."""
    page.require(page.may.annotate and page.may.delete, "deleting notes")
    slow_down(page.limits.writes, visitor.session)
    if not page.bench.delete_note(note, author=visitor.author):
        raise HTTPException(404, f"there is no note {note[:32]} of yours")


@routes.put("/selects/{clip}")
def choose(page: PageState, visitor: Caller, clip: Ident, body: schemas.Choice) -> schemas.Choice:
    """Stars, state, reason and seconds to use of one take."""
    page.require(page.may.annotate, "choosing takes")
    slow_down(page.limits.writes, visitor.session)
    page.bench.set_select(body.of(_clip(page, clip).id, visitor.author))
    return body


@routes.put("/selects")
def choose_many(page: PageState, visitor: Caller, body: schemas.TakeChoices) -> schemas.TakeChoices:
    """Choices about many takes, all or none: what is done, or undone, to several at once."""
    page.require(page.may.annotate, "choosing takes")
    slow_down(page.limits.writes, visitor.session)
    page.bench.set_selects([choice.of(choice.clip, visitor.author) for choice in body.choices])
    return body


@routes.get("/best-of")
def best_of(page: PageState) -> list[schemas.BestOfFacts]:
    """For each tool, how often n takes of a prompt hold one that people use, from one take up."""
    return [schemas.BestOfFacts(**asdict(point)) for point in selects.best_of(page.bench)]
