"""A ComfyUI server: its API-format graph with the wishes written into the nodes that the card names.

Progress comes over the server's websocket where that can be reached; everything else is plain HTTP.
"""

from __future__ import annotations

import copy
import json
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
from pydantic import BaseModel, ConfigDict, Field

from vbench.adapters import download as downloads
from vbench.adapters.diffusers_options import FrameRule
from vbench.adapters.wire import Auth, Wire, origin
from vbench.catalog.wishes import Granted, grant
from vbench.errors import JobError, NotStartedError
from vbench.records import Handle, Plan, Provenance, Request, Status, digest

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard

VIDEO_SUFFIXES = (".mp4", ".webm", ".mov", ".mkv", ".gif", ".webp", ".avi")
OUTPUT_LISTS = ("videos", "gifs", "images")
"""Savers disagree on the name: SaveVideo lists its file under images, others under gifs or videos."""
CACHE_TRAP = (
    "ComfyUI had this very graph and seed in its cache and made nothing new; "
    "let the card free the cache (options.free_cache: true), or ask for another seed"
)


class Node(BaseModel):
    """An input of a node of the graph."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    node: str
    input: str


class ComfyUIOptions(BaseModel):
    """The `options` of a card whose adapter is ``comfyui``."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    base_url: str = "${COMFYUI_URL:-http://127.0.0.1:8188}"
    auth: dict[str, str] | None = None
    """``{header: ..., value: "Bearer ${KEY}"}`` for a server behind a proxy."""
    workflow: str | dict[str, Any]
    """The graph, exported as "API format": a file beside the card, or written out."""
    nodes: dict[str, Node]
    """Wish → where it goes: prompt, negative, seed, width, height, frames, fps, seconds, image."""
    frames: FrameRule = Field(default_factory=FrameRule)
    free_cache: bool = True
    """Free the server's cache before each job: cached nodes would make timings, and seeds, meaningless."""
    every_s: float = Field(default=2.0, gt=0)
    timeout_s: float = Field(default=3600.0, gt=0)


class ComfyUIAdapter:
    """Queues the graph, asks for its history, and downloads the video it saved."""

    def __init__(self, card: ModelCard) -> None:
        self.card = card
        self.options = card.options_as(ComfyUIOptions)
        self._graph = self._read_graph()
        self._client = uuid.uuid4().hex
        self._wire: Wire | None = None
        self._progress = Progress()

    # --- the verbs ------------------------------------------------------------------------------------------------

    def plan(self, request: Request) -> Plan:
        """The graph that will be queued."""
        granted = grant(self.card, request)
        warnings = list(granted.warnings)
        values = self._values(request, granted)
        for wish, what in (("negative", "negative prompt"), ("image", "first frame"), ("seed", "seed")):
            if values.get(wish) not in (None, "") and wish not in self.options.nodes:
                warnings.append(f"the graph has no place for a {what}; it is left out")
        graph = copy.deepcopy(self._graph)
        for wish, place in self.options.nodes.items():
            if values.get(wish) is not None:
                graph[place.node]["inputs"][place.input] = values[wish]
        body: dict[str, Any] = {"prompt": graph}
        return Plan(
            model=self.card.id,
            adapter="comfyui",
            request=request,
            body=body,
            identity={"body": body},
            warnings=tuple(warnings),
            cost_usd=0.0,
        )

    def submit(self, plan: Plan) -> Handle:
        """Queue the graph under an id of ours, so that it can be found even where the answer was lost.

        Raises:
            NotStartedError: the server was not reached, or does not have it.
            JobError: the server refuses the graph; the message names the node.
        """
        wire, job = self._connected(), uuid.uuid4().hex
        graph = copy.deepcopy(dict(plan.body["prompt"]))
        if plan.request.prompt.image and "image" in self.options.nodes:
            place = self.options.nodes["image"]
            graph[place.node]["inputs"][place.input] = self._upload(wire, Path(plan.request.prompt.image))
        if self.options.free_cache:
            wire.post_once("/free", json_body={"unload_models": False, "free_memory": True})
        self._progress.follow(wire.base_url, self._client)
        try:
            answer = wire.post_once("/prompt", json_body={"prompt": graph, "client_id": self._client, "prompt_id": job})
        except NotStartedError:
            raise
        except JobError as error:
            if self._state(wire, job) is None:
                raise NotStartedError(f"{error}; the server does not have it", code="provider_error") from None
        else:
            if not answer.ok:
                raise JobError(f"{self.card.id}: {_refusal(answer.json) or answer.text}", code="bad_request")
            job = str((answer.json or {}).get("prompt_id") or job)
        data = {"queued": time.time(), "prompt_sent": plan.request.text, "body": dict(plan.body)}
        return Handle(id=job, data=data | {"seed": plan.request.seed, "warnings": list(plan.warnings)})

    def poll(self, handle: Handle) -> Status:
        """What history and queue say."""
        wire = self._connected()
        found = self._state(wire, handle.id)
        every = self.options.every_s
        if found is None:
            if time.time() - handle.data["queued"] < 2 * every:  # between queue and history for a moment
                return Status(state="submitted", retry_after_s=every)
            message = f"{self.card.id}: the server no longer knows this job; was it restarted?"
            return Status(state="failed", reason="provider_error", message=message)
        if isinstance(found, str):
            state = "running" if found == "running" else "submitted"
            progress = self._progress.of(handle.id)
            return Status(state=state, progress=progress, retry_after_s=every)  # type: ignore[arg-type]
        return self._ended(found)

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Download the newest video that the graph saved.

        Raises:
            JobError: there is none, or it cannot be downloaded.
        """
        wire = self._connected()
        entry = self._state(wire, handle.id)
        if not isinstance(entry, Mapping):
            raise JobError(f"{self.card.id}: the server's history has lost this job", code="download_failed")
        file = next(videos_of(entry), None)
        if file is None:
            raise JobError(f"{self.card.id}: {_nothing(entry)}", code="empty_result")
        query = httpx.QueryParams({key: file.get(key, "") for key in ("filename", "subfolder", "type")})
        headers, _ = wire.credentials()
        with downloads.client(local=True) as http:
            path = downloads.download(
                f"{wire.base_url}/view?{query}",
                out,
                model=self.card.id,
                http=http,
                local=True,
                key_headers=headers,
                key_origin=origin(wire.base_url),
            )
        return path, self._provenance(handle, entry, str(file["filename"]))

    def cancel(self, handle: Handle) -> bool:
        """Take it off the queue, or interrupt it where it runs."""
        wire = self._connected()
        found = self._state(wire, handle.id)
        if found == "queued":
            return wire.post_once("/queue", json_body={"delete": [handle.id]}).ok
        if found == "running":
            return wire.post_once("/interrupt", json_body={"prompt_id": handle.id}).ok
        return False

    def close(self) -> None:
        """Close the connections."""
        self._progress.close()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # --- the graph ------------------------------------------------------------------------------------------------

    def _read_graph(self) -> dict[str, Any]:
        graph: Any = self.options.workflow
        if isinstance(graph, str):
            path = (self.card.path.parent / graph).expanduser()
            try:
                graph = json.loads(path.read_text(encoding="utf-8"))
            except (OSError, ValueError) as error:
                message = f"options.workflow: {path} cannot be read ({error}); export the graph with Save (API Format)"
                raise self.card.complaint(message, "options", "workflow") from None
        nodes = graph.values() if isinstance(graph, dict) else ()
        if not nodes or not all(isinstance(n, dict) and "class_type" in n and "inputs" in n for n in nodes):
            raise self.card.complaint(
                "options.workflow: not a graph in API format (node id → class_type and inputs); "
                "export it with Save (API Format), not Save",
                "options", "workflow",
            )  # fmt: skip
        if "prompt" not in self.options.nodes:
            raise self.card.complaint("options.nodes: say where the prompt goes", "options", "nodes")
        known = {"prompt", "negative", "seed", "width", "height", "frames", "fps", "seconds", "image"}
        for wish, place in self.options.nodes.items():
            if wish not in known:
                raise self.card.complaint(
                    f"options.nodes: {wish!r} is no wish; there are {', '.join(sorted(known))}", "options", "nodes"
                )
            if place.node not in graph or place.input not in graph[place.node]["inputs"]:
                message = f"options.nodes.{wish}: the graph has no node {place.node!r} with an input {place.input!r}"
                raise self.card.complaint(message, "options", "nodes")
        return dict(graph)

    def _values(self, request: Request, granted: Granted) -> dict[str, Any]:
        fps = granted.fps or self.card.defaults.fps
        frames = self.options.frames.nearest(granted.seconds * fps) if granted.seconds and fps else None
        return {
            "prompt": granted.text,
            "negative": granted.negative or None,
            "seed": request.seed,
            "width": granted.width,
            "height": granted.height,
            "frames": frames,
            "fps": fps,
            "seconds": granted.seconds,
            "image": _image_name(Path(request.prompt.image)) if request.prompt.image else None,
        }

    def _upload(self, wire: Wire, image: Path) -> str:
        try:
            content = image.read_bytes()
        except OSError as error:
            raise JobError(
                f"{image}: cannot be read ({error.strerror}); check the prompt's image", code="bad_request"
            ) from None
        files = {"image": (_image_name(image), content, "application/octet-stream")}
        answer = wire.post_once("/upload/image", form={"overwrite": "true"}, files=files)
        if not answer.ok:
            raise JobError(f"{self.card.id}: the first frame was refused ({answer.text})", code="bad_request")
        return str((answer.json or {}).get("name", _image_name(image)))

    # --- the server -----------------------------------------------------------------------------------------------

    def _connected(self) -> Wire:
        if self._wire is None:
            auth = Auth(**self.options.auth) if self.options.auth else None
            self._wire = Wire(model=self.card.id, base_url=self.options.base_url, auth=auth)
        return self._wire

    def _state(self, wire: Wire, job: str) -> Mapping[str, Any] | str | None:
        """Its history entry where it has ended, else ``running`` or ``queued``; None: the server has no such job."""
        if (entry := self._entry(wire, job)) is not None:
            return entry
        queue = wire.get("/queue").json
        for name, state in (("queue_running", "running"), ("queue_pending", "queued")):
            if isinstance(queue, dict) and any(job in item[:2] for item in queue.get(name, ())):
                return state
        return self._entry(wire, job)  # it may have ended between the two questions

    def _entry(self, wire: Wire, job: str) -> Mapping[str, Any] | None:
        history = wire.get(f"/history/{job}").json
        return history[job] if isinstance(history, dict) and isinstance(history.get(job), dict) else None

    def _ended(self, entry: Mapping[str, Any]) -> Status:
        messages = dict(_messages(entry))
        if "execution_interrupted" in messages:
            return Status(state="cancelled", message="interrupted at the server")
        if (error := messages.get("execution_error")) is not None:
            said = f"{error.get('node_type', 'a node')}: {error.get('exception_message', 'no message')}".strip()
            memory = "out of memory" in said.lower()
            reason: Any = "out_of_memory" if memory else "provider_error"
            return Status(state="failed", reason=reason, message=f"{self.card.id}: {said}"[:1000])
        if entry.get("status", {}).get("status_str") == "error":
            return Status(state="failed", reason="provider_error", message=f"{self.card.id}: failed without a message")
        if next(videos_of(entry), None) is None:
            return Status(state="failed", reason="empty_result", message=f"{self.card.id}: {_nothing(entry)}")
        return Status(state="succeeded")

    def _provenance(self, handle: Handle, entry: Mapping[str, Any], filename: str) -> Provenance:
        messages = dict(_messages(entry))
        stamps = {name: data.get("timestamp") for name, data in messages.items() if isinstance(data, dict)}
        started, ended = stamps.get("execution_start"), stamps.get("execution_success")
        cached = [str(node) for node in messages.get("execution_cached", {}).get("nodes", ())]
        warnings = list(handle.data["warnings"])
        work_s = (ended - started) / 1000 if started and ended else None
        if cached:
            warnings.append(f"{len(cached)} nodes came from the server's cache: the time it took says nothing")
            work_s = None
        return Provenance(
            origin="generated",
            source=self._connected().base_url,
            prompt_sent=handle.data["prompt_sent"],
            seed=handle.data["seed"] if "seed" in self.options.nodes else None,
            seed_honoured=True if "seed" in self.options.nodes else None,
            body=handle.data["body"],
            work_s=work_s,
            queue_s=max(0.0, started / 1000 - handle.data["queued"]) if started else None,
            cost_usd=0.0,
            licence=self.card.licence.weights,
            warnings=tuple(warnings),
            extra={"workflow": digest(self._graph), "file": filename, "cached_nodes": cached},
        )


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
            found = json.loads(message)
            if found["type"] == "progress":
                data = found["data"]
                self._share[data["prompt_id"]] = min(1.0, data["value"] / data["max"])

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None


def videos_of(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """Files with a video's suffix among a history entry's outputs, finished ones before previews."""
    found = [
        file
        for outputs in entry.get("outputs", {}).values()
        for name in OUTPUT_LISTS
        for file in outputs.get(name, ())
        if isinstance(file, dict) and str(file.get("filename", "")).lower().endswith(VIDEO_SUFFIXES)
    ]
    yield from sorted(found, key=lambda file: file.get("type") == "temp")


def _messages(entry: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for message in entry.get("status", {}).get("messages", ()):
        if isinstance(message, list | tuple) and len(message) == 2:
            yield str(message[0]), message[1]


def _nothing(entry: Mapping[str, Any]) -> str:
    cached = dict(_messages(entry)).get("execution_cached", {}).get("nodes", ())
    if cached and not any(entry.get("outputs", {}).values()):
        return CACHE_TRAP
    return "the graph saved no video; does it end in SaveVideo or a node like it?"


def _refusal(answer: Any) -> str:
    """What is wrong with the graph: the first node's error, in the server's words."""
    if not isinstance(answer, dict):
        return ""
    for node, found in (answer.get("node_errors") or {}).items():
        for error in found.get("errors", ()):
            said = f"{error.get('message', '')}: {error.get('details', '')}"
            return f"node {node} ({found.get('class_type', '?')}): {said}"
    error = answer.get("error")
    return str(error.get("message", "")) if isinstance(error, dict) else str(error or "")


def _image_name(image: Path) -> str:
    """A name on the server that changes with the content."""
    import hashlib

    try:
        return f"vbench-{hashlib.sha256(image.read_bytes()).hexdigest()[:16]}{image.suffix.lower()}"
    except OSError as error:
        message = f"{image}: cannot be read ({error.strerror}); check the prompt's image"
        raise JobError(message, code="bad_request") from None
