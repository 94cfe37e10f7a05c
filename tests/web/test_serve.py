"""The page on its address: ports in use, visitors who never come out with a request, proxies."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from tests.web.served import serving
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.web import serve


def test_a_port_in_use_is_a_sentence() -> None:
    held = serve.bind("127.0.0.1", 0)
    held.listen()
    with held, pytest.raises(OptionError, match="choose another with --port"):
        serve.bind("127.0.0.1", held.getsockname()[1])


@pytest.fixture
def address(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(serve, "HEAD_TIMEOUT_S", 0.6)
    with serving(bench) as found:
        yield found


def connected(address: str) -> socket.socket:
    made = socket.create_connection(("127.0.0.1", urlsplit(address).port or 0))
    made.settimeout(5)
    return made


@pytest.mark.parametrize("sent", [b"", b"GET / HTTP/1.1\r\nHost: local"])
def test_who_does_not_come_out_with_a_request_is_hung_up_on(address: str, sent: bytes) -> None:
    with connected(address) as visitor:
        began = time.monotonic()
        visitor.sendall(sent)
        time.sleep(0.3)
        visitor.sendall(sent[:1])  # another byte wins no time
        assert visitor.recv(100) == b""
        assert 0.5 < time.monotonic() - began < 2.0


def test_a_second_request_may_not_dawdle_either(address: str) -> None:
    with connected(address) as visitor:
        visitor.sendall(f"GET /healthz HTTP/1.1\r\nHost: {urlsplit(address).netloc}\r\n\r\n".encode())
        answer = b""
        while not answer.endswith(b'"up"}'):
            answer += visitor.recv(4000)
        time.sleep(0.8)  # between requests there is more time
        visitor.sendall(b"GET /he")
        began = time.monotonic()
        assert visitor.recv(100) == b""
        assert 0.4 < time.monotonic() - began < 2.0


def test_an_answer_may_take_longer(address: str, monkeypatch: pytest.MonkeyPatch, bench: Bench) -> None:
    monkeypatch.setattr(Bench, "prompts", lambda _: time.sleep(1.2) or [])
    assert httpx.get(f"{address}/api/v1/prompts").json() == []


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
