"""Vidu."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _vidu(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"id": job.id, "state": word, "err_code": "", "credits": 40, "creations": []}
    if is_bad(job):
        view["err_code"] = "CreationPolicyViolation" if job.state == "moderated" else "InternalError"
    if is_done(job):
        view["creations"] = [{"id": "c", "url": fake.link(job), "cover_url": "x"}]
    return 200, view


PROTOCOLS = {
    "vidu": Protocol(
        card="vidu-q3-turbo",
        env="VIDU_BASE_URL",
        key_env="VIDU_API_KEY",
        key_form="Token {key}",
        create_path="/ent/v2/text2video",
        frames_path="/ent/v2/img2video",
        poll_path=r"/ent/v2/tasks/(\w+)/creations",
        cancel=("POST", r"/ent/v2/tasks/(\w+)/cancel"),
        words={"queued": "queueing", "running": "processing", "succeeded": "success", "failed": "failed"},
        created=made(task_id="{id}", state="created", model="viduq3-turbo", credits=40),
        view=_vidu,
        errors={
            "rate": (429, {"code": 429, "reason": "QuotaExceeded", "message": "rate limit"}),
            "balance": (400, {"code": 400, "reason": "CreditInsufficient", "message": "not enough credits"}),
            "auth": (401, {"code": 401, "reason": "Unauthorized", "message": "token is not valid"}),
            "moderated": (400, {"code": 400, "reason": "AuditSubmitIllegal", "message": "the prompt is not allowed"}),
            "bad_request": (400, {"code": 400, "reason": "FieldInvalid", "message": "duration"}),
            "not_found": (404, {"code": 404, "reason": "TaskNotFound", "message": "no such task"}),
        },
    ),
}
