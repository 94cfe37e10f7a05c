"""Kling."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _kling(job: FakeJob, word: Any, fake: Fake) -> Reply:
    data: dict[str, Any] = {"task_id": job.id, "task_status": word, "task_status_msg": "", "created_at": 1}
    if is_bad(job):
        moderated = job.state == "moderated"
        data["task_status_msg"] = "failure to pass the risk control system" if moderated else "internal error"
    if is_done(job):
        data["task_result"] = {"videos": [{"id": "v", "url": fake.link(job), "duration": "5.041"}]}
        data["final_unit_deduction"] = "3.5"
    return 200, {"code": 0, "message": "SUCCEED", "request_id": "r", "data": data}


def _kling2(job: FakeJob, word: Any, fake: Fake) -> Reply:
    task: dict[str, Any] = {"id": job.id, "status": word, "message": "", "create_time": 1, "update_time": 61}
    if is_bad(job):
        moderated = job.state == "moderated"
        task["message"] = "failure to pass the risk control system" if moderated else "internal error"
    if is_done(job):
        task["outputs"] = [{"type": "video", "id": "v", "url": fake.link(job), "duration": "5.041"}]
    return 200, {"code": 0, "message": "SUCCEED", "request_id": "r", "data": [task]}


def _kling_error(status: int, code: int, message: str) -> Reply:
    return status, {"code": code, "message": message, "request_id": "r"}


_ERRORS = {
    "rate": _kling_error(429, 1302, "too many requests"),
    "balance": _kling_error(429, 1102, "resource pack used up"),
    "auth": _kling_error(401, 1000, "authentication failed"),
    "moderated": _kling_error(400, 1301, "the prompt triggers the platform's content policy"),
    "bad_request": _kling_error(400, 1201, "invalid parameters"),
    "not_found": _kling_error(404, 1203, "task not found"),
}


PROTOCOLS = {
    "kling": Protocol(
        card="kling-v3",
        env="KLING_BASE_URL",
        key_env="KLING_API_KEY",
        create_path="/v1/videos/text2video",
        frames_path="/v1/videos/image2video",
        poll_path=r"/v1/videos/(?:text2video|image2video)/(\w+)",
        words={"queued": "submitted", "running": "processing", "succeeded": "succeed", "failed": "failed"},
        created=made(code=0, message="SUCCEED", data={"task_id": "{id}", "task_status": "submitted"}),
        view=_kling,
        errors=_ERRORS,
    ),
    "kling2": Protocol(
        card="kling-3-turbo",
        env="KLING_BASE_URL",
        key_env="KLING_API_KEY",
        create_path="/text-to-video/kling-3.0-turbo",
        frames_path="/image-to-video/kling-3.0-turbo",
        poll_path=r"/tasks\?task_ids=(\w+)",
        words={"queued": "submitted", "running": "processing", "succeeded": "succeeded", "failed": "failed"},
        created=made(code=0, message="SUCCEED", data={"id": "{id}", "status": "submitted"}),
        view=_kling2,
        errors=_ERRORS,
    ),
}
