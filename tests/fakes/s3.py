"""moto's S3 server, and a gate in front of it that is slow, refuses, or breaks off in the middle of a body."""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Literal

Fault = Literal["503", "slow", "half"]
SLOW_S = 0.3
MOTO = Path(__file__).parents[2] / ".tools" / "moto" / "bin" / "moto_server"
"""In an environment of its own: botocore wants another python-dateutil than what the product is tested with."""


def moto_program() -> str | None:
    """The server's program, where there is one."""
    named = os.environ.get("VBENCH_MOTO_SERVER")
    return named or (str(MOTO) if MOTO.exists() else shutil.which("moto_server"))


@contextmanager
def moto_server(program: str) -> Iterator[int]:
    """A server of S3 for as long as it is needed; its port on this machine."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    server = subprocess.Popen(
        [program, "-H", "127.0.0.1", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(300):
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert server.poll() is None, "moto's server ended at its start"
                time.sleep(0.1)
        else:
            raise AssertionError("moto's server did not start in 30 s")
        yield port
    finally:
        server.terminate()
        server.wait(timeout=10)


class Gate:
    """Passes requests on to a server, with faults.

    Args:
        port: The server's.
    """

    def __init__(self, port: int) -> None:
        self.faults: list[tuple[str, Fault]] = []
        """(method, fault): each befalls the next request of that method, once; `half` cuts the body of an answer."""
        self.requests: list[str] = []
        """``METHOD path`` of every request, faulty ones too."""
        gate = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _pass_on(self) -> None:
                gate.requests.append(f"{self.command} {self.path}")
                body = self._body()
                fault = gate.next_fault(self.command)
                if fault == "503":
                    self._answer(503, {"Content-Type": "application/xml"}, SLOW_DOWN)
                    return
                if fault == "slow":
                    time.sleep(SLOW_S)
                connection = http.client.HTTPConnection("127.0.0.1", port)
                headers = {name: value for name, value in self.headers.items() if name.lower() != "expect"}
                connection.request(self.command, self.path, body, headers)
                answer = connection.getresponse()
                content = answer.read()
                self._answer(answer.status, dict(answer.getheaders()), content, is_half=fault == "half")
                connection.close()

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = _pass_on

            def _body(self) -> bytes:
                """As it stands on the wire: one in pieces keeps their lengths."""
                if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                    return self.rfile.read(int(self.headers.get("Content-Length") or 0))
                pieces: list[bytes] = []
                while True:
                    line = self.rfile.readline()
                    pieces.append(line)
                    if (size := int(line.split(b";")[0], 16)) == 0:
                        while (line := self.rfile.readline()).strip():
                            pieces.append(line)
                        return b"".join([*pieces, b"\r\n"])
                    pieces.append(self.rfile.read(size + 2))

            def _answer(self, status: int, headers: dict[str, str], body: bytes, *, is_half: bool = False) -> None:
                self.send_response_only(status)
                for name, value in headers.items():
                    if name.lower() not in ("connection", "content-length", "transfer-encoding"):
                        self.send_header(name, value)
                length = headers.get("Content-Length", str(len(body))) if self.command == "HEAD" else str(len(body))
                self.send_header("Content-Length", length)
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(body[: len(body) // 2] if is_half else body)
                self.close_connection = is_half

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._lock = threading.Lock()
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def next_fault(self, method: str) -> Fault | None:
        """What befalls a request of this method; it is used up."""
        with self._lock:
            for fault in self.faults:
                if fault[0] == method:
                    self.faults.remove(fault)
                    return fault[1]
        return None

    def make_bucket(self, name: str) -> None:
        """Make an empty bucket."""
        connection = http.client.HTTPConnection(self.url.removeprefix("http://"))
        connection.request("PUT", f"/{name}")
        answer = connection.getresponse()
        assert answer.status == 200, answer.read()
        connection.close()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


SLOW_DOWN = (
    b'<?xml version="1.0"?><Error><Code>SlowDown</Code><Message>Please reduce your request rate.</Message></Error>'
)
