"""Whether a server of one's own, which a tool needs, answers: a short knock at its door, remembered for a moment."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from urllib.parse import urlsplit

from vbench.adapters.readiness import Missing
from vbench.adapters.secrets import expand
from vbench.catalog.cards import ModelCard
from vbench.errors import AuthError

KNOCK_S = 0.4
"""A server on this machine or in the same house accepts in milliseconds."""
KEPT_S = 5.0
"""A page asks at every letter that is typed."""
PORTS = {"http": 80, "https": 443}

_pool = ThreadPoolExecutor(8, thread_name_prefix="vbench-knock")
_known: dict[tuple[str, int], tuple[float, Future[bool]]] = {}


def server_of(card: ModelCard) -> str:
    """Address of the server of one's own that a tool needs; empty: it needs none, or its address is not set."""
    if not (card.local or card.adapter == "comfyui"):
        return ""
    try:
        return expand(str(card.options.get("base_url") or _default(card)), model=card.id)
    except AuthError:
        return ""


def silent(cards: Iterable[ModelCard]) -> dict[str, Missing]:
    """Tools whose server does not answer, by id; all are asked at once, in at most `KNOCK_S` seconds."""
    servers = {card.id: server_of(card) for card in cards}
    places = {id: place for id, url in servers.items() if url and (place := _place(url)) is not None}
    knocks = {id: _knock(place) for id, place in places.items()}
    wait(knocks.values(), timeout=2 * KNOCK_S)  # a name may take long to be looked up; it goes on behind
    return {
        id: Missing(kind="server", message=f"no server answers at {host}:{port}; start it, then try again")
        for id, (host, port) in places.items()
        if not (knocks[id].done() and knocks[id].result())
    }


def _default(card: ModelCard) -> str:
    if card.adapter != "comfyui":
        return ""
    from vbench.adapters.comfyui.graph import ComfyUIOptions  # here, since it loads an HTTP library

    return str(ComfyUIOptions.model_fields["base_url"].default)


def _place(url: str) -> tuple[str, int] | None:
    """Host and port; nothing else of an address is shown, since it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _knock(place: tuple[str, int]) -> Future[bool]:
    began, future = _known.get(place, (0.0, None))
    if future is None or (future.done() and time.monotonic() - began > KEPT_S):
        future = _pool.submit(_accepts, place)
        _known[place] = (time.monotonic(), future)
    return future


def _accepts(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=KNOCK_S).close()
    except OSError:
        return False
    return True
