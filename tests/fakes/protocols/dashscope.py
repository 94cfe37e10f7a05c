"""Alibaba's DashScope: Wan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _dashscope(job: FakeJob, word: Any, fake: Fake) -> Reply:
    output: dict[str, Any] = {
        "task_id": job.id,
        "task_status": word,
        "submit_time": "2026-11-20 10:00:00.000",
        "scheduled_time": "2026-11-20 10:00:04.000",
    }
    if is_bad(job):
        moderated = job.state == "moderated"
        output["code"] = "DataInspectionFailed" if moderated else "InternalError"
        output["message"] = "Output data may contain inappropriate content." if moderated else "internal error"
    if is_done(job):
        output |= {
            "video_url": fake.link(job),
            "end_time": "2026-11-20 10:01:04.000",
            "orig_prompt": "p",
            "actual_prompt": "a longer p",
        }
    return 200, {"request_id": "r", "output": output, "usage": {"duration": 5, "SR": 720, "fps": 24, "video_count": 1}}


def _dash_error(status: int, code: str, message: str) -> Reply:
    return status, {"request_id": "r", "code": code, "message": message}


PROTOCOLS = {
    "dashscope": Protocol(
        card="wan-2.7",
        env="DASHSCOPE_BASE_URL",
        key_env="DASHSCOPE_API_KEY",
        prefix="/api/v1",
        create_path="/services/aigc/video-generation/video-synthesis",
        poll_path=r"/tasks/([\w-]+)",
        cancel=("POST", r"/tasks/([\w-]+)/cancel"),
        words={
            "queued": "PENDING",
            "running": "RUNNING",
            "succeeded": "SUCCEEDED",
            "failed": "FAILED",
            "cancelled": "CANCELED",
        },
        created=made(request_id="r", output={"task_id": "{id}", "task_status": "PENDING"}),
        view=_dashscope,
        errors={
            "rate": _dash_error(429, "Throttling.RateQuota", "requests rate limit exceeded"),
            "balance": _dash_error(200, "Arrearage", "access denied, the account is in arrears"),
            "auth": _dash_error(401, "InvalidApiKey", "invalid API-key provided"),
            "moderated": _dash_error(200, "DataInspectionFailed", "input data may contain inappropriate content"),
            "bad_request": _dash_error(400, "InvalidParameter", "duration is not valid"),
            "not_found": _dash_error(404, "InvalidTaskId", "no such task"),
        },
    ),
}
