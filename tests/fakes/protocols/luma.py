"""Luma: the agents' protocol and Dream Machine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _luma_agents(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {
        "id": job.id,
        "type": "video",
        "model": "ray-3.2",
        "state": word,
        "created_at": "2026-11-20T10:00:00Z",
    }
    if is_bad(job):
        code = "output_moderation" if job.state == "moderated" else "internal"
        view |= {"failure_code": code, "failure_reason": "failed: " + code}
    if is_done(job):
        view["output"] = [{"type": "video", "url": fake.link(job)}]
    return 200, view


def _luma(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {
        "id": job.id,
        "generation_type": "video",
        "model": "ray-2",
        "state": word,
        "created_at": "2026-11-20T10:00:00Z",
        "failure_reason": None,
        "assets": None,
        "request": {"prompt": "p", "model": "ray-2"},
    }
    if is_bad(job):
        view["failure_reason"] = "Output frame moderation failed" if job.state == "moderated" else "internal error"
    if is_done(job):
        view["assets"] = {"video": fake.link(job), "image": None}
    return 200, view


PROTOCOLS = {
    "luma_agents": Protocol(
        card="luma-ray-3.2",
        env="LUMA_AGENTS_BASE_URL",
        key_env="LUMA_AGENTS_API_KEY",
        prefix="/v1",
        create_path="/generations",
        poll_path=r"/generations/(\w+)",
        words={"queued": "queued", "running": "processing", "succeeded": "completed", "failed": "failed"},
        created=lambda job, fake: _luma_agents(job, "queued", fake),
        view=_luma_agents,
        errors={
            "rate": (429, {"detail": "too many requests"}),
            "balance": (400, {"detail": "not enough credits"}),
            "auth": (401, {"detail": "not authenticated"}),
            "moderated": (400, {"detail": "the prompt did not pass moderation"}),
            "bad_request": (400, {"detail": "unknown aspect ratio"}),
            "not_found": (404, {"detail": "no such generation"}),
        },
    ),
    "luma": Protocol(
        card="luma-ray-2",
        env="LUMAAI_BASE_URL",
        key_env="LUMAAI_API_KEY",
        prefix="/dream-machine/v1",
        create_path="/generations/video",
        poll_path=r"/generations/([\w-]+)",
        words={"queued": "queued", "running": "dreaming", "succeeded": "completed", "failed": "failed"},
        created=lambda job, fake: (201, _luma(job, "queued", fake)[1]),
        view=_luma,
        errors={
            "rate": (429, {"detail": "too many requests"}),
            "balance": (400, {"detail": "insufficient credits"}),
            "auth": (401, {"detail": "not authenticated"}),
            "moderated": (400, {"detail": "400: Prompt has been moderated due to a blacklist"}),
            "bad_request": (400, {"detail": "unknown aspect ratio"}),
            "not_found": (404, {"detail": "no such generation"}),
        },
    ),
}
