"""xAI: Grok Imagine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _xai(job: FakeJob, word: Any, fake: Fake) -> Reply:
    if is_bad(job):
        code = "output moderation" if job.state == "moderated" else "internal_error"
        return 200, {"status": word, "error": {"code": code, "message": "generation failed"}}
    if is_done(job):
        video = {"url": fake.link(job), "duration": 5, "respect_moderation": True}
        return 200, {"status": word, "video": video, "model": "grok-imagine-video-1.5"}
    return 202, {"status": word}


def _xai_quiet(answer: Any) -> Any:
    return {**answer, "video": {**answer["video"], "respect_moderation": False}}


PROTOCOLS = {
    "xai": Protocol(
        card="grok-imagine-1.5",
        env="XAI_BASE_URL",
        key_env="XAI_API_KEY",
        prefix="/v1",
        create_path="/videos/generations",
        poll_path=r"/videos/(\w+)",
        words={"queued": "pending", "running": "pending", "succeeded": "done", "failed": "failed"},
        created=made(request_id="{id}"),
        view=_xai,
        errors={
            "rate": (429, {"code": "too many", "error": "rate limit reached"}),
            "balance": (403, {"code": "denied", "error": "your team has used all available credits"}),
            "auth": (401, {"code": "invalid", "error": "incorrect API key provided"}),
            "moderated": (400, {"code": "invalid-argument", "error": "the request was rejected by content moderation"}),
            "bad_request": (400, {"code": "invalid-argument", "error": "duration"}),
            "not_found": (404, {"code": "not-found", "error": "no such request"}),
        },
        quiet_refusal=_xai_quiet,
    ),
}
