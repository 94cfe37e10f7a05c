"""Replicate, an aggregator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _replicate(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {
        "id": job.id,
        "model": "wan-video/wan-2.2-t2v-fast",
        "version": "5b8b1f",
        "input": job.body.get("input", {}),
        "logs": "",
        "output": None,
        "error": None,
        "status": word,
        "created_at": "2026-11-20T10:00:00Z",
        "started_at": None,
        "completed_at": None,
        "metrics": {},
        "urls": {
            "get": f"{fake.base_url}/predictions/{job.id}",
            "cancel": f"{fake.base_url}/predictions/{job.id}/cancel",
        },
    }
    if is_bad(job):
        view["error"] = "The output was flagged as sensitive (E005)" if job.state == "moderated" else "CUDA error"
    if is_done(job):
        view |= {"output": fake.link(job), "metrics": {"predict_time": 31.25}}
        view |= {"started_at": "2026-11-20T10:00:05Z", "completed_at": "2026-11-20T10:00:45Z"}
    return 200, view


PROTOCOLS = {
    "replicate": Protocol(
        card="replicate-wan-2.2-fast",
        env="REPLICATE_BASE_URL",
        key_env="REPLICATE_API_TOKEN",
        prefix="/v1",
        create_path="/models/wan-video/wan-2.2-t2v-fast/predictions",
        poll_path=r"/predictions/(\w+)",
        cancel=("POST", r"/predictions/(\w+)/cancel"),
        words={
            "queued": "starting",
            "running": "processing",
            "succeeded": "succeeded",
            "failed": "failed",
            "cancelled": "canceled",
        },
        created=lambda job, fake: (201, _replicate(job, "starting", fake)[1]),
        view=_replicate,
        errors={
            "rate": (429, {"title": "throttled", "detail": "request was throttled", "status": 429}),
            "balance": (402, {"title": "insufficient credit", "detail": "insufficient credit to run this model"}),
            "auth": (401, {"title": "Unauthenticated", "detail": "you did not pass a valid token"}),
            "moderated": (422, {"title": "refused", "detail": "the input was flagged as sensitive (E005)"}),
            "bad_request": (422, {"title": "Input validation failed", "detail": "- input: prompt is required"}),
            "not_found": (404, {"detail": "the requested resource could not be found"}),
        },
    ),
}
