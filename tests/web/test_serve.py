"""The page on its address: ports in use, visitors who never come out with a request, proxies."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.web.served import serving
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.web import files, serve


def test_a_port_in_use_is_a_sentence() -> None:
    held = serve.bind("127.0.0.1", 0)
    held.listen()
    with held, pytest.raises(OptionError, match="choose another with `port=`"):
        serve.bind("127.0.0.1", held.getsockname()[1])


@pytest.fixture
def address(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.6)
    with serving(bench) as found:
        yield found


def connected(address: str) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", urlsplit(address).port or 0))
    made.settimeout(30)
    return made


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_who_does_not_come_out_with_a_request_is_hung_up_on(address: str, sent: bytes) -> None:
    with connected(address) as visitor:
        visitor.sendall(sent)
        visitor.sendall(sent[:1])  # another byte wins no time
        assert visitor.recv(100) == b""


def test_a_second_request_may_not_dawdle_either(address: str) -> None:
    with connected(address) as visitor:
        visitor.sendall(f"GET /healthz HTTP/1.1\r\nHost: {urlsplit(address).netloc}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b'"up"}'):
            answer += visitor.recv(4000)
        visitor.sendall(b"GET /he")
        assert visitor.recv(100) == b""


def test_an_answer_may_take_longer(address: str, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    monkeypatch.setattr(Bench, "prompts", lambda _: time.sleep(1.2) or [])
    assert httpx.get(f"{address}/api/v1/prompts").json() == []


class FakeTimers:
    """The one thing a connection asks of its loop, on a clock that the test moves."""

    def __init__(self) -> None:
        self._now, self._timers = 0.0, list[tuple[float, Callable[[], None], SimpleNamespace]]()

    def call_later(self, delay_s: float, callback: Callable[[], None]) -> Any:
        handle = SimpleNamespace(is_cancelled=False)
        handle.cancel = lambda: setattr(handle, "is_cancelled", True)
        self._timers.append((self._now + delay_s, callback, handle))
        return handle

    def advance(self, s: float) -> None:
        self._now += s
        due = [timer for timer in self._timers if timer[0] <= self._now]
        self._timers = [timer for timer in self._timers if timer[0] > self._now]
        for _, callback, handle in due:
            if not handle.is_cancelled:
                callback()


@pytest.fixture
def connection(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A connection on a fake clock, whose bytes nobody reads; `closed` says whether it was hung up."""
    for name in ("connection_made", "data_received", "connection_lost", "pause_writing", "resume_writing"):
        monkeypatch.setattr(serve.AutoHTTPProtocol, name, lambda *_: None)
    closed: list[bool] = []
    made: Any = serve.TimelyProtocol.__new__(serve.TimelyProtocol)
    made.loop, made.cycle, made.closed = FakeTimers(), None, closed
    made.transport = SimpleNamespace(close=lambda: closed.append(True), abort=lambda: closed.append(True))
    return made


def test_another_byte_of_a_request_wins_no_time(connection: Any) -> None:
    connection.connection_made(connection.transport)
    connection.loop.advance(serve.HEAD_TIMEOUT_S - 1)
    connection.data_received(b"G")
    connection.loop.advance(0.9)
    assert connection.closed == []
    connection.loop.advance(0.2)
    assert connection.closed == [True]


def test_who_does_not_read_is_cut_off(connection: Any) -> None:
    connection.connection_made(connection.transport)
    connection.cycle = SimpleNamespace(response_complete=False)
    connection.data_received(b"GET /media")
    for _ in range(5):  # slow, but reading
        connection.pause_writing()
        connection.loop.advance(serve.WRITE_TIMEOUT_S - 1)
        connection.resume_writing()
        connection.loop.advance(10)
    assert connection.closed == []
    connection.pause_writing()
    connection.loop.advance(serve.WRITE_TIMEOUT_S + 1)
    assert connection.closed == [True]
    connection.connection_lost(None)


def test_an_answer_nobody_reads_ends(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serve, "WRITE_TIMEOUT_S", 0.5)
    file = bench.root / "big.bin"
    file.write_bytes(bytes(60_000_000))
    with serving(bench) as address, connected(address) as reader:
        monkeypatch.setattr(files, "STATIC", bench.root)
        reader.sendall(f"GET /static/big.bin HTTP/1.1\r\nHost: {urlsplit(address).netloc}\r\n\r\n".encode())
        time.sleep(2.5)
        taken = 0
        with contextlib.suppress(ConnectionResetError):
            while part := reader.recv(1_000_000):
                taken += len(part)
        assert 0 < taken < 60_000_000


def test_only_a_request_that_has_begun_is_waited_for(connection: Any) -> None:
    connection.connection_made(connection.transport)
    connection.cycle = SimpleNamespace(response_complete=False)
    connection.data_received(b"GET /healthz")
    connection.loop.advance(10 * serve.HEAD_TIMEOUT_S)  # the answer may take its time
    connection.cycle.response_complete = True
    connection.loop.advance(10 * serve.HEAD_TIMEOUT_S)  # between requests there is more time
    assert connection.closed == []
    connection.data_received(b"GET /he")
    connection.loop.advance(serve.HEAD_TIMEOUT_S - 0.1)
    assert connection.closed == []
    connection.loop.advance(0.2)
    assert connection.closed == [True]
    connection.connection_lost(None)


async def _client(behind_proxy: bool, peer: str, said: str) -> str:
    seen: list[str] = []

    async def app(scope: object, _receive: object, _send: object) -> None:
        seen.append(scope["client"][0])  # type: ignore[index]

    config = serve.server_config(app, behind_proxy=behind_proxy)
    wrapped = ProxyHeadersMiddleware(app, trusted_hosts=config.forwarded_allow_ips)  # type: ignore[arg-type]
    scope = {"type": "http", "client": (peer, 1), "scheme": "http", "headers": [(b"x-forwarded-for", said.encode())]}
    await wrapped(scope, None, None)  # type: ignore[arg-type]
    return seen[0]


@pytest.mark.parametrize(
    ("behind_proxy", "peer", "said", "believed"),
    [
        (True, "10.0.0.5", "6.6.6.6, 203.0.113.9, 10.1.2.3", "203.0.113.9"),  # what the visitor wrote stands first
        (True, "10.0.0.5", "203.0.113.9", "203.0.113.9"),
        (True, "198.51.100.7", "6.6.6.6", "198.51.100.7"),
        (False, "127.0.0.1", "203.0.113.9", "203.0.113.9"),
        (False, "10.0.0.5", "6.6.6.6", "10.0.0.5"),
    ],
)
def test_an_address_is_believed_of_proxies_only(behind_proxy: bool, peer: str, said: str, believed: str) -> None:
    assert asyncio.run(_client(behind_proxy, peer, said)) == believed
