"""Gemini Omni: an interaction in the background, asked for by its id until it names a file, then the file."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
import re
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from vbench.adapters import download as downloads
from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.http.options import Hop, HttpOptions
from vbench.adapters.http.reader import ASK_LATER_S, ended
from vbench.adapters.response import Response
from vbench.adapters.templates import first
from vbench.catalog.cards import ModelCard
from vbench.errors import BenchError, JobError
from vbench.files import written_whole
from vbench.records import Handle, Provenance, Status
from vbench.schema import Strict

_FILE = re.compile(r"files/([A-Za-z0-9_-]+)")
REFUSED = r"/safety|prohibited|polic(y|ies)|blocked|sensitive/"
ENDS_WITHOUT = ("completed", "failed", "cancelled", "incomplete", "budget_exceeded", "requires_action")
"""States of an interaction in which no clip will come any more where it holds none."""
FILE_STATES = ("$.state", "$.file.state")


class GeminiOptions(Strict):
    """The `options` of a card whose adapter is ``gemini``."""

    base_url: str
    key: str
    """``${GEMINI_API_KEY}``."""
    model: str
    every_s: float = Field(default=5.0, gt=0)
    typical_s: float | None = None
    timeout_s: float = Field(default=1800.0, gt=0)
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

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Download the file, or take the clip that the answer itself held.

        Raises:
            JobError: code ``download_failed``, or ``empty_result`` where what came is not a video.
            BenchError: the disk is full.
        """
        if "spooled" not in handle.data.get("keep", {}):
            return super().fetch(handle, out)
        spool = Path(handle.data["keep"]["spooled"])
        if not spool.is_file():  # taken by a run that was killed, or put on another machine
            spool = Path(self._again(handle).data["keep"].get("spooled", ""))
        if not spool.is_file():
            raise JobError(
                f"{self.card.id}: {spool} is gone, and the tool no longer holds the clip", code="download_failed"
            )
        path = downloads.save(_chunks(spool), out, model=self.card.id)
        spool.unlink(missing_ok=True)
        return path, self._provenance(handle)

    def _normal(self, response: Response) -> Response:
        """An interaction with its clip named; one that came to an end without a clip has failed."""
        if not isinstance(response.json, Mapping) or "status" not in response.json:
            return response
        plain = {key: response.json.get(key) for key in ("id", "status", "model", "created", "usage", "error")}
        video = next(_videos(response.json), None)
        if video is not None:
            plain |= self._place_of(video)
        elif str(plain["status"]) in ENDS_WITHOUT:
            words = _words(response.json)
            if re.search(REFUSED.strip("/"), words, re.IGNORECASE):
                plain["error"] = {"status": "FILTERED", "message": words}
            plain |= {"status": "failed", "error": plain["error"] or {"status": "NO_CLIP", "message": words}}
        return replace(response, json=plain)

    def _place_of(self, video: Mapping[str, Any]) -> dict[str, Any]:
        """Where the clip of an answer is; one that the answer holds is put on disk.

        Raises:
            BenchError: it finds no room there.
        """
        if video.get("data"):
            try:
                return {"spooled": str(_spool(str(video["data"]), self.card.id))}
            except JobError as error:
                return {"status": "failed", "error": {"status": "NO_CLIP", "message": str(error)}}
        file = _FILE.search(str(video.get("uri", "")))
        if file is None:
            why = "the clip lies at an address that is no file of the interface; fetch it by hand"
            return {"status": "failed", "error": {"status": "NO_CLIP", "message": why}}
        return {"file": file[1]}

    def _hopped(self, hop: Hop, handle: Handle) -> Status:
        """Done once its file is ready, or where the answer held the clip."""
        if "spooled" in handle.data.get("keep", {}):
            return Status(state="succeeded", handle=handle)
        try:
            response = self._call(hop, handle)
        except JobError as error:
            return Status(state="running", message=str(error), retry_after_s=ASK_LATER_S)
        state = first(FILE_STATES, response.json)
        if state == "PROCESSING":
            return Status(state="running", handle=handle, retry_after_s=self.options.poll.every_s)
        if state == "FAILED":
            _, message, reason = self._reader.complaint(response)
            is_refused = reason in {"moderated_input", "moderated_output"}  # a file is output, whatever the words
            return ended("failed", "moderated_output" if is_refused else reason or "provider_error", message)
        return self._reader.hopped(hop, response, handle)

    def _result_url(self, handle: Handle) -> str:
        return f"{self._connected().base_url}/v1/files/{handle.data['keep']['file']}:download?alt=media"


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
    config: dict[str, Any] = {"seed": "{seed:int}"} if card.capabilities.seed else {}
    pictures = [
        {"type": "image", "data": f"{{{name}:base64?}}", "mime_type": f"{{{name}:mime?}}"}
        for name in ("image", "reference")
    ]
    return HttpOptions.model_validate(
        {
            "base_url": own.base_url,
            "auth": {"header": "x-goog-api-key", "value": own.key},
            "create": {
                "path": "/v1/interactions",
                "body": {
                    "model": own.model,
                    "background": True,
                    "input": [{"type": "user_input", "content": [{"type": "text", "text": "{prompt}"}, *pictures]}],
                    "response_format": {
                        "type": "video",
                        "aspect_ratio": "{ratio}",
                        "resolution": "{tier}",
                        "duration": "{seconds:str}s",
                        "delivery": "uri",
                    },
                    **({"generation_config": config} if config else {}),
                },
                "with_frames": {"body": {"generation_config": {"video_config": {"task": "image_to_video"}}}},
                "id": "$.id",
            },
            "poll": {
                "path": "/v1/interactions/{id}",
                "every_s": own.every_s,
                "timeout_s": own.timeout_s,
                "typical_s": own.typical_s,
                "state": "$.status",
                "states": {
                    "queued": "queued",
                    "in_progress": "running",
                    "idle": "running",
                    "completed": "succeeded",
                    "failed": "failed",
                },
                "keep": {"file": "$.file", "spooled": "$.spooled"},
            },
            "result": {
                "hop": {"path": "/v1/files/{file}", "url": ["$.name", "$.file.name"]},
                "with_key": True,
                "meta": {"version": "$.model"},
            },
            "errors": {
                "code": ["$.error.status", "$.error.code", "$.errors[0].code"],
                "message": ["$.error.message", "$.errors[0].message"],
                "reasons": {
                    "FILTERED": "moderated_output",
                    "NO_CLIP": "empty_result",
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
