"""Google: Gemini Omni, and Veo on Vertex AI."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.fakes.protocol import Protocol, Reply, is_bad, is_done

if TYPE_CHECKING:
    from tests.fakes.hosted import Fake, FakeJob


def _google_error(status: int, word: str, message: str) -> Reply:
    return status, {"error": {"code": status, "message": message, "status": word}}


_GOOGLE_ERRORS = {
    "rate": _google_error(429, "RESOURCE_EXHAUSTED", "quota exceeded for requests per minute"),
    "balance": _google_error(400, "FAILED_PRECONDITION", "billing is not enabled"),
    "auth": _google_error(401, "UNAUTHENTICATED", "API key not valid"),
    "moderated": _google_error(400, "INVALID_ARGUMENT", "the prompt violates our prohibited use policy"),
    "bad_request": _google_error(400, "INVALID_ARGUMENT", "duration is out of range"),
    "not_found": _google_error(404, "NOT_FOUND", "no such operation"),
}


def _omni_created(job: FakeJob, fake: Fake) -> Reply:
    """What runs in the background has an id and nothing else yet."""
    return 200, {
        "id": f"int-{job.id}",
        "object": "interaction",
        "status": "in_progress",
        "model": job.body.get("model"),
    }


def _omni(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {
        "id": f"int-{job.id}",
        "object": "interaction",
        "status": word,
        "model": job.body.get("model"),
        "created": "2026-11-20T10:00:00Z",
        "updated": "2026-11-20T10:01:00Z",
        "usage": {"total_tokens": 46336},
    }
    asked = str(job.body.get("input", ""))
    if is_bad(job):
        words = "blocked by safety policy: output is sensitive" if job.state == "moderated" else "transcoding failed"
        view["error"] = {"code": 13, "message": words}
    if is_done(job):
        uri = f"{fake.origin}/v1/files/{job.id}:download?alt=media"
        content: dict[str, Any] = {"type": "video", "mime_type": "video/mp4", "uri": uri}
        if "inline" in asked:
            from tests.fakes.hosted import clip_bytes

            content = {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(clip_bytes()).decode()}
        if "forbidden" in asked:
            content = {"type": "text", "text": "I cannot make this: it was blocked by safety filters."}
        view["steps"] = [{"type": "model_output", "content": [content]}]
    return 200, view


def _omni_file(job: FakeJob, fake: Fake) -> Reply:
    """Its file is being written when it is first asked for."""
    job.links += 1
    state = "PROCESSING" if job.links == 1 else "ACTIVE"
    return 200, {"name": f"files/{job.id}", "mimeType": "video/mp4", "state": state}


def _vertex_name(job: FakeJob) -> str:
    return (
        f"projects/fake-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/{job.id}"
    )


def _vertex(job: FakeJob, word: Any, fake: Fake) -> Reply:
    view: dict[str, Any] = {"name": _vertex_name(job)}
    if is_done(job):
        from tests.fakes.hosted import clip_bytes

        view |= {
            "done": True,
            "response": {"videos": [{"bytesBase64Encoded": base64.b64encode(clip_bytes()).decode()}]},
        }
        view["response"]["videos"][0]["mimeType"] = "video/mp4"
    elif job.state == "moderated":
        reasons = ["Veo could not generate videos because the output violates usage guidelines"]
        view |= {"done": True, "response": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}}
    elif is_bad(job):
        view |= {"done": True, "error": {"code": 13, "message": "internal error"}}
    return 200, view


PROTOCOLS = {
    "omni": Protocol(
        card="gemini-omni-1.2-flash",
        env="GEMINI_BASE_URL",
        key_env="GEMINI_API_KEY",
        key_header="x-goog-api-key",
        key_form="{key}",
        create_path="/v1/interactions",
        poll_path=r"/v1/interactions/int-(\w+)(?:\?stream=false)?",
        hop_path=r"/v1/files/(\w+)",
        hop=_omni_file,
        content_path=r"/v1/files/(\w+):download\?alt=media",
        words={"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
        created=_omni_created,
        view=_omni,
        errors=_GOOGLE_ERRORS,
    ),
    "vertex": Protocol(
        card="veo-3.1",
        env="VERTEX_BASE_URL",
        key_env="VERTEX_ACCESS_TOKEN",
        prefix="/v1",
        create_path="/projects/fake-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001:predictLongRunning",
        poll_path="/projects/fake-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001:fetchPredictOperation",
        poll_method="POST",
        words={"queued": "", "running": "", "succeeded": "", "failed": ""},
        created=lambda job, fake: (200, {"name": _vertex_name(job)}),
        view=_vertex,
        errors=_GOOGLE_ERRORS,
    ),
}
