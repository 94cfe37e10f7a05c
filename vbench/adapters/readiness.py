"""What keeps a tool from running here and now, and whether a server of one's own, which it needs, answers."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from typing import get_args
from urllib.parse import urlsplit

from vbench.adapters import adapter_class
from vbench.adapters.contract import Missing, MissingKind
from vbench.catalog.cards import ModelCard
from vbench.errors import OptionError

__all__ = ["Missing", "checked_territory", "lacking", "missing", "server_of", "silent"]

_EU = "AT BE BG HR CY CZ DK EE FI FR DE GR HU IE IT LV LT LU MT NL PL PT RO SK SI ES SE"
EU = frozenset(_EU.split())
"""Member states, ISO 3166 alpha-2."""
_ORDER = get_args(MissingKind)
"""In which order a person is told."""

# --- what is missing ------------------------------------------------------------------------------------------------


def missing(card: ModelCard, *, territory: str = "") -> tuple[Missing, ...]:
    """All that keeps a tool from running here; nothing is connected to and nothing heavy is loaded.

    Args:
        card: The tool.
        territory: Where you are, ISO 3166 alpha-2; empty: not told, so a licence with exclusions is mentioned.

    Raises:
        OptionError: `territory` is no such code.
    """
    lacks = [*_status(card), *_licence(card, checked_territory(territory)), *_of_adapter(card)]
    return tuple(sorted(lacks, key=lambda lack: _ORDER.index(lack.kind)))


def checked_territory(territory: str) -> str:
    """The code in capitals.

    Raises:
        OptionError: it is no two-letter code.
    """
    code = territory.strip().upper()
    if code and (len(code) != 2 or not code.isalpha()):
        raise OptionError(f"`territory=` {territory!r} is no country code; give two letters, such as DE or KR")
    return {"UK": "GB"}.get(code, code)


def _status(card: ModelCard) -> list[Missing]:
    if card.has_ended:
        end = "retired" if card.status == "retired" else "was to end"
        return [Missing(kind="retired", message=f"{end} on {card.retired_on}: archived clips only")]
    if card.status == "deprecated":
        end = f", to end on {card.retired_on}" if card.retired_on else ""
        return [Missing(kind="retired", message=f"deprecated{end}", is_certain=False)]
    return []


def _licence(card: ModelCard, territory: str) -> list[Missing]:
    excluded = card.licence.territory_excludes
    if not excluded:
        return []
    if not territory:
        message = f"its licence is not valid in {', '.join(excluded)}; say where you are with `territory=`"
        return [Missing(kind="licence", message=message, is_certain=False)]
    if territory in excluded or ("EU" in excluded and (territory in EU or territory == "EU")):
        return [Missing(kind="licence", message=f"its licence ({card.licence.weights}) is not valid in {territory}")]
    return []


def _of_adapter(card: ModelCard) -> tuple[Missing, ...]:
    try:
        return adapter_class(card.adapter).missing(card)
    except OptionError as error:  # its package is not installed here: other tools can still be listed
        return (Missing(kind="adapter", message=str(error)),)


# --- whether a server answers: a short knock at its door, remembered for a moment -------------------------------------

KNOCK_S = 0.4
"""A server on this machine or in the same house accepts in milliseconds."""
KEPT_S = 5.0
"""A page asks at every letter that is typed."""
PORTS = {"http": 80, "https": 443}

_pool = ThreadPoolExecutor(8, thread_name_prefix="vbench-knock")
_knocked: dict[tuple[str, int], tuple[float, Future[bool]]] = {}


def server_of(card: ModelCard) -> str:
    """Address of the server of one's own that a tool needs; empty: it needs none, or its address is not set."""
    try:
        return adapter_class(card.adapter).server(card)
    except OptionError:
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


def lacking(cards: Sequence[ModelCard], *, territory: str = "") -> list[tuple[Missing, ...]]:
    """As `missing`, for each of several tools, with servers of one's own knocked at: one that is silent is missing.

    Raises:
        OptionError: `territory` is no country code.
    """
    without_server = silent(cards)
    lacks = []
    for card in cards:
        others = tuple(lack for lack in missing(card, territory=territory) if lack.kind != "server")
        server = without_server.get(card.id)
        found = others if server is None else (*others, server)
        lacks.append(tuple(sorted(found, key=lambda lack: _ORDER.index(lack.kind))))
    return lacks


def _place(url: str) -> tuple[str, int] | None:
    """Host and port; nothing else of an address is shown, since it may hold a password."""
    try:
        parts = urlsplit(url)
        port = parts.port or PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    return (parts.hostname, port) if parts.hostname and port else None


def _knock(place: tuple[str, int]) -> Future[bool]:
    began, future = _knocked.get(place, (0.0, None))
    if future is None or (future.done() and time.monotonic() - began > KEPT_S):
        future = _pool.submit(_accepts, place)
        _knocked[place] = (time.monotonic(), future)
    return future


def _accepts(place: tuple[str, int]) -> bool:
    try:
        socket.create_connection(place, timeout=KNOCK_S).close()
    except OSError:
        return False
    return True
