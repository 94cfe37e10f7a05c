"""Runway."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _runway(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"id": job.id, "status": word, "createdAt": "2026-11-20T10:00:00.000Z"}
    if is_bad(job):
        code = "SAFETY.OUTPUT.IMAGE" if job.state == "moderated" else "INTERNAL.BAD_OUTPUT.CODE01"
        view |= {"failure": "the task failed", "failureCode": code, "cost": {"credits": 60}}
    elif is_done(job):
        view |= {"output": [fake.link(job)], "cost": {"credits": 60}}
    else:
        view["estimatedCost"] = {"credits": 60}
        if job.state == "running":
            view["progress"] = 0.4
    return 200, view


PROTOCOLS = {
    "runway": Protocol(
        card="gen-4.5",
        env="RUNWAYML_BASE_URL",
        key_env="RUNWAYML_API_SECRET",
        create_path="/v1/text_to_video",
        frames_path="/v1/image_to_video",
        poll_path=r"/v1/tasks/([\w-]+)",
        needs={"X-Runway-Version": "2024-11-06"},
        words={"queued": "THROTTLED", "running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED"},
        created=made(id="{id}"),
        view=_runway,
        errors={
            "rate": (429, {"error": "the daily task limit is reached"}),
            "balance": (400, {"error": "You do not have enough credits to run this task."}),
            "auth": (401, {"error": "API key is not valid"}),
            "moderated": (400, {"error": "moderated", "failureCode": "SAFETY.INPUT.TEXT"}),
            "bad_request": (400, {"error": "Validation of body failed"}),
            "not_found": (404, {"error": "task not found"}),
        },
        job_id=lambda number: f"17f20503-6c24-4c16-946b-{number:012d}",
    ),
}
