"""Zhipu: CogVideoX."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, error_body, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _zhipu(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"id": job.id, "request_id": "r", "model": "cogvideox-3", "task_status": word}
    if is_bad(job):
        words = "content is unsafe or sensitive" if job.state == "moderated" else "internal error"
        view["error"] = {"code": "1301" if job.state == "moderated" else "500", "message": words}
    if is_done(job):
        view["video_result"] = [{"url": fake.link(job), "cover_image_url": "http://127.0.0.1/x.png"}]
    return 200, view


PROTOCOLS = {
    "zhipu": Protocol(
        card="cogvideox-3",
        env="ZAI_BASE_URL",
        key_env="ZAI_API_KEY",
        prefix="/api/paas/v4",
        create_path="/videos/generations",
        poll_path=r"/async-result/(\w+)",
        words={"queued": "PROCESSING", "running": "PROCESSING", "succeeded": "SUCCESS", "failed": "FAIL"},
        created=made(id="{id}", request_id="r", model="cogvideox-3", task_status="PROCESSING"),
        view=_zhipu,
        errors={
            "rate": (429, error_body("1302", "the rate limit of the account is reached")),
            "balance": (429, error_body("1113", "insufficient balance, please recharge")),
            "auth": (401, error_body("1000", "authentication failed")),
            "moderated": (400, error_body("1301", "the input may contain unsafe or sensitive content")),
            "bad_request": (400, error_body("1214", "invalid parameter")),
            "not_found": (404, error_body("1222", "no such task")),
        },
    ),
}
