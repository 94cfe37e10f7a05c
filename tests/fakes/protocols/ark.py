"""ByteDance's Ark: Seedance."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, error_body, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _ark(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {
        "id": job.id,
        "model": "doubao-seedance-fake",
        "status": word,
        "created_at": 1,
        "updated_at": 9,
    }
    if is_bad(job):
        code = "OutputVideoSensitiveContentDetected" if job.state == "moderated" else "InternalServiceError"
        view["error"] = {"code": code, "message": "the request failed: " + code}
    if is_done(job):
        view |= {
            "content": {"video_url": fake.link(job)},
            "usage": {"completion_tokens": 108900, "total_tokens": 108900},
            "seed": job.body.get("seed", 4242),
            "resolution": "720p",
            "ratio": "16:9",
            "duration": 5,
            "framespersecond": 24,
            "revised_prompt": "a better prompt",
        }
    return 200, view


PROTOCOLS = {
    "ark": Protocol(
        card="seedance-2.5-cn",
        env="ARK_CN_BASE_URL",
        key_env="ARK_CN_API_KEY",
        prefix="/api/v3",
        create_path="/contents/generations/tasks",
        poll_path=r"/contents/generations/tasks/([\w-]+)",
        cancel=("DELETE", r"/contents/generations/tasks/([\w-]+)"),
        words={
            "queued": "queued",
            "running": "running",
            "succeeded": "succeeded",
            "failed": "failed",
            "cancelled": "cancelled",
        },
        created=made(id="{id}"),
        view=_ark,
        errors={
            "rate": (429, error_body("RateLimitExceeded.EndpointRPMExceeded", "requests per minute exceeded")),
            "balance": (403, error_body("AccountOverdueError", "the account has an overdue balance")),
            "auth": (401, error_body("AuthenticationError", "the API key is missing or invalid")),
            "moderated": (400, error_body("InputTextSensitiveContentDetected", "the input text may be sensitive")),
            "bad_request": (400, error_body("InvalidParameter", "duration is not valid")),
            "not_found": (404, error_body("InvalidTask.NotFound", "no such task")),
        },
        job_id=lambda number: f"cgt-20261120-{number:04d}",
    ),
}
