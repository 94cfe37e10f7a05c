"""OpenAI's videos protocol, as servers of one's own speak it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, error_body, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _openai(job: FakeJob, word: Any, fake: Fake) -> Reply:
    error = None
    if is_bad(job):
        code = "moderation_blocked" if job.state == "moderated" else "server_error"
        error = {"code": code, "message": "the job failed: " + code}
    done = int(time.time()) if is_done(job) else None
    return 200, {
        "id": job.id,
        "object": "video",
        "model": "fake-video-1",
        "status": word,
        "progress": {"queued": 0, "running": 40, "succeeded": 100}.get(job.state, 0),
        "created_at": int(time.time()) - 3,
        "completed_at": done,
        "expires_at": None,
        "size": "832x480",
        "seconds": "5",
        "prompt": "",
        "remixed_from_video_id": None,
        "error": error,
        "inference_time_s": 1.5 if is_done(job) else None,
        "peak_memory_mb": 12345,
    }


_OPENAI_ERRORS = {
    "rate": (429, error_body("rate_limit_exceeded", "slow down")),
    "balance": (429, error_body("insufficient_quota", "you exceeded your current quota")),
    "auth": (401, error_body("invalid_api_key", "incorrect API key provided")),
    "moderated": (400, error_body("content_policy_violation", "your request was rejected by our safety system")),
    "bad_request": (400, error_body("invalid_value", "seconds must be one of 4, 8, 12")),
    "not_found": (404, error_body("not_found", "video not found")),
}


PROTOCOLS = {
    "openai": Protocol(
        card="openai-videos-local",
        env="VIDEO_SERVER_URL",
        key_env="VIDEO_SERVER_KEY",
        prefix="/v1",
        create_path="/videos",
        poll_path=r"/videos/(\w+)",
        content_path=r"/videos/(\w+)/content(?:\?.*)?",
        cancel=("DELETE", r"/videos/(\w+)"),
        words={"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
        created=lambda job, fake: _openai(job, "queued", fake),
        view=_openai,
        errors=_OPENAI_ERRORS,
    ),
}
