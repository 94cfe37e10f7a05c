"""Tencent: Hunyuan."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, error_body, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _tencent(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"request_id": "r", "task_id": job.id, "status": word}
    if is_bad(job):
        view["error"] = {"code": "Failed", "message": "output moderation" if job.state == "moderated" else "internal"}
    if is_done(job):
        view["videos"] = [{"url": fake.link(job)}]
    return 200, view


PROTOCOLS = {
    "tencent": Protocol(
        card="hunyuan-1.5-hosted",
        env="TENCENT_TOKENHUB_BASE_URL",
        key_env="TENCENT_TOKENHUB_API_KEY",
        prefix="/v1",
        create_path="/wand/hunyuan-video/generation",
        poll_path=r"/wand/hunyuan-video/tasks/(\w+)",
        words={"queued": "queued", "running": "running", "succeeded": "succeeded", "failed": "failed"},
        created=made(task_id="{id}", request_id="r"),
        view=_tencent,
        errors={
            "rate": (429, error_body("RequestLimitExceeded", "request limit exceeded")),
            "balance": (403, error_body("ResourceInsufficient", "insufficient balance")),
            "auth": (401, error_body("AuthFailure", "the key is not valid")),
            "moderated": (400, error_body("InvalidParameter", "the prompt is sensitive")),
            "bad_request": (400, error_body("InvalidParameter", "prompt too long")),
            "not_found": (404, error_body("ResourceNotFound", "no such job")),
        },
    ),
}
