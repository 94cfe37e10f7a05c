"""A hub that takes commits over HTTP, with faults on demand."""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeHub:
    """What it was sent: repositories by kind, and the files of their last commit."""

    def __init__(self, faults: list[int]) -> None:
        self.faults = faults
        """Statuses that the next commits are answered with."""
        self.repos: list[tuple[str, str]] = []
        self.files: dict[str, bytes] = {}
        self.n_commits = 0
        self.url = ""


@contextmanager
def running_hub(*faults: int) -> Iterator[FakeHub]:
    """A hub on this machine, for as long as the block runs."""
    hub = FakeHub(list(faults))

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: Any) -> None: ...

        def _answer(self, status: int, body: Any, **headers: str) -> None:
            content = json.dumps(body).encode()
            self.send_response(status)
            for name, value in {"content-type": "application/json", "content-length": str(len(content))}.items():
                self.send_header(name, value)
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            self.wfile.write(content)

        def do_GET(self) -> None:
            self._answer(200, {"id": "org/name", "sha": "0" * 40, "siblings": [], "tags": [], "private": False})

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers.get("content-length") or 0))
            if self.path == "/api/repos/create":
                body = json.loads(raw)
                hub.repos.append((body.get("type", "model"), f"{body.get('organization')}/{body['name']}"))
                self._answer(200, {"url": f"{hub.url}/{body.get('type')}s/{body.get('organization')}/{body['name']}"})
            elif self.path == "/api/validate-yaml":
                self._answer(200, {"errors": [], "warnings": []})
            elif self.path.endswith("/preupload/main"):
                files = json.loads(raw)["files"]
                modes = [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False} for f in files]
                self._answer(200, {"files": modes})
            elif "/commit/main" in self.path:
                if hub.faults:
                    status = hub.faults.pop(0)
                    wait = {429: "0"}.get(status, "7")  # the client waits by itself where there were too many requests
                    self._answer(status, {"error": "busy"}, retry_after=wait)
                    return
                hub.n_commits += 1
                for line in raw.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        hub.files[entry["value"]["path"]] = base64.b64decode(entry["value"]["content"])
                kind, org, name = self.path.removeprefix("/api/").split("/")[:3]
                url = f"{hub.url}/{kind}/{org}/{name}/commit/{'1' * 40}"
                self._answer(200, {"commitUrl": url, "commitOid": "1" * 40, "success": True})
            else:
                self._answer(404, {"error": self.path})

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
