"""MiniMax: Hailuo, in both versions of its protocol."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _base(code: int, message: str, **more: Any) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": message}, **more}


def _minimax2(job: FakeJob, word: Any, fake: Fake) -> Reply:
    task: dict[str, Any] = {"id": job.id, "model": "MiniMax-H3", "status": word, "created_at": 100, "updated_at": 160}
    if is_bad(job):
        code = 1027 if job.state == "moderated" else 1000
        task["error"] = {
            "code": code,
            "message": "output contains sensitive content" if code == 1027 else "unknown error",
        }
    if is_done(job):
        task["content"] = {"type": "video", "url": fake.link(job)}
    return 200, {"task": task, **_base(0, "success")}


def _minimax1(job: FakeJob, word: Any, fake: Fake) -> Reply:
    if is_bad(job):
        code = 1027 if job.state == "moderated" else 1000
        return 200, _base(code, "failed", task_id=job.id, status=word, file_id="")
    done = {"file_id": f"file-{job.id}", "video_width": 1366, "video_height": 768} if is_done(job) else {"file_id": ""}
    return 200, _base(0, "success", task_id=job.id, status=word, **done)


_MINIMAX_ERRORS = {
    "rate": (200, _base(1002, "rate limit", task_id="")),
    "balance": (200, _base(1008, "insufficient balance", task_id="")),
    "auth": (200, _base(1004, "login fail: please carry the API secret key", task_id="")),
    "moderated": (200, _base(1026, "input contains sensitive content", task_id="")),
    "bad_request": (200, _base(2013, "invalid params", task_id="")),
    "not_found": (500, _base(1000, "record not found")),
}


PROTOCOLS = {
    "minimax_v2": Protocol(
        card="minimax-h3",
        env="MINIMAX_BASE_URL",
        key_env="MINIMAX_API_KEY",
        create_path="/v2/video_generation",
        poll_path=r"/v2/query/video_generation/(\w+)",
        cancel=("DELETE", r"/v2/video_generation/(\w+)"),
        words={
            "queued": "queued",
            "running": "running",
            "succeeded": "succeeded",
            "failed": "failed",
            "cancelled": "cancelled",
        },
        created=made(task={"id": "{id}", "status": "queued"}, base_resp={"status_code": 0, "status_msg": "success"}),
        view=_minimax2,
        errors=_MINIMAX_ERRORS,
    ),
    "minimax_v1": Protocol(
        card="hailuo-2.3",
        env="MINIMAX_BASE_URL",
        key_env="MINIMAX_API_KEY",
        create_path="/v1/video_generation",
        poll_path=r"/v1/query/video_generation\?task_id=(\w+)",
        hop_path=r"/v1/files/retrieve\?file_id=file-(\w+)",
        words={"queued": "Queueing", "running": "Processing", "succeeded": "Success", "failed": "Fail"},
        created=made(task_id="{id}", base_resp={"status_code": 0, "status_msg": "success"}),
        view=_minimax1,
        hop=lambda job, fake: (200, _base(0, "success", file={"file_id": 1, "download_url": fake.link(job)})),
        errors=_MINIMAX_ERRORS,
    ),
}
