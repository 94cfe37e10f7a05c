"""Binds the page to its address and runs it."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

from fastapi import FastAPI
from uvicorn import Config, Server
from uvicorn.protocols.http.auto import AutoHTTPProtocol

from vbench.errors import OptionError
from vbench.web.precompute import Precompute

HEAD_TIMEOUT_S = 15.0
"""For the first lines of a request; the guard limits the time for its body."""
WRITE_TIMEOUT_S = 60.0
"""For a reader to take in what is on its way, some 100 kB; a player that is paused asks again from where it was."""
MAX_CONNECTIONS = 1000
LOCAL_PROXIES = "127.0.0.1,::1"
PRIVATE_PROXIES = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,100.64.0.0/10,::1,fc00::/7"
"""Whose word on a visitor's address and protocol is believed. Of the addresses that proxies have added, the last one
outside these networks counts: what a visitor writes there themselves stands before it."""


class TimelyProtocol(AutoHTTPProtocol):  # type: ignore[valid-type, misc]
    """HTTP that hangs up on who does not come out with a request, or does not read the answer.

    Else a few hundred such close the page to all.
    """

    _hang_up: asyncio.TimerHandle | None = None
    _cut_off: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:
        """Start waiting for the first request."""
        super().connection_made(transport)
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take in bytes; a request that has begun ends within the time."""
        super().data_received(data)
        self._watch()

    def connection_lost(self, error: Exception | None) -> None:
        """Stop waiting."""
        self._stop()
        self._go_on()
        super().connection_lost(error)

    def pause_writing(self) -> None:
        """Start waiting for a reader that has let the bytes on their way pile up."""
        super().pause_writing()
        if self._cut_off is None:
            self._cut_off = self.loop.call_later(WRITE_TIMEOUT_S, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has taken in most of them."""
        self._go_on()
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that asks for nothing more; what it has not read by then is dropped."""
        super().timeout_keep_alive_handler()
        if self.transport.is_closing() and self.transport.get_write_buffer_size():
            self.transport.abort()

    def _go_on(self) -> None:
        if self._cut_off is not None:
            self._cut_off.cancel()
            self._cut_off = None

    def _is_waiting(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _watch(self) -> None:
        if not self._is_waiting():
            self._stop()
        elif self._hang_up is None:
            self._hang_up = self.loop.call_later(HEAD_TIMEOUT_S, self._give_up)

    def _stop(self) -> None:
        if self._hang_up is not None:
            self._hang_up.cancel()
            self._hang_up = None

    def _give_up(self) -> None:
        self._hang_up = None
        if self._is_waiting():
            self.transport.close()


def server_config(app: Any, *, behind_proxy: bool = False) -> Config:
    """How the page is run.

    Args:
        app: From `vbench.web.server.build`.
        behind_proxy: Proxies of the same private network stand in front (a Hugging Face Space); else only one of this
            machine may.
    """
    return Config(
        app,
        http=TimelyProtocol,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=True,
        forwarded_allow_ips=PRIVATE_PROXIES if behind_proxy else LOCAL_PROXIES,
        limit_concurrency=MAX_CONNECTIONS,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )


def serve(app: FastAPI, bound: socket.socket, *, behind_proxy: bool = False) -> None:
    """Run the page until it is stopped.

    Args:
        app: From `vbench.web.server.build`.
        bound: From `bind`.
        behind_proxy: See `server_config`.
    """
    with Precompute(app.state.page):
        Server(server_config(app, behind_proxy=behind_proxy)).run(sockets=[bound])


def bind(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port in use is a sentence before anything starts.

    Raises:
        OptionError: the address or port cannot be had.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((host.strip("[]"), port))
    except OSError as error:
        bound.close()
        raise OptionError(
            f"{host}:{port} cannot be used ({error.strerror}); choose another with `port=`, or stop what runs there"
        ) from None
    return bound
