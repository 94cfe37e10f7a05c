"""A loopback server that speaks one hosted protocol, with faults on demand; it counts what was asked of it."""

from __future__ import annotations

import functools
import gzip
import json
import re
import socket
import struct
import sys
import tempfile
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any

from tests.fakes.protocol import Protocol
from tests.fakes.protocols import PROTOCOLS


@functools.cache
def clip_bytes() -> bytes:
    """A real MP4 of eight frames."""
    import numpy as np

    from vbench.video import write_clip

    y, x = np.mgrid[0:64, 0:64]
    frames = [np.stack([(x * 4 + 8 * t) % 256, y * 4, x + y], -1).astype(np.uint8) for t in range(8)]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(frames, path, fps=8)
        return path.read_bytes()


@functools.cache
def sound_only_bytes() -> bytes:
    """A real MP4 without a picture."""
    import av
    import numpy as np

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.mp4"
        with av.open(str(path), "w") as file:
            stream = file.add_stream("aac", rate=48000)
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 9600), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 48000
            for packet in (*stream.encode(frame), *stream.encode(None)):
                file.mux(packet)
        return path.read_bytes()


@functools.cache
def bomb() -> bytes:
    """A clip and 64 MiB behind it, in a thousandth of that."""
    return gzip.compress(clip_bytes() + bytes(64 * 2**20))


ODD_IDS = {"huge_id": "j" * 3_000_000, "odd_id": "job 1\r\nX-Injected: yes\x00"}


@dataclass
class Asked:
    """One request that arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class FakeJob:
    id: str
    body: dict[str, Any]
    state: str = "queued"
    links: int = 0
    """How often an address of its result was given out."""
    cancelled: bool = False


@dataclass
class Fake:
    """One hosted tool.

    Args:
        protocol: Its name in `PROTOCOLS`.
        create, poll, file: What goes wrong, in order; empty: nothing (more). See `_Handler` for the words.
    """

    protocol: str
    create: list[str] = field(default_factory=list)
    poll: list[str] = field(default_factory=list)
    file: list[str] = field(default_factory=list)
    work_s: float = 0.0
    """How long a job is running before it is done; 0: one poll."""
    retry_after: str = "7"
    """What a rate limit asks to wait, in seconds."""
    key: str = "k3y-4-THIS-test-only-9f86d081884c7d65"
    spec: Protocol = field(init=False)
    asked: list[Asked] = field(default_factory=list)
    jobs: dict[str, FakeJob] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.spec = PROTOCOLS[self.protocol]
        self.faults = {name: deque(getattr(self, name)) for name in ("create", "poll", "file")}
        self.lock = threading.Lock()
        self.started: dict[str, float] = {}

    def __enter__(self) -> Fake:
        fake = self

        class Bound(_Handler):
            owner = fake

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            request_queue_size = 128

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A client that hangs up is part of the play; anything else is a fault of the fake."""
                if not isinstance(sys.exc_info()[1], ConnectionError):
                    super().handle_error(request, client_address)

        self.server = Server(("127.0.0.1", 0), Bound)
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        self.thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def stop(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}"

    @property
    def base_url(self) -> str:
        """As a card's base_url."""
        return self.origin + self.spec.prefix

    @property
    def creates(self) -> int:
        """Billable requests that arrived."""
        return sum(1 for a in self.asked if a.method == "POST" and self.spec.is_create(a.path))

    def link(self, job: FakeJob) -> str:
        job.links += 1
        return f"{self.origin}/clips/{job.id}.mp4?Signature=s1gn3d-{job.links}"


class _Handler(BaseHTTPRequestHandler):
    """Faults of create: 429, balance, auth, moderated, bad_request, 500, 500_after, 503, drop, drop_before, empty,
    303, 409, huge_id, odd_id, bomb, redirect:<url>. Of poll: queued, running, unseen, UPPER, lower, 429, 500, 404,
    404_late (of a job that is not young), drop, html, bomb, failed, failed_4xx, moderated, moderated_quietly, no_url.
    Of file: 403, 500, truncated, cut (as truncated, without a length), html, json, png, empty, garbled, sound, huge,
    endless, bomb, packed, drop, redirect:<url>.
    """

    owner: Fake
    protocol_version = "HTTP/1.1"

    def log_message(self, *args: Any) -> None: ...

    def do_GET(self) -> None:
        self._serve()

    do_POST = do_DELETE = do_PUT = do_GET

    def _serve(self) -> None:
        fake, spec = self.owner, self.owner.spec
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        asked = Asked(self.command, self.path, {k.lower(): v for k, v in self.headers.items()}, body)
        with fake.lock:
            fake.asked.append(asked)
        if (found := re.match(r"/clips/([\w-]+)\.mp4", self.path)) and fake.jobs.get(found[1]):
            return self._file(fake.jobs[found[1]])
        if self.path.removeprefix(spec.prefix) in spec.free:
            return self._json(200, spec.free[self.path.removeprefix(spec.prefix)])
        if not spec.is_authorised(asked, fake.key):
            return self._json(*spec.error("auth"))
        if self.command == "POST" and spec.is_create(self.path):
            return self._create(asked)
        for kind in ("poll", "hop", "content", "cancel"):
            job_id = spec.match(kind, self.command, self.path, body)
            if job_id is None:
                continue
            job = fake.jobs.get(job_id)
            if job is None:
                return self._json(*spec.error("not_found"))
            return getattr(self, f"_{kind}")(job)
        return self._json(404, {"error": {"code": "no_route", "message": f"{self.command} {self.path}"}})

    # --- create ---

    def _create(self, asked: Asked) -> None:
        fake, spec = self.owner, self.owner.spec
        fault = self._next("create")
        if fault == "429":
            return self._json(*spec.error("rate"), {"Retry-After": fake.retry_after})
        if fault in {"balance", "auth", "moderated", "bad_request"}:
            return self._json(*spec.error(fault))
        if fault in {"500", "503"}:
            return self._send(int(fault), b"upstream error", "text/plain")
        if fault == "drop_before":
            return self._drop()
        if fault.startswith("redirect:"):
            return self._send(307, b"", "text/plain", {"Location": fault.partition(":")[2]})
        job = self._job(asked)
        if fault == "500_after":
            return self._send(500, b"upstream error", "text/plain")
        if fault == "drop":
            return self._drop()
        if fault == "empty":
            return self._send(200, b"", "application/json")
        if fault in {"303", "409"}:
            return self._send(int(fault), b"", "text/plain", {"Location": f"{fake.base_url}/jobs/{job.id}"})
        if fault == "bomb":
            return self._send(200, bomb(), "application/json", {"Content-Encoding": "gzip"})
        status, answer = spec.created(job, fake)
        if fault in ODD_IDS:
            odd = json.dumps(ODD_IDS[fault])[1:-1]
            answer = json.loads(json.dumps(answer).replace(job.id, odd))
        return self._json(status, answer)

    def _job(self, asked: Asked) -> FakeJob:
        fake = self.owner
        is_json = "json" in asked.headers.get("content-type", "")
        body = asked.json if is_json else {"form": asked.body.decode("latin-1")}
        with fake.lock:
            number = len(fake.jobs) + 1
            job = FakeJob(id=fake.spec.job_id(number), body=body)
            fake.jobs[job.id] = job
            fake.started[job.id] = time.monotonic()
        return job

    # --- poll ---

    def _poll(self, job: FakeJob) -> None:
        fake, spec = self.owner, self.owner.spec
        fault = self._next("poll")
        if fault in {"429", "500"}:
            return self._send(int(fault), b"busy", "text/plain", {"Retry-After": "0"})
        if fault in {"404", "404_late"}:
            return self._json(*spec.error("not_found"))
        if fault == "drop":
            return self._drop()
        if fault == "html":
            return self._send(200, b"<html>maintenance</html>", "text/html")
        if fault == "bomb":
            return self._send(200, bomb(), "application/json", {"Content-Encoding": "gzip"})
        if fault == "auth":
            return self._json(*spec.error("auth"))
        if fault in {"failed", "moderated", "failed_4xx"}:
            job.state = fault
        self._advance(job, fault)
        word = spec.words.get(job.state, spec.words["failed"])
        word = {"unseen": "warming_up_the_gpu", "UPPER": str(word).upper(), "lower": str(word).lower()}.get(fault, word)
        status, answer = spec.view(job, word, fake)
        if fault == "moderated_quietly":
            answer = spec.quiet_refusal(answer)
        if fault == "no_url":
            answer = json.loads(re.sub(r'"http[^"]*/clips/[^"]*"', "null", json.dumps(answer)))
        return self._json(422 if job.state == "failed_4xx" else status, answer)

    def _advance(self, job: FakeJob, fault: str) -> None:
        fake = self.owner
        if job.cancelled:
            job.state = "cancelled"
        elif fault in {"queued", "running"}:
            job.state = fault
        elif job.state in {"queued", "running"} and fault not in {"unseen", "UPPER", "lower"}:
            is_over = time.monotonic() - fake.started[job.id] >= fake.work_s
            is_first = job.state == "queued" and not fake.work_s and not fault
            job.state = "succeeded" if is_over and not is_first else "running"
        if fault in {"moderated_quietly", "no_url"}:
            job.state = "succeeded"

    def _hop(self, job: FakeJob) -> None:
        self._json(*self.owner.spec.hop(job, self.owner))

    def _content(self, job: FakeJob) -> None:
        if job.state != "succeeded":
            return self._json(422, {"error": {"code": "not_ready", "message": f"job is {job.state}"}})
        return self._file(job)

    def _cancel(self, job: FakeJob) -> None:
        job.cancelled = True
        self._json(200, {"id": job.id, "code": 0})

    # --- the file ---

    def _file(self, job: FakeJob) -> None:
        fault = self._next("file")
        clip = clip_bytes()
        plain = {
            "html": (b"<!DOCTYPE html><html><body>Sign in</body></html>", "text/html"),
            "json": (b'{"error": "not found"}', "application/json"),
            "png": (b"\x89PNG\r\n\x1a\n" + bytes(64), "image/png"),
            "empty": (b"", "video/mp4"),
            "garbled": (clip.replace(b"avc1", b"zzzz"), "video/mp4"),
        }
        if fault in {"403", "500"}:
            return self._send(int(fault), b"<Error><Code>AccessDenied</Code></Error>", "application/xml")
        if fault == "sound":
            return self._send(200, sound_only_bytes(), "video/mp4")
        if fault in plain:
            return self._send(200, *plain[fault])
        if fault.startswith("redirect:"):
            return self._send(302, b"", "text/plain", {"Location": fault.partition(":")[2]})
        if fault == "drop":
            return self._drop()
        if fault in {"bomb", "packed"}:
            body = gzip.compress(clip) if fault == "packed" else bomb()
            return self._send(200, body, "video/mp4", {"Content-Encoding": "gzip"})
        if fault == "cut":
            self._head(200, "video/mp4", None)
            self.wfile.write(clip[: len(clip) // 2])
            self.close_connection = True
            return None
        if fault in {"truncated", "huge"}:
            size = 5 * 2**30 if fault == "huge" else len(clip)
            self._head(200, "video/mp4", size)
            self.wfile.write(clip[: len(clip) // 2])
            self.close_connection = True
            return None
        if fault == "endless":
            self._head(200, "video/mp4", None)
            for _ in range(10_000):
                self.wfile.write(clip)
            self.close_connection = True
            return None
        return self._send(200, clip, "video/mp4")

    # --- the line ---

    def _next(self, kind: str) -> str:
        with self.owner.lock:
            script = self.owner.faults[kind]
            return script.popleft() if script else ""

    def _json(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        self._send(status, json.dumps(value).encode(), "application/json", headers)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self._head(status, kind, len(body), headers)
        self.wfile.write(body)

    def _head(self, status: int, kind: str, size: int | None, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        if size is None:
            self.send_header("Connection", "close")
        else:
            self.send_header("Content-Length", str(size))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()

    def _drop(self) -> None:
        """Hang up without an answer, with a reset, as a broken line does."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()
