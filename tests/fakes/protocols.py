"""What each hosted protocol says in each situation: one table row per protocol, used by the fake server."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.hosted import Asked, Fake, FakeJob

Answer = tuple[int, Any]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One protocol: routes, words and shapes."""

    card: str
    """The card of `models/` that speaks it."""
    env: str
    """What sets that card's address."""
    key_env: str
    prefix: str = ""
    """Path of the base address."""
    create_path: str
    poll_path: str
    """Regular expression with the job's id as its group; of the body where `poll_method` is POST."""
    poll_method: str = "GET"
    hop_path: str = ""
    content_path: str = ""
    cancel: tuple[str, str] = ("", "")
    """Method and path."""
    words: Mapping[str, Any]
    """queued, running, succeeded, failed → the protocol's own."""
    created: Callable[[FakeJob, Fake], Answer]
    view: Callable[[FakeJob, Any, Fake], Answer]
    errors: Mapping[str, Answer]
    """rate, balance, auth, moderated, bad_request, not_found."""
    hop: Callable[[FakeJob, Fake], Answer] = lambda job, fake: (404, {})
    key_header: str = "authorization"
    key_form: str = "Bearer {key}"
    needs: Mapping[str, str] = field(default_factory=dict)
    """Headers without which the real tool refuses."""
    quiet_refusal: Callable[[Any], Any] = lambda answer: answer
    job_id: Callable[[int], str] = lambda number: f"job{number:04d}"

    def error(self, kind: str) -> Answer:
        return self.errors.get(kind, (404, {"error": {"code": "not_found", "message": "no such job"}}))

    def is_create(self, path: str) -> bool:
        return path.partition("?")[0] == self.prefix + self.create_path

    def is_authorised(self, asked: Asked, key: str) -> bool:
        if any(
            asked.headers.get(name.lower()) != value for name, value in self.needs.items() if asked.method == "POST"
        ):
            return False
        return asked.headers.get(self.key_header) == self.key_form.format(key=key)

    def match(self, kind: str, method: str, path: str, body: bytes) -> str | None:
        """The id of the job that a request is about, where it is of this kind."""
        routes = {
            "poll": (self.poll_method, self.poll_path),
            "hop": ("GET", self.hop_path),
            "content": ("GET", self.content_path),
            "cancel": self.cancel,
        }
        wanted, pattern = routes[kind]
        if not pattern or method != wanted:
            return None
        if kind == "poll" and wanted == "POST":
            if path != self.prefix + self.poll_path:
                return None
            found = json.loads(body)
            return str(found.get("id") or found.get("operationName", "")).rpartition("/")[2]
        matched = re.fullmatch(re.escape(self.prefix) + pattern, path)
        return matched[1] if matched else None


def _done(job: FakeJob) -> bool:
    return job.state == "succeeded"


def _bad(job: FakeJob) -> bool:
    return job.state in {"failed", "failed_4xx", "moderated"}


def _status(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": code, "param": None}}


# --- OpenAI ---


def _openai(job: FakeJob, word: Any, fake: Fake) -> Answer:
    error = None
    if _bad(job):
        code = "moderation_blocked" if job.state == "moderated" else "server_error"
        error = {"code": code, "message": "the job failed: " + code}
    done = int(time.time()) if _done(job) else None
    return 200, {
        "id": job.id,
        "object": "video",
        "model": "fake-video-1",
        "status": word,
        "progress": {"queued": 0, "running": 40, "succeeded": 100}.get(job.state, 0),
        "created_at": int(time.time()) - 3,
        "completed_at": done,
        "expires_at": None,
        "size": "832x480",
        "seconds": "5",
        "prompt": "",
        "remixed_from_video_id": None,
        "error": error,
        "inference_time_s": 1.5 if _done(job) else None,
        "peak_memory_mb": 12345,
    }


_OPENAI_ERRORS = {
    "rate": (429, _status("rate_limit_exceeded", "slow down")),
    "balance": (429, _status("insufficient_quota", "you exceeded your current quota")),
    "auth": (401, _status("invalid_api_key", "incorrect API key provided")),
    "moderated": (400, _status("content_policy_violation", "your request was rejected by our safety system")),
    "bad_request": (400, _status("invalid_value", "seconds must be one of 4, 8, 12")),
    "not_found": (404, _status("not_found", "video not found")),
}


# --- Kling ---


def _kling(job: FakeJob, word: Any, fake: Fake) -> Answer:
    data: dict[str, Any] = {"task_id": job.id, "task_status": word, "task_status_msg": "", "created_at": 1}
    if _bad(job):
        moderated = job.state == "moderated"
        data["task_status_msg"] = "failure to pass the risk control system" if moderated else "internal error"
    if _done(job):
        data["task_result"] = {"videos": [{"id": "v", "url": fake.link(job), "duration": "5.041"}]}
        data["final_unit_deduction"] = "3.5"
    return 200, {"code": 0, "message": "SUCCEED", "request_id": "r", "data": data}


def _kling_error(status: int, code: int, message: str) -> Answer:
    return status, {"code": code, "message": message, "request_id": "r"}


# --- Ark ---


def _ark(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {
        "id": job.id,
        "model": "doubao-seedance-fake",
        "status": word,
        "created_at": 1,
        "updated_at": 9,
    }
    if _bad(job):
        code = "OutputVideoSensitiveContentDetected" if job.state == "moderated" else "InternalServiceError"
        view["error"] = {"code": code, "message": "the request failed: " + code}
    if _done(job):
        view |= {
            "content": {"video_url": fake.link(job)},
            "usage": {"completion_tokens": 108900, "total_tokens": 108900},
            "seed": job.body.get("seed", 4242),
            "resolution": "720p",
            "ratio": "16:9",
            "duration": 5,
            "framespersecond": 24,
            "revised_prompt": "a better prompt",
        }
    return 200, view


# --- Zhipu ---


def _zhipu(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"id": job.id, "request_id": "r", "model": "cogvideox-3", "task_status": word}
    if _bad(job):
        words = "content is unsafe or sensitive" if job.state == "moderated" else "internal error"
        view["error"] = {"code": "1301" if job.state == "moderated" else "500", "message": words}
    if _done(job):
        view["video_result"] = [{"url": fake.link(job), "cover_image_url": "http://127.0.0.1/x.png"}]
    return 200, view


# --- DashScope ---


def _dashscope(job: FakeJob, word: Any, fake: Fake) -> Answer:
    output: dict[str, Any] = {
        "task_id": job.id,
        "task_status": word,
        "submit_time": "2026-11-20 10:00:00.000",
        "scheduled_time": "2026-11-20 10:00:04.000",
    }
    if _bad(job):
        moderated = job.state == "moderated"
        output["code"] = "DataInspectionFailed" if moderated else "InternalError"
        output["message"] = "Output data may contain inappropriate content." if moderated else "internal error"
    if _done(job):
        output |= {
            "video_url": fake.link(job),
            "end_time": "2026-11-20 10:01:04.000",
            "orig_prompt": "p",
            "actual_prompt": "a longer p",
        }
    return 200, {"request_id": "r", "output": output, "usage": {"duration": 5, "SR": 720, "fps": 24, "video_count": 1}}


def _dash_error(status: int, code: str, message: str) -> Answer:
    return status, {"request_id": "r", "code": code, "message": message}


# --- MiniMax ---


def _base(code: int, message: str, **more: Any) -> dict[str, Any]:
    return {"base_resp": {"status_code": code, "status_msg": message}, **more}


def _minimax2(job: FakeJob, word: Any, fake: Fake) -> Answer:
    task: dict[str, Any] = {"id": job.id, "model": "MiniMax-H3", "status": word, "created_at": 100, "updated_at": 160}
    if _bad(job):
        code = 1027 if job.state == "moderated" else 1000
        task["error"] = {
            "code": code,
            "message": "output contains sensitive content" if code == 1027 else "unknown error",
        }
    if _done(job):
        task["content"] = {"type": "video", "url": fake.link(job)}
    return 200, {"task": task, **_base(0, "success")}


def _minimax1(job: FakeJob, word: Any, fake: Fake) -> Answer:
    if _bad(job):
        code = 1027 if job.state == "moderated" else 1000
        return 200, _base(code, "failed", task_id=job.id, status=word, file_id="")
    done = {"file_id": f"file-{job.id}", "video_width": 1366, "video_height": 768} if _done(job) else {"file_id": ""}
    return 200, _base(0, "success", task_id=job.id, status=word, **done)


_MINIMAX_ERRORS = {
    "rate": (200, _base(1002, "rate limit", task_id="")),
    "balance": (200, _base(1008, "insufficient balance", task_id="")),
    "auth": (200, _base(1004, "login fail: please carry the API secret key", task_id="")),
    "moderated": (200, _base(1026, "input contains sensitive content", task_id="")),
    "bad_request": (200, _base(2013, "invalid params", task_id="")),
    "not_found": (500, _base(1000, "record not found")),
}


# --- Tencent, Vidu, Runway, Luma, xAI, PixVerse ---


def _tencent(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"request_id": "r", "object": "video", "id": job.id, "status": word, "progress": 50}
    if _bad(job):
        view["error"] = {"code": "Failed", "message": "output moderation" if job.state == "moderated" else "internal"}
    if _done(job):
        view["data"] = {"url": fake.link(job)}
    return 200, view


def _vidu(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"id": job.id, "state": word, "err_code": "", "credits": 40, "creations": []}
    if _bad(job):
        view["err_code"] = "CreationPolicyViolation" if job.state == "moderated" else "InternalError"
    if _done(job):
        view["creations"] = [{"id": "c", "url": fake.link(job), "cover_url": "x"}]
    return 200, view


def _runway(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"id": job.id, "status": word, "createdAt": "2026-11-20T10:00:00.000Z"}
    if _bad(job):
        code = "SAFETY.OUTPUT.IMAGE" if job.state == "moderated" else "INTERNAL.BAD_OUTPUT.CODE01"
        view |= {"failure": "the task failed", "failureCode": code, "cost": {"credits": 60}}
    elif _done(job):
        view |= {"output": [fake.link(job)], "cost": {"credits": 60}}
    else:
        view["estimatedCost"] = {"credits": 60}
        if job.state == "running":
            view["progress"] = 0.4
    return 200, view


def _luma_agents(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {
        "id": job.id,
        "type": "video",
        "model": "ray-3.2",
        "state": word,
        "created_at": "2026-11-20T10:00:00Z",
    }
    if _bad(job):
        code = "output_moderation" if job.state == "moderated" else "internal"
        view |= {"failure_code": code, "failure_reason": "failed: " + code}
    if _done(job):
        view["output"] = [{"type": "video", "url": fake.link(job)}]
    return 200, view


def _luma(job: FakeJob, word: Any, fake: Fake) -> Answer:
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
    if _bad(job):
        view["failure_reason"] = "Output frame moderation failed" if job.state == "moderated" else "internal error"
    if _done(job):
        view["assets"] = {"video": fake.link(job), "image": None}
    return 200, view


def _xai(job: FakeJob, word: Any, fake: Fake) -> Answer:
    if _bad(job):
        code = "output moderation" if job.state == "moderated" else "internal_error"
        return 200, {"status": word, "error": {"code": code, "message": "generation failed"}}
    if _done(job):
        video = {"url": fake.link(job), "duration": 5, "respect_moderation": True}
        return 200, {"status": word, "video": video, "model": "grok-imagine-video-1.5"}
    return 202, {"status": word}


def _xai_quiet(answer: Any) -> Any:
    return {**answer, "video": {**answer["video"], "respect_moderation": False}}


def _pixverse(job: FakeJob, word: Any, fake: Fake) -> Answer:
    word = 7 if job.state == "moderated" else word
    url = fake.link(job) if _done(job) else ""
    return 200, {
        "ErrCode": 0,
        "ErrMsg": "Success",
        "Resp": {"id": 1, "status": word, "url": url, "seed": job.body.get("seed")},
    }


def _pix_error(code: int, message: str) -> Answer:
    return 200, {"ErrCode": code, "ErrMsg": message, "Resp": None}


# --- aggregators ---


def _fal_urls(job: FakeJob, fake: Fake) -> dict[str, str]:
    at = f"{fake.origin}/fal-ai/wan/requests/{job.id}"
    return {"request_id": job.id, "response_url": at, "status_url": f"{at}/status", "cancel_url": f"{at}/cancel"}


def _fal(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"status": word, **_fal_urls(job, fake)}
    if _done(job) or _bad(job):
        view["metrics"] = {"inference_time": 41.5}
    if job.state in {"failed", "failed_4xx"}:
        view |= {"error": "worker crashed", "error_type": "internal_server_error"}
    return 200, view


def _fal_result(job: FakeJob, fake: Fake) -> Answer:
    if job.state == "moderated":
        detail = [{"loc": ["body", "prompt"], "msg": "flagged by a content checker: nsfw", "type": "nsfw"}]
        return 422, {"detail": detail}
    return 200, {"video": {"url": fake.link(job), "content_type": "video/mp4"}, "seed": job.body.get("seed")}


def _replicate(job: FakeJob, word: Any, fake: Fake) -> Answer:
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
    if _bad(job):
        view["error"] = "The output was flagged as sensitive (E005)" if job.state == "moderated" else "CUDA error"
    if _done(job):
        view |= {"output": fake.link(job), "metrics": {"predict_time": 31.25}}
        view |= {"started_at": "2026-11-20T10:00:05Z", "completed_at": "2026-11-20T10:00:45Z"}
    return 200, view


# --- Google ---


def _google_error(status: int, word: str, message: str) -> Answer:
    return status, {"error": {"code": status, "message": message, "status": word}}


_GOOGLE_ERRORS = {
    "rate": _google_error(429, "RESOURCE_EXHAUSTED", "quota exceeded for requests per minute"),
    "balance": _google_error(400, "FAILED_PRECONDITION", "billing is not enabled"),
    "auth": _google_error(401, "UNAUTHENTICATED", "API key not valid"),
    "moderated": _google_error(400, "INVALID_ARGUMENT", "the prompt violates our prohibited use policy"),
    "bad_request": _google_error(400, "INVALID_ARGUMENT", "duration is out of range"),
    "not_found": _google_error(404, "NOT_FOUND", "no such operation"),
}


def _omni_created(job: FakeJob, fake: Fake) -> Answer:
    video = {
        "type": "video",
        "mime_type": "video/mp4",
        "uri": f"{fake.origin}/v1beta/files/{job.id}:download?alt=media",
    }
    if "inline" in str(job.body.get("input", "")):
        from tests.fakes.hosted import clip_bytes

        video = {"type": "video", "mime_type": "video/mp4", "data": base64.b64encode(clip_bytes()).decode()}
    content: list[Any] = [video]
    if "forbidden" in str(job.body.get("input", "")):
        content = [{"type": "text", "text": "I cannot make this: it was blocked by safety filters."}]
    return 200, {
        "id": f"int-{job.id}",
        "object": "interaction",
        "status": "completed",
        "model": job.body.get("model"),
        "created": "2026-11-20T10:00:00Z",
        "updated": "2026-11-20T10:01:00Z",
        "steps": [{"type": "model_output", "content": content}],
        "usage": {"total_tokens": 46336},
    }


def _omni_file(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"name": f"files/{job.id}", "mimeType": "video/mp4", "state": word}
    if _bad(job):
        refused = "blocked by safety policy: output is sensitive" if job.state == "moderated" else "transcoding failed"
        view["error"] = {"code": 13, "message": refused}
    return 200, view


def _vertex_name(job: FakeJob) -> str:
    return (
        f"projects/fake-project/locations/us-central1/publishers/google/models/veo-3.1-generate-001/operations/{job.id}"
    )


def _vertex(job: FakeJob, word: Any, fake: Fake) -> Answer:
    view: dict[str, Any] = {"name": _vertex_name(job)}
    if _done(job):
        from tests.fakes.hosted import clip_bytes

        view |= {
            "done": True,
            "response": {"videos": [{"bytesBase64Encoded": base64.b64encode(clip_bytes()).decode()}]},
        }
        view["response"]["videos"][0]["mimeType"] = "video/mp4"
    elif job.state == "moderated":
        reasons = ["Veo could not generate videos because the output violates usage guidelines"]
        view |= {"done": True, "response": {"raiMediaFilteredCount": 1, "raiMediaFilteredReasons": reasons}}
    elif _bad(job):
        view |= {"done": True, "error": {"code": 13, "message": "internal error"}}
    return 200, view


def _made(**shape: Any) -> Callable[[FakeJob, Fake], Answer]:
    """A create answer: ``{id}`` in its strings is the job's."""

    def created(job: FakeJob, fake: Fake) -> Answer:
        return 200, json.loads(json.dumps(shape).replace("{id}", job.id))

    return created


PROTOCOLS: dict[str, Protocol] = {
    "openai": Protocol(
        card="openai-videos-local",
        env="VIDEO_SERVER_URL",
        key_env="VIDEO_SERVER_KEY",
        prefix="/v1",
        create_path="/videos",
        poll_path=r"/videos/(\w+)",
        content_path=r"/videos/(\w+)/content(?:\?.*)?",
        cancel=("DELETE", r"/videos/(\w+)"),
        words={"queued": "queued", "running": "in_progress", "succeeded": "completed", "failed": "failed"},
        created=lambda job, fake: _openai(job, "queued", fake),
        view=_openai,
        errors=_OPENAI_ERRORS,
    ),
    "kling": Protocol(
        card="kling-v3",
        env="KLING_BASE_URL",
        key_env="KLING_API_KEY",
        create_path="/v1/videos/text2video",
        poll_path=r"/v1/videos/text2video/(\w+)",
        words={"queued": "submitted", "running": "processing", "succeeded": "succeed", "failed": "failed"},
        created=_made(code=0, message="SUCCEED", data={"task_id": "{id}", "task_status": "submitted"}),
        view=_kling,
        errors={
            "rate": _kling_error(429, 1302, "too many requests"),
            "balance": _kling_error(429, 1102, "resource pack used up"),
            "auth": _kling_error(401, 1000, "authentication failed"),
            "moderated": _kling_error(400, 1301, "the prompt triggers the platform's content policy"),
            "bad_request": _kling_error(400, 1201, "invalid parameters"),
            "not_found": _kling_error(404, 1203, "task not found"),
        },
    ),
    "ark": Protocol(
        card="seedance-2.5-cn",
        env="ARK_CN_BASE_URL",
        key_env="ARK_CN_API_KEY",
        prefix="/api/v3",
        create_path="/contents/generations/tasks",
        poll_path=r"/contents/generations/tasks/([\w-]+)",
        cancel=("DELETE", r"/contents/generations/tasks/([\w-]+)"),
        words={
            "queued": "queued",
            "running": "running",
            "succeeded": "succeeded",
            "failed": "failed",
            "cancelled": "cancelled",
        },
        created=_made(id="{id}"),
        view=_ark,
        errors={
            "rate": (429, _status("RateLimitExceeded.EndpointRPMExceeded", "requests per minute exceeded")),
            "balance": (403, _status("AccountOverdueError", "the account has an overdue balance")),
            "auth": (401, _status("AuthenticationError", "the API key is missing or invalid")),
            "moderated": (400, _status("InputTextSensitiveContentDetected", "the input text may be sensitive")),
            "bad_request": (400, _status("InvalidParameter", "duration is not valid")),
            "not_found": (404, _status("InvalidTask.NotFound", "no such task")),
        },
        job_id=lambda number: f"cgt-20261120-{number:04d}",
    ),
    "zhipu": Protocol(
        card="cogvideox-3",
        env="ZAI_BASE_URL",
        key_env="ZAI_API_KEY",
        prefix="/api/paas/v4",
        create_path="/videos/generations",
        poll_path=r"/async-result/(\w+)",
        words={"queued": "PROCESSING", "running": "PROCESSING", "succeeded": "SUCCESS", "failed": "FAIL"},
        created=_made(id="{id}", request_id="r", model="cogvideox-3", task_status="PROCESSING"),
        view=_zhipu,
        errors={
            "rate": (429, _status("1302", "the rate limit of the account is reached")),
            "balance": (429, _status("1113", "insufficient balance, please recharge")),
            "auth": (401, _status("1000", "authentication failed")),
            "moderated": (400, _status("1301", "the input may contain unsafe or sensitive content")),
            "bad_request": (400, _status("1214", "invalid parameter")),
            "not_found": (404, _status("1222", "no such task")),
        },
    ),
    "dashscope": Protocol(
        card="wan-2.7",
        env="DASHSCOPE_BASE_URL",
        key_env="DASHSCOPE_API_KEY",
        prefix="/api/v1",
        create_path="/services/aigc/video-generation/video-synthesis",
        poll_path=r"/tasks/([\w-]+)",
        cancel=("POST", r"/tasks/([\w-]+)/cancel"),
        words={
            "queued": "PENDING",
            "running": "RUNNING",
            "succeeded": "SUCCEEDED",
            "failed": "FAILED",
            "cancelled": "CANCELED",
        },
        created=_made(request_id="r", output={"task_id": "{id}", "task_status": "PENDING"}),
        view=_dashscope,
        errors={
            "rate": _dash_error(429, "Throttling.RateQuota", "requests rate limit exceeded"),
            "balance": _dash_error(200, "Arrearage", "access denied, the account is in arrears"),
            "auth": _dash_error(401, "InvalidApiKey", "invalid API-key provided"),
            "moderated": _dash_error(200, "DataInspectionFailed", "input data may contain inappropriate content"),
            "bad_request": _dash_error(400, "InvalidParameter", "duration is not valid"),
            "not_found": _dash_error(404, "InvalidTaskId", "no such task"),
        },
    ),
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
        created=_made(task={"id": "{id}", "status": "queued"}, base_resp={"status_code": 0, "status_msg": "success"}),
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
        created=_made(task_id="{id}", base_resp={"status_code": 0, "status_msg": "success"}),
        view=_minimax1,
        hop=lambda job, fake: (200, _base(0, "success", file={"file_id": 1, "download_url": fake.link(job)})),
        errors=_MINIMAX_ERRORS,
    ),
    "tencent": Protocol(
        card="hunyuan-1.5-hosted",
        env="TENCENT_TOKENHUB_BASE_URL",
        key_env="TENCENT_TOKENHUB_API_KEY",
        create_path="/v1/api/video/submit",
        poll_path="/v1/api/video/query",
        poll_method="POST",
        words={"queued": "queued", "running": "processing", "succeeded": "completed", "failed": "failed"},
        created=_made(id="{id}", request_id="r", object="video", status="queued"),
        view=_tencent,
        errors={
            "rate": (429, _status("RequestLimitExceeded", "request limit exceeded")),
            "balance": (403, _status("ResourceInsufficient", "insufficient balance")),
            "auth": (401, _status("AuthFailure", "the key is not valid")),
            "moderated": (400, _status("InvalidParameter", "the prompt is sensitive")),
            "bad_request": (400, _status("InvalidParameter", "prompt too long")),
            "not_found": (404, _status("ResourceNotFound", "no such job")),
        },
    ),
    "vidu": Protocol(
        card="vidu-q3-turbo",
        env="VIDU_BASE_URL",
        key_env="VIDU_API_KEY",
        key_form="Token {key}",
        create_path="/ent/v2/text2video",
        poll_path=r"/ent/v2/tasks/(\w+)/creations",
        cancel=("POST", r"/ent/v2/tasks/(\w+)/cancel"),
        words={"queued": "queueing", "running": "processing", "succeeded": "success", "failed": "failed"},
        created=_made(task_id="{id}", state="created", model="viduq3-turbo", credits=40),
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
    "runway": Protocol(
        card="gen-4.5",
        env="RUNWAYML_BASE_URL",
        key_env="RUNWAYML_API_SECRET",
        create_path="/v1/text_to_video",
        poll_path=r"/v1/tasks/([\w-]+)",
        needs={"X-Runway-Version": "2024-11-06"},
        words={"queued": "THROTTLED", "running": "RUNNING", "succeeded": "SUCCEEDED", "failed": "FAILED"},
        created=_made(id="{id}"),
        view=_runway,
        errors={
            "rate": (429, {"error": "the daily task limit is reached"}),
            "balance": (400, {"error": "You do not have enough credits to run this task."}),
            "auth": (401, {"error": "API key is not valid"}),
            "moderated": (400, {"error": "moderated", "failureCode": "SAFETY.INPUT.TEXT"}),
            "bad_request": (400, {"error": "Validation of body failed"}),
            "not_found": (404, {"error": "task not found"}),
        },
        job_id=lambda number: f"17f20503-6c24-4c16-946b-{number:012d}",
    ),
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
    "xai": Protocol(
        card="grok-imagine-1.5",
        env="XAI_BASE_URL",
        key_env="XAI_API_KEY",
        prefix="/v1",
        create_path="/videos/generations",
        poll_path=r"/videos/(\w+)",
        words={"queued": "pending", "running": "pending", "succeeded": "done", "failed": "failed"},
        created=_made(request_id="{id}"),
        view=_xai,
        errors={
            "rate": (429, {"code": "too many", "error": "rate limit reached"}),
            "balance": (403, {"code": "denied", "error": "your team has used all available credits"}),
            "auth": (401, {"code": "invalid", "error": "incorrect API key provided"}),
            "moderated": (400, {"code": "invalid-argument", "error": "the request was rejected by content moderation"}),
            "bad_request": (400, {"code": "invalid-argument", "error": "duration"}),
            "not_found": (404, {"code": "not-found", "error": "no such request"}),
        },
        quiet_refusal=_xai_quiet,
    ),
    "pixverse": Protocol(
        card="pixverse-v6",
        env="PIXVERSE_BASE_URL",
        key_env="PIXVERSE_API_KEY",
        key_header="api-key",
        key_form="{key}",
        prefix="/openapi/v2",
        create_path="/video/text/generate",
        poll_path=r"/video/result/(\w+)",
        words={"queued": 5, "running": 5, "succeeded": 1, "failed": 8},
        created=_made(ErrCode=0, ErrMsg="Success", Resp={"video_id": "{id}"}),
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
    "fal": Protocol(
        card="fal-wan-2.2-a14b",
        env="FAL_QUEUE_BASE_URL",
        key_env="FAL_KEY",
        key_form="Key {key}",
        create_path="/fal-ai/wan/v2.2-a14b/text-to-video",
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
    "omni": Protocol(
        card="gemini-omni-1.2-flash",
        env="GEMINI_BASE_URL",
        key_env="GEMINI_API_KEY",
        key_header="x-goog-api-key",
        key_form="{key}",
        create_path="/v1beta/interactions",
        poll_path=r"/v1beta/files/(\w+)",
        hop_path=r"/v1beta/interactions/int-(\w+)",
        hop=_omni_created,
        content_path=r"/v1beta/files/(\w+):download\?alt=media",
        words={"queued": "PROCESSING", "running": "PROCESSING", "succeeded": "ACTIVE", "failed": "FAILED"},
        created=_omni_created,
        view=_omni_file,
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
