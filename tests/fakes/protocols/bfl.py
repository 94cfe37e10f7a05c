"""Black Forest Labs: FLUX video."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _bfl(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"id": job.id, "status": word, "progress": 0.5, "result": None}
    if is_bad(job):
        view |= {"status": "Content Moderated"} if job.state == "moderated" else {"error": "internal error"}
    if is_done(job):
        view["result"] = {"sample": fake.link(job), "seed": 42, "duration": 5, "start_time": 1.0, "end_time": 61.0}
    return 200, view


PROTOCOLS = {
    "bfl": Protocol(
        card="flux-3-video",
        env="BFL_BASE_URL",
        key_env="BFL_API_KEY",
        key_header="x-key",
        key_form="{key}",
        prefix="/v1",
        create_path="/flux-3-video",
        poll_path=r"/get_result\?id=(\w+)",
        words={"queued": "Pending", "running": "Processing", "succeeded": "Ready", "failed": "Error"},
        created=made(id="{id}", polling_url="https://api.us1.bfl.ai/v1/get_result?id={id}"),
        view=_bfl,
        errors={
            "rate": (429, {"detail": "rate limit exceeded"}),
            "balance": (402, {"detail": "insufficient credits"}),
            "auth": (403, {"detail": "not authenticated"}),
            "moderated": (422, {"detail": "request moderated"}),
            "bad_request": (422, {"detail": [{"msg": "duration is out of range"}]}),
            "not_found": (404, {"detail": "task not known here"}),
        },
    ),
}
