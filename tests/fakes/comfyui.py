"""A ComfyUI server in the test process: its routes, its websocket, its cache, and faults on demand."""

from __future__ import annotations

import base64
import hashlib
import json
import struct
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.fakes.billable import tiny_clip

GRAPH: dict[str, Any] = {
    "3": {"class_type": "KSampler", "inputs": {"seed": 0, "steps": 20, "positive": ["6", 0], "negative": ["7", 0]}},
    "5": {"class_type": "EmptyHunyuanLatentVideo", "inputs": {"width": 848, "height": 480, "length": 25}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["38", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "", "clip": ["38", 0]}},
    "10": {"class_type": "LoadImage", "inputs": {"image": "start.png"}},
    "50": {"class_type": "SaveVideo", "inputs": {"video": ["3", 0], "filename_prefix": "video/vbench", "fps": 24}},
}
NODES = {
    "prompt": {"node": "6", "input": "text"},
    "negative": {"node": "7", "input": "text"},
    "seed": {"node": "3", "input": "seed"},
    "width": {"node": "5", "input": "width"},
    "height": {"node": "5", "input": "height"},
    "frames": {"node": "5", "input": "length"},
}


class FakeComfyUI(ThreadingHTTPServer):
    """Runs one graph at a time.

    Args:
        saves_under: The list that its saver puts the file in: images, gifs or videos.
        work_s: How long a graph takes; one that is held only says so.
        faults: Played once each, in order: ``refuse``, ``drop``, ``lose``, ``error``, ``oom``, ``empty``, ``html``.
        is_held: It takes a step when `steps` is released.
    """

    daemon_threads = True

    def __init__(
        self,
        *,
        saves_under: str = "images",
        work_s: float = 0.1,
        faults: list[str] | None = None,
        is_held: bool = False,
    ) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.saves_under, self.work_s, self.faults, self.is_held = saves_under, work_s, list(faults or []), is_held
        self.requests: list[tuple[str, str]] = []
        self.history: dict[str, Any] = {}
        self.pending: list[tuple[str, dict[str, Any]]] = []
        self.running: str | None = None
        self.interrupted: set[str] = set()
        self.uploads: dict[str, bytes] = {}
        self.cache: set[str] = set()
        self.graphs: list[dict[str, Any]] = []
        self.sockets: list[Any] = []
        self.has_websocket = True
        self.key = ""
        self.steps = threading.Semaphore(0)
        """Of a server that is held: released once for each step that it may take."""
        self._wake = threading.Condition()
        self._over = False
        threading.Thread(target=self._work, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def fault(self, *names: str) -> str:
        """The next fault, if it is one of these."""
        return self.faults.pop(0) if self.faults and self.faults[0] in names else ""

    def queue(self, job: str, graph: dict[str, Any]) -> None:
        with self._wake:
            self.graphs.append(graph)
            self.pending.append((job, graph))
            self._wake.notify()

    def stop(self) -> None:
        with self._wake:
            self._over = True
            self._wake.notify()
        self.steps.release(100)
        self.shutdown()
        self.server_close()

    def tell(self, kind: str, **data: Any) -> None:
        """A text frame to every websocket client."""
        payload = json.dumps({"type": kind, "data": data}).encode()
        head = b"\x81" + (bytes([len(payload)]) if len(payload) < 126 else b"\x7e" + struct.pack(">H", len(payload)))
        for socket in list(self.sockets):
            try:
                socket.sendall(head + payload)
            except OSError:
                self.sockets.remove(socket)

    def _work(self) -> None:
        while True:
            with self._wake:
                while not self.pending and not self._over:
                    self._wake.wait()
                if self._over:
                    return
                job, graph = self.pending.pop(0)
                self.running = job
            self._execute(job, graph)
            self.running = None

    def _execute(self, job: str, graph: dict[str, Any]) -> None:
        started = int(time.time() * 1000)
        messages: list[Any] = [["execution_start", {"prompt_id": job, "timestamp": started}]]
        fault = self.fault("error", "oom", "empty", "lose")
        content = json.dumps(graph, sort_keys=True)
        cached = sorted(graph) if content in self.cache else []
        messages.append(["execution_cached", {"nodes": cached, "prompt_id": job, "timestamp": started}])
        if not cached:
            for step in range(1, 5):
                if self.is_held:
                    self.steps.acquire()
                else:
                    time.sleep(self.work_s / 4)
                self.tell("progress", value=step, max=4, prompt_id=job, node="3")
                if job in self.interrupted:
                    messages.append(["execution_interrupted", {"prompt_id": job}])
                    self.history[job] = _entry("error", messages, {})
                    return
        if fault == "lose":
            return
        if fault in ("error", "oom"):
            said = "CUDA out of memory. Tried to allocate" if fault == "oom" else "mat1 and mat2 shapes differ"
            messages.append(["execution_error", {"node_type": "KSampler", "exception_message": said}])
            self.history[job] = _entry("error", messages, {})
            return
        self.cache.add(content)
        ended = started + int(self.work_s * 1000) if self.is_held else int(time.time() * 1000)
        messages.append(["execution_success", {"prompt_id": job, "timestamp": ended}])
        outputs: dict[str, Any] = {}
        if not cached:
            name = f"vbench_{len(self.history):05}_"
            preview = {"filename": f"{name}.png", "subfolder": "", "type": "temp"}
            video = {"filename": f"{name}.mp4", "subfolder": "video", "type": "output"}
            outputs = {"49": {"images": [preview]}, "50": {self.saves_under: [video]}}
            if fault == "empty":
                del outputs["50"]
        self.history[job] = _entry("success", messages, outputs)


def _entry(status: str, messages: list[Any], outputs: dict[str, Any]) -> dict[str, Any]:
    done = status == "success"
    return {"outputs": outputs, "status": {"status_str": status, "completed": done, "messages": messages}}


class _Handler(BaseHTTPRequestHandler):
    server: FakeComfyUI

    def log_message(self, *_: Any) -> None:
        pass

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, parse_qs(urlsplit(self.path).query)
        self.server.requests.append(("GET", path))
        if self.server.key and self.headers.get("Authorization") != f"Bearer {self.server.key}":
            self._json({"error": "no key"}, 401)
        elif path == "/ws":
            self._websocket()
        elif path.startswith("/history/"):
            job = path.rpartition("/")[2]
            self._json({job: self.server.history[job]} if job in self.server.history else {})
        elif path == "/queue":
            running = [[0, self.server.running, {}, {}, []]] if self.server.running else []
            self._json(
                {"queue_running": running, "queue_pending": [[1, job, g, {}, []] for job, g in self.server.pending]}
            )
        elif path == "/view":
            assert query["subfolder"] == ["video"]
            assert query["type"] == ["output"]
            html = self.server.fault("html")
            self._send(b"<html>busy</html>" if html else tiny_clip(), "text/html" if html else "video/mp4")
        else:
            self._json({}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = urlsplit(self.path).path
        self.server.requests.append(("POST", path))
        if path == "/prompt":
            self._prompt(json.loads(body))
        elif path == "/queue":
            gone = set(json.loads(body)["delete"])
            self.server.pending = [item for item in self.server.pending if item[0] not in gone]
            self._json({})
        elif path == "/interrupt":
            self.server.interrupted.add(json.loads(body).get("prompt_id") or self.server.running or "")
            self._json({})
        elif path == "/free":
            if json.loads(body).get("free_memory"):
                self.server.cache.clear()
            self._json({})
        elif path == "/upload/image":
            name = body.split(b'filename="', 1)[1].split(b'"', 1)[0].decode()
            self.server.uploads[name] = body
            self._json({"name": name, "subfolder": "", "type": "input"})
        else:
            self._json({}, 404)

    def _prompt(self, sent: dict[str, Any]) -> None:
        fault = self.server.fault("refuse", "drop", "drop_unseen")
        if fault == "refuse":
            errors = [{"message": "Value not in list", "details": "ckpt_name: 'x' not in []"}]
            node = {"errors": errors, "class_type": "CheckpointLoaderSimple"}
            self._json({"error": {"message": "Prompt outputs failed validation"}, "node_errors": {"4": node}}, 400)
            return
        job = sent.get("prompt_id") or str(uuid.uuid4())
        if fault != "drop_unseen":
            self.server.queue(job, sent["prompt"])
        if fault:
            self.connection.close()
            return
        self._json({"prompt_id": job, "number": 1, "node_errors": {}})

    def _websocket(self) -> None:
        if not self.server.has_websocket:
            self._json({}, 404)
            return
        secret = self.headers["Sec-WebSocket-Key"] + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = base64.b64encode(hashlib.sha1(secret.encode()).digest()).decode()
        head = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        head += f"Sec-WebSocket-Accept: {accept}\r\n\r\n"
        self.connection.sendall(head.encode())
        self.server.sockets.append(self.connection)
        self.server.tell("status", sid="x")
        try:
            while (frame := self.connection.recv(1024)) and frame[0] & 0x0F != 8:
                pass
        except OSError:
            pass
        self.close_connection = True

    def _json(self, value: Any, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), "application/json", status)

    def _send(self, content: bytes, kind: str, status: int = 200) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


@contextmanager
def serve(**options: Any) -> Iterator[FakeComfyUI]:
    """A server on a free port of the loopback, until the block ends."""
    server = FakeComfyUI(**options)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server
    finally:
        server.stop()
