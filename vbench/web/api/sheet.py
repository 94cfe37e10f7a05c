"""The JSON API of the shot sheet: what each prompt asks, whether each take shows it, and a person's own word."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query
from fastapi.responses import JSONResponse

from vbench.errors import BenchError
from vbench.judge.sheet import Sheet, shares, sheet
from vbench.records import Overrule
from vbench.web import schemas
from vbench.web.state import Caller, Page, PageState, slow_down

routes = APIRouter(prefix="/api/v1", tags=["sheet"])
ClipId = Annotated[str, Query(pattern=r"^[0-9a-f]{16}$")]


@routes.get("/sheet", response_model=schemas.SheetFacts)
def shot_sheet(page: PageState, visitor: Caller, prompt: Annotated[str, Query(max_length=200)] = "") -> JSONResponse:
    """The shot sheet of all prompts, or of one by its id or key."""
    slow_down(page.limits.boards, visitor.address)
    state = (*page.bench.state_mark(), *page.bench.answers_mark())
    made = page.boards.get(("sheet", prompt), state, lambda: _facts(page, prompt))
    return JSONResponse(made)  # checked by tests; validating ten thousand cells again would double the time


def _facts(page: Page, prompt: str) -> dict[str, Any]:
    made = sheet(page.bench, prompt=prompt)
    texts = {stored.key: stored for stored in page.bench.prompts()}
    keys = {clip: cell.prompt_key for clip, cell in page.bench.cells().items()}
    return {
        "prompts": _prompts(made, {clip: texts[key] for clip, key in keys.items()}),
        "shares": shares(made.cells),
        "distrusted": list(made.distrusted),
    }


def _prompts(made: Sheet, prompt_of: dict[str, Any]) -> list[dict[str, Any]]:
    """The cells, put together by prompt and question."""
    tables: dict[str, dict[str, Any]] = {}
    for cell in made.cells:
        asked = prompt_of[cell.clip]
        table = tables.setdefault(
            asked.key, {"key": asked.key, "id": asked.id, "text": asked.text, "takes": {}, "rows": {}}
        )
        take = {"clip": cell.clip, "model": cell.model, "sample": cell.sample}
        table["takes"].setdefault(cell.clip, take)
        row = table["rows"].setdefault(
            cell.digest,
            {
                "question": cell.digest,
                "id": cell.question,
                "kind": cell.kind,
                "text": cell.text,
                **{name: [] for name in ("verdicts", "by", "t_s", "boxes", "overruled")},
            },
        )
        row["verdicts"].append(cell.verdict)
        row["by"].append(cell.by)
        row["t_s"].append(cell.t_s)
        row["boxes"].append(cell.box)
        row["overruled"].append(cell.overruled)
    lists = ("takes", "rows")
    return [table | {name: list(table[name].values()) for name in lists} for table in tables.values()]


@routes.get("/sheet/answers")
def answers(
    page: PageState, clip: ClipId, question: Annotated[str, Query(pattern=r"^[0-9a-f]{16}$")]
) -> list[schemas.AnswerFacts]:
    """All answers to one question about one take."""
    try:
        take = page.bench.clip(clip)
    except BenchError as error:
        raise HTTPException(404, page.say(str(error))) from None
    made = sheet(page.bench, prompt=take.prompt.key, models=[take.model], with_answers=True)
    return [
        schemas.AnswerFacts(**{**answer, "reason": page.say(answer["reason"])})
        for cell in made.cells
        if cell.clip == clip and cell.digest == question
        for answer in cell.answers
    ]


@routes.put("/sheet/overrule")
def overrule(page: PageState, visitor: Caller, body: schemas.NewOverrule) -> schemas.NewOverrule:
    """Say of one cell what you see yourself; it stands beside the answer, never in its place."""
    page.require(page.may.annotate, "overruling answers")
    slow_down(page.limits.writes, visitor.session)
    try:
        clip = page.bench.clip(body.clip)
    except BenchError as error:
        raise HTTPException(404, page.say(str(error))) from None
    if body.verdict:
        said = Overrule(
            clip=clip.id, question=body.question, author=visitor.author, verdict=body.verdict, note=body.note
        )
        page.bench.set_overrule(said)
    else:
        page.bench.clear_overrule(clip.id, body.question, author=visitor.author)
    return body
