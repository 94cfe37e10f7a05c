"""fal, an aggregator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _fal_urls(job: FakeJob, fake: Fake) -> dict[str, str]:
    at = f"{fake.origin}/fal-ai/wan/requests/{job.id}"
    return {"request_id": job.id, "response_url": at, "status_url": f"{at}/status", "cancel_url": f"{at}/cancel"}


def _fal(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"status": word, **_fal_urls(job, fake)}
    if is_done(job) or is_bad(job):
        view["metrics"] = {"inference_time": 41.5}
    if job.state in {"failed", "failed_4xx"}:
        view |= {"error": "worker crashed", "error_type": "internal_server_error"}
    return 200, view


def _fal_result(job: FakeJob, fake: Fake) -> Reply:
    if job.state == "moderated":
        detail = [{"loc": ["body", "prompt"], "msg": "flagged by a content checker: nsfw", "type": "nsfw"}]
        return 422, {"detail": detail}
    return 200, {"video": {"url": fake.link(job), "content_type": "video/mp4"}, "seed": job.body.get("seed")}


PROTOCOLS = {
    "fal": Protocol(
        card="fal-wan-2.2-a14b",
        env="FAL_QUEUE_BASE_URL",
        key_env="FAL_KEY",
        key_form="Key {key}",
        create_path="/fal-ai/wan/v2.2-a14b/text-to-video",
        frames_path="/fal-ai/wan/v2.2-a14b/image-to-video",
        poll_path=r"/fal-ai/wan/requests/(\w+)/status",
        hop_path=r"/fal-ai/wan/requests/(\w+)",
        cancel=("PUT", r"/fal-ai/wan/requests/(\w+)/cancel"),
        words={"queued": "IN_QUEUE", "running": "IN_PROGRESS", "succeeded": "COMPLETED", "failed": "COMPLETED"},
        created=lambda job, fake: (200, {"status": "IN_QUEUE", "queue_position": 0, **_fal_urls(job, fake)}),
        view=_fal,
        hop=_fal_result,
        errors={
            "rate": (429, {"detail": "too many requests"}),
            "balance": (403, {"detail": "User is locked. Reason: Exhausted balance."}),
            "auth": (401, {"detail": "No user found for Key ID and Secret"}),
            "moderated": (
                422,
                {
                    "detail": [{"loc": ["body", "prompt"], "msg": "not allowed", "type": "content_policy_violation"}],
                    "error_type": "content_policy_violation",
                },
            ),
            "bad_request": (422, {"detail": [{"loc": ["body"], "msg": "field required", "type": "missing"}]}),
            "not_found": (404, {"detail": "no such request"}),
        },
    ),
}
