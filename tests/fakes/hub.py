"""A hub of weights on this machine: what a repository holds, its files in ranges, and a line that breaks off."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@dataclass
class Hub:
    """One repository."""

    repo: str
    files: Mapping[str, bytes]
    break_after: dict[str, int] = field(default_factory=dict)
    """File → how many bytes of it come before the line breaks, once."""
    status: int = 200
    """Of the question what it holds."""
    url: str = ""
    ranges: list[tuple[str, str]] = field(default_factory=list)
    """(file, range asked for) of every download."""


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """The hub at an address of this machine."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._file(with_body=False)

        def do_GET(self) -> None:
            path = unquote(urlsplit(self.path).path)
            if not path.startswith("/api/models/"):
                self._file(with_body=True)
                return
            known = path.startswith(f"/api/models/{hub.repo}")
            siblings = [{"rfilename": name, "size": len(data)} for name, data in hub.files.items()]
            answer = {"id": hub.repo, "modelId": hub.repo, "sha": COMMIT, "siblings": siblings}
            self._answer(hub.status if known else 404, json.dumps(answer).encode())

        def _answer(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def _file(self, *, with_body: bool) -> None:
            name = unquote(urlsplit(self.path).path).partition(f"/resolve/{COMMIT}/")[2]
            if name not in hub.files:
                self._answer(404, b"")
                return
            data, start = hub.files[name], 0
            if with_body:
                asked = self.headers.get("range", "")
                hub.ranges.append((name, asked))
                start = int(asked.removeprefix("bytes=").partition("-")[0] or 0)
            self.send_response(206 if start else 200)
            self.send_header("etag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("x-repo-commit", COMMIT)
            self.send_header("accept-ranges", "bytes")
            if start:
                self.send_header("content-range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.send_header("content-length", str(len(data) - start))
            self.end_headers()
            if with_body:
                cut = hub.break_after.pop(name, None)
                self.wfile.write(data[start:] if cut is None else data[start : start + cut])
                self.close_connection = cut is not None

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
