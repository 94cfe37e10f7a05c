"""PixVerse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_done, made

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _pixverse(job: FakeJob, word: Any, fake: Fake) -> Reply:
    word = 7 if job.state == "moderated" else word
    url = fake.link(job) if is_done(job) else ""
    return 200, {
        "ErrCode": 0,
        "ErrMsg": "Success",
        "Resp": {"id": 1, "status": word, "url": url, "seed": job.body.get("seed")},
    }


def _pix_error(code: int, message: str) -> Reply:
    return 200, {"ErrCode": code, "ErrMsg": message, "Resp": None}


PROTOCOLS = {
    "pixverse": Protocol(
        card="pixverse-v6",
        env="PIXVERSE_BASE_URL",
        key_env="PIXVERSE_API_KEY",
        key_header="api-key",
        key_form="{key}",
        prefix="/openapi/v2",
        create_path="/video/text/generate",
        frames_path="/video/img/generate",
        free={"/image/upload": {"ErrCode": 0, "ErrMsg": "Success", "Resp": {"img_id": 9001, "img_url": "https://x/y"}}},
        poll_path=r"/video/result/(\w+)",
        words={"queued": 5, "running": 5, "succeeded": 1, "failed": 8},
        created=made(ErrCode=0, ErrMsg="Success", Resp={"video_id": "{id}"}),
        view=_pixverse,
        errors={
            "rate": (429, {"ErrCode": 500044, "ErrMsg": "reached the limit for concurrent generations"}),
            "balance": _pix_error(500090, "insufficient balance"),
            "auth": (401, {"ErrCode": 10005, "ErrMsg": "invalid API key"}),
            "moderated": _pix_error(500054, "content moderation failed"),
            "bad_request": (400, {"ErrCode": 400017, "ErrMsg": "invalid parameter"}),
            "not_found": (404, {"ErrCode": 500008, "ErrMsg": "requested data not found"}),
        },
    ),
}
