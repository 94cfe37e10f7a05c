"""What the page sets in motion: plans and generating, scoring, uploads and imports, exports."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Query, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse, Response
from starlette.requests import ClientDisconnect

from vbench.errors import BudgetError, OptionError
from vbench.exports import QUICK, ExportWish, export, takes_of, takes_of_cut
from vbench.generate.retry import NoJobError
from vbench.records import Cell, Prompt, Task
from vbench.tasks import worker
from vbench.tasks.arguments import (
    Arguments,
    ExportTask,
    JudgeTask,
    ScoreTask,
    arguments_of,
    cells_of,
    exported_file,
    queue_task,
)
from vbench.tasks.events import events_file
from vbench.tasks.generate_task import task_args
from vbench.web import estimate, schemas, take_list
from vbench.web.prompt_choice import find_prompt, new_prompt, search, shelves
from vbench.web.security.guard import MAX_PICTURE_BYTES, MAX_UPLOAD_BYTES
from vbench.web.state import Caller, Page, PageState, Visitor, slow_down

routes = APIRouter(prefix="/api/v1", tags=["work"])
TaskId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{16}$")]
JobId = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{8,64}$")]
SHOWN_TASKS = 200
UNDER_WAY = ("waiting", "running")


# --- tasks --------------------------------------------------------------------------------------------------------


def _facts(page: Page, visitor: Visitor, tasks: list[Task], *, alive: bool) -> list[schemas.TaskFacts]:
    wanted = {task.id: cells_of(task) for task in tasks}
    takes = page.bench.clip_ids_in(cell for cells in wanted.values() for cell in cells)
    facts = [_task_facts(task, wanted[task.id], takes, alive=alive) for task in tasks]
    for task, shown in zip(tasks, facts, strict=True):
        shown.message = page.say(shown.message)
        if not _is_of(task, visitor):
            shown.result_url = ""
    return facts


def _is_of(task: Task, visitor: Visitor) -> bool:
    """Whether a task's file is this visitor's; what is made of the bench's own takes is everybody's."""
    return task.kind != "export" or task.args.get("author", "") == visitor.author


def _task_facts(task: Task, cells: Sequence[Cell], takes: Mapping[Cell, str], *, alive: bool) -> schemas.TaskFacts:
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
        about=str(task.args.get("about", "")),
        models=sorted({cell.model for cell in cells}),
        prompts=sorted({cell.prompt_key for cell in cells}),
        takes=[takes[cell] for cell in cells if cell in takes],
        n_takes=len(cells),
    )


def _task(page: Page, id: str) -> Task:
    task = page.bench.task(id)
    if task is None:
        raise HTTPException(404, f"there is no task {id}")
    return task


def _started(page: Page, visitor: Visitor, task: str) -> schemas.TaskFacts:
    """A task that was queued just now, with a worker to do it."""
    worker.ensure_worker(page.bench)
    return _facts(page, visitor, [_task(page, task)], alive=True)[0]


def _queue(page: Page, visitor: Visitor, arguments: Arguments) -> schemas.TaskFacts:
    return _started(page, visitor, queue_task(page.bench, arguments))


@routes.get("/tasks")
def tasks(page: PageState, visitor: Caller) -> list[schemas.TaskFacts]:
    """Work asked for, newest first; where a worker died, another is started. A public page has none to show."""
    if page.policy.public:
        return []
    newest = page.bench.tasks()[:SHOWN_TASKS]
    alive = worker.is_alive(page.bench)
    if not alive and not page.policy.read_only and any(task.state in UNDER_WAY for task in newest):
        worker.ensure_worker(page.bench)
        alive = True
    return _facts(page, visitor, newest, alive=alive)


@routes.get("/tasks/{task}")
def task_facts(page: PageState, visitor: Caller, task: TaskId) -> schemas.TaskFacts:
    """How far a task is."""
    page.require(not page.policy.public, "looking at tasks")
    asked_for = _task(page, task)
    alive = asked_for.state not in UNDER_WAY or worker.is_alive(page.bench)
    return _facts(page, visitor, [asked_for], alive=alive)[0]


@routes.get("/steps")
def steps(page: PageState) -> dict[str, schemas.StepFacts]:
    """Job → what it is doing, of those that are being made now. A public page has none to show."""
    if page.policy.public:
        return {}
    running = [task for task in page.bench.tasks()[:SHOWN_TASKS] if task.state == "running"]
    progress_of_each = page.task_events.read(events_file(page.bench, task.id) for task in running)
    return {
        id: schemas.StepFacts(**step | {"message": page.say(step["message"])})
        for progress in progress_of_each
        for id, step in progress.jobs.items()
    }


@routes.post("/tasks", status_code=202)
def add_task(page: PageState, visitor: Caller, body: schemas.NewTask) -> schemas.TaskFacts:
    """Generate takes of a prompt, score what is not scored, or answer what prompts ask as far as that is free."""
    page.require(page.may.generate, "generating and scoring")
    slow_down(page.limits.writes, visitor.session)
    if body.kind == "score":
        return _queue(page, visitor, ScoreTask(preset=(body.score or schemas.ScoreArgs()).preset))
    if body.kind == "judge":
        return _queue(page, visitor, JudgeTask())
    if body.generate is None:
        raise OptionError("a task of kind generate needs its arguments under generate")
    wish = body.generate
    prompt = _prompt(page, wish)
    planned = estimate.plan(wish, prompt)
    if obstacles := [f"{tool.model}: {tool.reason}" for tool in planned.models if not tool.runnable]:
        raise OptionError("; ".join(obstacles))
    if any(tool.is_billable for tool in planned.models) and wish.max_cost is None:
        raise BudgetError("these tools cost money; give a ceiling in dollars (max_cost)")
    if wish.max_cost is not None and planned.cost_usd > wish.max_cost:
        raise BudgetError(
            f"this would cost about ${planned.cost_usd:.2f}, the ceiling is ${wish.max_cost:.2f}; "
            "raise it, or take fewer tools or samples"
        )
    return _started(page, visitor, page.bench.add_task("generate", task_args(estimate.spec_of(wish, prompt))))


def _prompt(page: Page, wish: schemas.GenerateArgs) -> Prompt:
    """The known prompt with this text (and id, where given), with all that its suite says of it; or a new one. With
    the pictures that are given, or its own."""
    prompt = find_prompt(page.bench, wish.prompt, wish.prompt_id) or new_prompt(wish.prompt, wish.prompt_id)
    return estimate.illustrated(page.bench, wish, prompt)


@routes.post("/jobs/{job}/retry", status_code=202)
def retry_job(page: PageState, visitor: Caller, job: JobId, body: schemas.RetryArgs) -> schemas.TaskFacts:
    """Try one ended job again, with the words, seed and settings it had, as an attempt of its own."""
    page.require(page.may.generate, "trying again")
    slow_down(page.limits.writes, visitor.session)
    try:
        retry = estimate.retry_of(page.bench, job, body)
    except NoJobError as error:
        raise HTTPException(404, str(error)) from None
    return _queue(page, visitor, retry)


@routes.post("/tasks/{task}/cancel")
def cancel(page: PageState, visitor: Caller, task: TaskId) -> schemas.TaskFacts:
    """Stop a task; what is finished stays."""
    page.require(page.may.generate, "cancelling")
    slow_down(page.limits.writes, visitor.session)
    if not _is_of(wanted := _task(page, task), visitor):
        raise HTTPException(404, f"there is no task {task} of yours")
    if wanted.state in UNDER_WAY:
        page.bench.update_task(task, state="cancelled", message="stopping")
    return _facts(page, visitor, [_task(page, task)], alive=worker.is_alive(page.bench))[0]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChoiceQuery:
    """Which prompts a list to pick from is to hold, as the words of its address."""

    q: Annotated[str, Query(max_length=200)] = ""
    shelf: Annotated[str | None, Query(max_length=200)] = None
    offset: Annotated[int, Query(ge=0, le=1_000_000)] = 0
    limit: Annotated[int, Query(ge=1, le=500)] = 100


@routes.get("/choices")
def choices(page: PageState, wanted: Annotated[ChoiceQuery, Depends()]) -> schemas.ChoiceList:
    """Prompts to pick: the bench's and those of all suites, by suite; `q` is searched for in ids, texts and tags."""
    page.require(page.may.generate or page.may.import_, "picking prompts")
    known = shelves(page.bench)
    n_fitting = Counter(holder.name for holder, _ in search(known, words=wanted.q, shelf=None))
    fitting = list(search(known, words=wanted.q, shelf=wanted.shelf))
    n_clips = take_list.clips_per(page.bench, "prompt_key")
    return schemas.ChoiceList(
        total=len(fitting),
        shelves=[
            schemas.ShelfFacts(
                name=known_shelf.name,
                about=known_shelf.about,
                n=n_fitting[known_shelf.name],
                problem=known_shelf.problem,
            )
            for known_shelf in known
        ],
        prompts=[
            schemas.ChoiceFacts(
                shelf=holder.name,
                key=prompt.key,
                id=prompt.id,
                text=prompt.text,
                tags=list(prompt.tags),
                n_clips=n_clips.get(prompt.key, 0),
            )
            for holder, prompt in fitting[wanted.offset : wanted.offset + wanted.limit]
        ],
    )


@routes.post("/plan")
def plan(page: PageState, visitor: Caller, body: schemas.GenerateArgs) -> schemas.PlanTotal:
    """The price of this click, and whether each tool can run here; nothing is started."""
    page.require(page.may.generate, "planning")
    slow_down(page.limits.writes, visitor.session)
    return estimate.plan(body, _prompt(page, body))


# --- clips of one's own -------------------------------------------------------------------------------------------


@routes.post("/uploads")
async def upload(
    request: Request, page: PageState, visitor: Caller, name: Annotated[str, Query(min_length=1, max_length=400)]
) -> schemas.UploadFacts:
    """Take one clip (the body is the file, `name` its name), and guess its tool and prompt."""
    page.require(page.may.import_, "importing")
    slow_down(page.limits.writes, visitor.session)

    page.uploads.refuse_many()

    async def pieces() -> AsyncIterator[bytes]:
        async for piece in request.stream():
            yield piece

    try:
        path = await page.uploads.receive(name, pieces(), most_bytes=MAX_UPLOAD_BYTES)
    except ClientDisconnect:
        raise HTTPException(400, f"{name}: the upload was broken off; drop the file again") from None
    facts = await page.uploads.look_into(path)
    return facts.model_copy(update={"error": page.say(facts.error)}) if facts.error else facts


@routes.post("/pictures")
async def add_picture(
    request: Request, page: PageState, visitor: Caller, name: Annotated[str, Query(min_length=1, max_length=400)]
) -> schemas.PictureFacts:
    """Take one picture to start or end on, or of who should appear (the body is the file, `name` its name)."""
    page.require(page.may.generate, "giving pictures")
    slow_down(page.limits.writes, visitor.session)
    page.uploads.refuse_many()
    try:
        path = await page.uploads.receive(name, request.stream(), most_bytes=MAX_PICTURE_BYTES, suffixes=())
    except ClientDisconnect:
        raise HTTPException(400, f"{name}: the upload was broken off; drop the file again") from None
    facts = await page.uploads.take_picture(path)
    return facts.model_copy(update={"error": page.say(facts.error), "notes": [page.say(note) for note in facts.notes]})


@routes.post("/uploads/confirm", status_code=202)
def confirm(page: PageState, visitor: Caller, body: schemas.ConfirmedList) -> schemas.TaskFacts:
    """Import uploads as what a person says they are."""
    page.require(page.may.import_, "importing")
    slow_down(page.limits.writes, visitor.session)
    return _queue(page, visitor, page.uploads.stage(body.uploads, score=body.score))


# --- exports ------------------------------------------------------------------------------------------------------


@routes.post("/exports", response_model=None, responses={202: {"model": schemas.TaskFacts}})
def add_export(page: PageState, visitor: Caller, body: schemas.NewExport) -> Response:
    """The chosen takes as a file: at once for tables and timelines, else as a task (202)."""
    page.require(page.may.export, "exporting")
    slow_down(page.limits.writes, visitor.session)
    if body.kind in QUICK:
        takes = (
            takes_of_cut(page.bench, page.bench.cut(body.cut))
            if body.cut
            else takes_of(page.bench, body.clips, author=visitor.author)
        )
        with tempfile.TemporaryDirectory(prefix="vbench-export-") as folder:
            made = export(body.kind, takes, Path(folder), ExportWish(rate=body.rate))
            data = made.read_bytes()
        return Response(
            data,
            media_type="application/octet-stream",
            headers={"content-disposition": f'attachment; filename="{made.name}"'},
        )
    clips = tuple(page.bench.clip(id).id for id in body.clips)
    wish = {"at_s": body.at_s, "rate": body.rate}
    if body.cut:
        page.bench.cut(body.cut)
    task = _queue(page, visitor, ExportTask(kind=body.kind, clips=clips, cut=body.cut, author=visitor.author, **wish))
    return JSONResponse(task.model_dump(), 202)


@routes.get("/exports/{task}", response_class=FileResponse)
def exported(page: PageState, visitor: Caller, task: TaskId) -> FileResponse:
    """The file of a finished export, to the one who asked for it."""
    page.require(page.may.export, "exporting")
    written = _task(page, task)
    wanted = arguments_of(written)
    if not isinstance(wanted, ExportTask) or wanted.author != visitor.author:
        raise HTTPException(404, f"there is no export {task}")
    if written.state != "done":
        raise HTTPException(409, f"the export is {written.state}: {written.message or 'ask again in a moment'}")
    path = exported_file(page.bench, task, wanted.kind)
    if not path.is_file():
        raise HTTPException(410, "the exported file was deleted; export again")
    return FileResponse(path, filename=path.name, media_type="application/octet-stream")
