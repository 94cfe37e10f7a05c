"""What the page sets in motion: plans and generating, scoring, uploads and imports, exports."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect

from vbench.catalog.suites import slug
from vbench.errors import BudgetError, OptionError
from vbench.records import Prompt, Task
from vbench.ui import pricing, retrying, schemas, work
from vbench.ui.exports import FILES, QUICK, export, takes_of
from vbench.ui.security import MAX_UPLOAD_BYTES
from vbench.ui.state import Page, asking, page_state, require, slow_down

routes = APIRouter(prefix="/api/v1", tags=["work"])
TaskId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{16}$")]
JobId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{8,64}$")]
SHOWN_TASKS = 200


# --- tasks --------------------------------------------------------------------------------------------------------


def _facts(task: Task, *, alive: bool) -> schemas.TaskFacts:
    is_file = task.kind == "export" and task.state == "done"
    return schemas.TaskFacts(
        id=task.id,
        kind=task.kind,
        state=task.state,
        progress=task.progress,
        message=task.message,
        created=task.created,
        result_url=f"/api/v1/exports/{task.id}" if is_file else "",
        worker_alive=alive,
    )


def _task(page: Page, id: str) -> Task:
    found = next((task for task in page.bench.tasks() if task.id == id), None)
    if found is None:
        raise HTTPException(404, f"there is no task {id}")
    return found


def _queue(page: Page, kind: str, args: dict[str, Any]) -> schemas.TaskFacts:
    id = page.bench.add_task(kind, args)
    work.ensure_worker(page.bench)
    return _facts(_task(page, id), alive=True)


@routes.get("/tasks")
def tasks(page: page_state) -> list[schemas.TaskFacts]:
    """Work asked for, newest first; where a worker died, another is started. A public page has none to show."""
    if page.policy.public:
        return []
    found = page.bench.tasks()[:SHOWN_TASKS]
    alive = work.is_alive(page.bench)
    if not alive and any(task.state in ("waiting", "running") for task in found):
        work.ensure_worker(page.bench)
        alive = True
    return [_facts(task, alive=alive) for task in found]


@routes.get("/tasks/{task}")
def task_facts(page: page_state, task: TaskId) -> schemas.TaskFacts:
    """How far a task is."""
    require(not page.policy.public, "looking at tasks")
    found = _task(page, task)
    return _facts(found, alive=found.state not in ("waiting", "running") or work.is_alive(page.bench))


@routes.post("/tasks", status_code=202)
def add_task(page: page_state, visitor: asking, body: schemas.NewTask) -> schemas.TaskFacts:
    """Generate takes of a prompt, or score what is not scored."""
    require(page.may.generate, "generating and scoring")
    slow_down(page.limits.writes, visitor.session)
    if body.kind == "score":
        return _queue(page, "score", (body.score or schemas.ScoreArgs()).model_dump())
    if body.generate is None:
        raise OptionError("a task of kind generate needs its arguments under generate")
    wish = body.generate
    prompt = _prompt(page, wish)
    planned = pricing.plan(wish, prompt)
    if standing := [f"{one.model}: {one.reason}" for one in planned.models if not one.runnable]:
        raise OptionError("; ".join(standing))
    if any(one.is_billable for one in planned.models) and wish.max_cost is None:
        raise BudgetError("these tools cost money; give a ceiling in dollars (max_cost)")
    if wish.max_cost is not None and planned.cost_usd > wish.max_cost:
        raise BudgetError(
            f"this would cost about ${planned.cost_usd:.2f}, the ceiling is ${wish.max_cost:.2f}; "
            "raise it, or take fewer tools or samples"
        )
    line = _line(prompt, negative=wish.negative or prompt.negative)
    args = wish.model_dump(exclude={"prompt", "prompt_id", "negative"})
    return _queue(page, "generate", args | {"prompt": line, "prompt_key": prompt.key})


def _line(prompt: Prompt, *, negative: str) -> dict[str, Any]:
    """As in the file of a suite."""
    line = {"id": prompt.id, "text": prompt.text, "tags": list(prompt.tags), "expects": dict(prompt.expects)}
    return line | {"negative": negative}


def _prompt(page: Page, wish: schemas.GenerateArgs) -> Prompt:
    """The bench's prompt with this text (and id, where given), or a new one."""
    same = [prompt for prompt in page.bench.prompts() if prompt.text == wish.prompt]
    found = next((prompt for prompt in same if wish.prompt_id in ("", prompt.id)), None)
    return found or Prompt(id=slug(wish.prompt_id or wish.prompt), text=wish.prompt, suite="page")


@routes.post("/jobs/{job}/retry", status_code=202)
def retry(page: page_state, visitor: asking, job: JobId, body: schemas.RetryArgs) -> schemas.TaskFacts:
    """Try one ended job again, with the settings it had, as an attempt of its own."""
    require(page.may.generate, "trying again")
    slow_down(page.limits.writes, visitor.session)
    ended = retrying.ended_job(page.bench, job)
    if ended.state == "outcome_unknown" and not body.understood:
        raise BudgetError(retrying.PAID_TWICE.format(model=ended.model))
    wish = retrying.wish_of(ended)
    (planned,) = pricing.plan(wish, ended.prompt).models
    retrying.check_price(planned, body)
    args = wish.model_dump(exclude={"prompt", "prompt_id", "negative", "max_cost"})
    line = _line(ended.prompt, negative=wish.negative)
    args |= {"prompt": line, "prompt_key": ended.prompt.key}
    args |= {"samples": ended.sample + 1, "only_sample": ended.sample, "allow_unpriced": body.allow_unpriced}
    return _queue(page, "generate", args)


@routes.post("/tasks/{task}/cancel")
def cancel(page: page_state, visitor: asking, task: TaskId) -> schemas.TaskFacts:
    """Stop a task; what is finished stays."""
    require(page.may.generate, "cancelling")
    slow_down(page.limits.writes, visitor.session)
    found = _task(page, task)
    if found.state in ("waiting", "running"):
        page.bench.update_task(found.id, state="cancelled", message="stopping")
    return _facts(_task(page, task), alive=work.is_alive(page.bench))


@routes.post("/plan")
def plan(page: page_state, visitor: asking, body: schemas.GenerateArgs) -> schemas.PlanTotal:
    """The price of this click, and whether each tool can run here; nothing is started."""
    require(page.may.generate, "planning")
    slow_down(page.limits.writes, visitor.session)
    return pricing.plan(body, _prompt(page, body))


# --- clips of one's own -------------------------------------------------------------------------------------------


@routes.post("/uploads")
async def upload(
    request: Request, page: page_state, visitor: asking, name: Annotated[str, Query(min_length=1, max_length=400)]
) -> schemas.UploadFacts:
    """Take one clip (the body is the file, `name` its name), and guess its tool and prompt."""
    require(page.may.import_, "importing")
    slow_down(page.limits.writes, visitor.session)

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in request.stream():
            yield piece

    try:
        path = await page.uploads.receive(name, pieces(), most_bytes=MAX_UPLOAD_BYTES)
    except ClientDisconnect:
        raise HTTPException(400, f"{name}: the upload was broken off; drop the file again") from None
    return await asyncio.to_thread(page.uploads.examine, path)


@routes.post("/uploads/confirm", status_code=202)
def confirm(page: page_state, visitor: asking, body: schemas.ConfirmedList) -> schemas.TaskFacts:
    """Import uploads as what a person says they are."""
    require(page.may.import_, "importing")
    slow_down(page.limits.writes, visitor.session)
    return _queue(page, "import", {"folder": page.uploads.stage(body.uploads), "score": body.score})


# --- exports ------------------------------------------------------------------------------------------------------


@routes.post("/exports", response_model=None, responses={202: {"model": schemas.TaskFacts}})
def add_export(page: page_state, visitor: asking, body: schemas.NewExport) -> Response:
    """The chosen takes as a file: at once for tables and timelines, else as a task (202)."""
    require(page.may.export, "exporting")
    slow_down(page.limits.writes, visitor.session)
    if body.kind in QUICK:
        takes = takes_of(page.bench, body.clips, author=visitor.author)
        with tempfile.TemporaryDirectory(prefix="vbench-export-") as folder:
            made = export(body.kind, takes, Path(folder))
            data = made.read_bytes()
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{made.name}"'},
        )
    ids = [page.bench.clip(id).id for id in body.clips]
    args = {"kind": body.kind, "clips": ids, "author": visitor.author, "at_s": body.at_s}
    return JSONResponse(_queue(page, "export", args).model_dump(), 202)


@routes.get("/exports/{task}", response_class=FileResponse)
def exported(page: page_state, visitor: asking, task: TaskId) -> FileResponse:
    """The file of a finished export, to the one who asked for it."""
    require(page.may.export, "exporting")
    found = _task(page, task)
    if found.kind != "export" or found.args.get("author") != visitor.author:
        raise HTTPException(404, f"there is no export {task}")
    if found.state != "done":
        raise HTTPException(409, f"the export is {found.state}: {found.message or 'ask again in a moment'}")
    path = work.page_folder(page.bench) / "exports" / task / FILES[found.args["kind"]]
    if not path.is_file():
        raise HTTPException(410, "the exported file was deleted; export again")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")
