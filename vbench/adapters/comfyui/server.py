"""What a ComfyUI server says of a job: how far it is, its end, its files, and why there are none."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from vbench.files import VIDEO_SUFFIXES
from vbench.records import Reason, Status

OUTPUT_LISTS = ("videos", "gifs", "images")
"""Savers disagree on the name: SaveVideo lists its file under images, others under gifs or videos."""
CACHE_TRAP = (
    "ComfyUI had this very graph and seed in its cache and made nothing new; "
    "let the card free the cache (options.free_cache: true), or ask for another seed"
)


def ended(model: str, entry: Mapping[str, Any]) -> Status:
    """What the history says of a job that has come to its end."""
    messages = dict(messages_of(entry))
    if "execution_interrupted" in messages:
        return Status(state="cancelled", message="interrupted at the server")
    if (error := messages.get("execution_error")) is not None:
        words = f"{error.get('node_type', 'a node')}: {error.get('exception_message', 'no message')}".strip()
        reason: Reason = "out_of_memory" if "out of memory" in words.lower() else "provider_error"
        return Status(state="failed", reason=reason, message=f"{model}: {words}"[:1000])
    if entry.get("status", {}).get("status_str") == "error":
        return Status(state="failed", reason="provider_error", message=f"{model}: failed without a message")
    if next(videos_of(entry), None) is None:
        return Status(state="failed", reason="empty_result", message=f"{model}: {why_no_video(entry)}")
    return Status(state="succeeded")


def videos_of(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Files with a video's suffix among a history entry's outputs, finished ones before previews."""
    files = [
        file
        for outputs in entry.get("outputs", {}).values()
        for name in OUTPUT_LISTS
        for file in outputs.get(name, ())
        if isinstance(file, dict) and str(file.get("filename", "")).lower().endswith(VIDEO_SUFFIXES)
    ]
    yield from sorted(files, key=lambda file: file.get("type") == "temp")


def messages_of(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """What the server noted while it ran: (event, facts)."""
    for message in entry.get("status", {}).get("messages", ()):
        if isinstance(message, list | tuple) and len(message) == 2:
            yield str(message[0]), message[1]


def why_no_video(entry: Mapping[str, Any]) -> str:
    """Why a graph that ran to its end left no video."""
    cached = dict(messages_of(entry)).get("execution_cached", {}).get("nodes", ())
    if cached and not any(entry.get("outputs", {}).values()):
        return CACHE_TRAP
    return "the graph saved no video; does it end in SaveVideo or a node like it?"


def refusal(body: Any) -> str:
    """What is wrong with the graph: the first node's error, in the server's words."""
    if not isinstance(body, dict):
        return ""
    for node, errors in (body.get("node_errors") or {}).items():
        for error in errors.get("errors", ()):
            words = f"{error.get('message', '')}: {error.get('details', '')}"
            return f"node {node} ({errors.get('class_type', '?')}): {words}"
    error = body.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else str(error or "")


class Progress:
    """Follows a server's websocket in the background; without one there is merely no progress to show."""

    def __init__(self) -> None:
        self._share: dict[str, float] = {}
        self._socket: Any = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def of(self, job: str) -> float | None:
        """0 to 1; None: not told."""
        return self._share.get(job)

    def follow(self, base_url: str, client: str) -> None:
        """Connect, unless connected."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            url = base_url.replace("http", "ws", 1) + f"/ws?clientId={client}"
            self._thread = threading.Thread(target=self._listen, args=(url,), name="vbench-comfyui", daemon=True)
            self._thread.start()

    def _listen(self, url: str) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        with (
            suppress(OSError, WebSocketException),
            connect(url, open_timeout=5, close_timeout=2, max_size=64 * 2**20, proxy=None) as socket,
        ):
            self._socket = socket
            for message in socket:
                if isinstance(message, str):  # binary messages are previews
                    self._take(message)

    def _take(self, message: str) -> None:
        with suppress(ValueError, KeyError, TypeError, ZeroDivisionError):
            event = json.loads(message)
            if event["type"] == "progress":
                data = event["data"]
                self._share[data["prompt_id"]] = min(1.0, data["value"] / data["max"])

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
