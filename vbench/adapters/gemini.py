"""Gemini Omni: one blocking call that answers with a file, then the Files interface until the file is ready."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from vbench.adapters import download as downloads
from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.http.options import HttpOptions
from vbench.adapters.http.reader import ended
from vbench.adapters.response import Response
from vbench.adapters.wire import unknown
from vbench.catalog.cards import ModelCard
from vbench.errors import BenchError, JobError
from vbench.files import written_whole
from vbench.records import Handle, Plan, Provenance, Reason, Status
from vbench.schema import Strict

_FILE = re.compile(r"files/([A-Za-z0-9_-]+)")
REFUSED = r"/safety|prohibited|polic(y|ies)|blocked|sensitive/"


class GeminiOptions(Strict):
    """The `options` of a card whose adapter is ``gemini``."""

    base_url: str
    key: str
    """``${GEMINI_API_KEY}``."""
    model: str
    every_s: float = Field(default=2.0, gt=0)
    typical_s: float | None = None
    blocking_s: float = Field(default=900.0, gt=0)
    """How long the create call may be silent."""
    timeout_s: float = Field(default=900.0, gt=0)
    max_bytes: int = Field(default=2 * 2**30, gt=0)


class GeminiAdapter(HttpAdapter):
    """Gemini Omni through the interactions interface."""

    options_model = GeminiOptions

    def __init__(self, card: ModelCard, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Check the card's options; nothing is connected to.

        Raises:
            CatalogError: an option is unknown or wrong.
        """
        super().__init__(card, options=_protocol(card, card.options_as(GeminiOptions)), sleep=sleep)

    def submit(self, plan: Plan) -> Handle:
        """Send the one request and wait for its answer; an answer that holds the clip itself is kept on disk.

        Raises:
            AuthError: no key, or it was refused.
            NotStartedError: nothing began.
            JobError: refused, no clip came of it, or its outcome is unknown.
        """
        self.card.refuse_if_retired()
        response = self._post(plan)
        code, message, reason = self._reader.complaint(response)
        if not response.ok:
            raise self._refusal(response, code, message)
        if not isinstance(response.json, Mapping) or "id" not in response.json:
            raise unknown(self.card.id, f"HTTP {response.status} without an interaction id: {response.text or 'empty'}")
        job, _ = self._fit(response.json["id"], {})
        video = next(_videos(response.json), None)
        if video is None and response.json.get("status") not in {"in_progress", "queued"}:
            words = _words(response.json)
            if (why := reason or _reason(words)) != "empty_result":  # that may be paid for: it is asked for again
                raise JobError(f"{self.card.id}: {words}", code=why)
        try:
            place = self._place_of(video, response) if video else {"keep": {}}
        except (BenchError, JobError):  # a full disk or a damaged clip: it is paid for, and asked for again
            place = {"keep": {}}
        data = {
            "submitted_at": time.time(),
            "sent": plan.body,
            "seed": plan.request.seed if self.card.capabilities.seed else None,
            "estimate_usd": plan.cost_usd,
            "warnings": list(plan.warnings),
            **place,
        }
        return Handle(id=job, data=data)

    def poll(self, handle: Handle) -> Status:
        """Ask for the file; where the call came back early, for the interaction."""
        if "spooled" in handle.data:
            return Status(state="succeeded", handle=handle)
        if handle.data.get("keep", {}).get("file"):
            file_status = super().poll(handle)
            is_refused = file_status.reason == "moderated_input"  # a file is output, whatever the words
            return ended("failed", "moderated_output", file_status.message) if is_refused else file_status
        try:
            response = self._connected().get(f"/v1beta/interactions/{handle.id}")
        except JobError as error:
            return Status(state="running", message=str(error), retry_after_s=self.options.poll.every_s)
        video = next(_videos(response.json), None)
        if video is not None:
            try:
                place = self._place_of(video, response)
            except JobError as error:
                return ended("failed", "empty_result", str(error))
            data = {**handle.data, **place}
            return Status(state="running", handle=Handle(id=handle.id, data=data), retry_after_s=0.0)
        status = str((response.json or {}).get("status", "in_progress"))
        if status in {"failed", "cancelled", "incomplete", "completed", "budget_exceeded"}:
            _, _, reason = self._reader.complaint(response)
            words = _words(response.json)
            return ended("failed", reason or _reason(words), words)
        return self._in_time(handle, Status(state="running", retry_after_s=self.options.poll.every_s))

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Download the file, or take the clip that the answer itself held."""
        if "spooled" not in handle.data:
            return super().fetch(handle, out)
        spool = Path(handle.data["spooled"])
        if not spool.is_file():  # taken by a run that was killed, or put on another machine
            spool = self._spooled_again(handle)
        path = downloads.save(_chunks(spool), out, model=self.card.id)
        spool.unlink(missing_ok=True)
        return path, self._provenance(handle)

    def _spooled_again(self, handle: Handle) -> Path:
        data = {name: value for name, value in handle.data.items() if name != "spooled"}
        fresh = self.poll(Handle(id=handle.id, data=data)).handle
        if fresh is None or "spooled" not in fresh.data:
            raise JobError(
                f"{self.card.id}: {handle.data['spooled']} is gone, and the tool no longer holds the clip",
                code="download_failed",
            )
        return Path(fresh.data["spooled"])

    def _place_of(self, video: Mapping[str, Any], response: Response) -> dict[str, Any]:
        """Where the clip of an answer is, for the handle."""
        final = {key: response.json.get(key) for key in ("model", "created", "usage")}
        if video.get("data"):
            return {"keep": {}, "spooled": str(_spool(str(video["data"]), self.card.id)), "final": final}
        file = _FILE.search(str(video.get("uri", "")))
        if file is None:
            raise JobError(
                f"{self.card.id}: the clip lies at an address that is no file of the interface; fetch it by hand",
                code="download_failed",
            )
        return {"keep": {"file": file[1]}, "final": final}

    def _result_url(self, handle: Handle) -> str:
        return f"{self._connected().base_url}/v1beta/files/{handle.data['keep']['file']}:download?alt=media"


def _videos(value: Any) -> Iterator[Mapping[str, Any]]:
    """Every video block of an answer, wherever it lies."""
    if isinstance(value, Mapping):
        if value.get("type") == "video" and (value.get("uri") or value.get("data")):
            yield value
        for key, inner in value.items():
            if key not in {"input", "response_format"}:
                yield from _videos(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _videos(inner)


def _words(response: Any) -> str:
    """Why an interaction brought no clip, in its own words."""
    words: list[str] = []

    def collect(value: Any) -> None:
        if isinstance(value, Mapping):
            words.extend(str(value[key]) for key in ("message", "text") if isinstance(value.get(key), str))
            for key, inner in value.items():
                if key != "input":
                    collect(inner)
        elif isinstance(value, list):
            for inner in value:
                collect(inner)

    collect(response)
    status = response.get("status", "") if isinstance(response, Mapping) else ""
    return f"interaction {status or 'without a status'}, no clip: {'; '.join(words) or 'no reason given'}"[:500]


def _reason(words: str) -> Reason:
    """A finished interaction without a clip was refused where its words speak of rules."""
    return "moderated_output" if re.search(REFUSED.strip("/"), words, re.IGNORECASE) else "empty_result"


def _spool(data: str, model: str) -> Path:
    """Put a clip that came inside an answer on disk at once: it is paid for, and the journal is no place for it."""
    try:
        raw = base64.b64decode(data, validate=True)
    except binascii.Error:
        raise JobError(f"{model}: the answer's clip is not base64", code="empty_result") from None
    folder = Path(os.environ.get("VBENCH_SPOOL") or Path(tempfile.gettempdir()) / "vbench-spool")
    path = folder / f"{hashlib.sha256(raw).hexdigest()}.bin"
    try:
        with written_whole(path) as part:
            part.write_bytes(raw)
    except OSError as error:
        raise BenchError(
            f"{folder}: the clip in the answer cannot be kept ({error.strerror}); set VBENCH_SPOOL"
        ) from None
    return path


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(downloads.CHUNK):
            yield chunk


def _protocol(card: ModelCard, own: GeminiOptions) -> HttpOptions:
    """The protocol in the words of the http adapter."""
    config: dict[str, Any] = {"video_config": {"task": "text_to_video"}}
    if card.capabilities.seed:
        config["seed"] = "{seed:int}"
    return HttpOptions.model_validate(
        {
            "base_url": own.base_url,
            "auth": {"header": "x-goog-api-key", "value": own.key},
            "timeout_s": own.blocking_s,
            "create": {
                "path": "/v1beta/interactions",
                "body": {
                    "model": own.model,
                    "input": "{prompt}",
                    "response_format": {
                        "type": "video",
                        "aspect_ratio": "{ratio}",
                        "resolution": "{tier}",
                        "duration": "{seconds:str}s",
                        "delivery": "uri",
                    },
                    "generation_config": config,
                },
                "id": "$.id",
                "keep": {"file": "$.file"},
            },
            "poll": {
                "path": "/v1beta/files/{file}",
                "every_s": own.every_s,
                "timeout_s": own.timeout_s,
                "typical_s": own.typical_s,
                "state": ["$.state", "$.file.state"],
                "states": {"PROCESSING": "running", "ACTIVE": "succeeded", "FAILED": "failed"},
            },
            "result": {"url": ["$.name", "$.file.name"], "with_key": True, "meta": {"version": "$.model"}},
            "errors": {
                "code": ["$.error.status", "$.error.code", "$.errors[0].code"],
                "message": ["$.error.message", "$.errors[0].message"],
                "reasons": {
                    "RESOURCE_EXHAUSTED": "rate_limited",
                    "UNAUTHENTICATED": "auth",
                    "PERMISSION_DENIED": "auth",
                    "FAILED_PRECONDITION": "no_balance",
                    "NOT_FOUND": "model_retired",
                    REFUSED: "moderated_input",
                    "INVALID_ARGUMENT": "bad_request",
                },
            },
            "max_bytes": own.max_bytes,
        }
    )
