"""Errors of the page as sentences: `{"error": "..."}` with a fitting status."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException as StarletteHTTPException

from vbench.arena.tickets import (
    ArenaError,
    ExpiredTicketError,
    ForgedTicketError,
    JudgedBeforeError,
    NothingToCompareError,
    NotOnShowError,
)
from vbench.bench.page_database import DatabaseBusyError, DatabaseGoneError, DatabaseSilentError, UnstorableError
from vbench.errors import ItemError, UserError
from vbench.web.words import locale_of, translated

_PART = r"[^\s/'\"<>|:,;()]+"
_PATH = re.compile(
    rf"(?<![\w:/.~…])[~…]?/(?!(?:media|api|arena|ui|static|login)\b)(?:{_PART}(?: {_PART})*/)+(?:{_PART})?"
)
"""A path of this machine: absolute, with two parts or more (spaces in all but the last), no address of the page."""
log = logging.getLogger(__name__)
BUSY = "another process is writing to the bench; what you sent was not stored. Send it again in a moment"
GONE = "the database of the bench is not where it was; what you sent was not stored. Put the file back"
SILENT = "the database of the bench does not answer (see the page's log); what you sent was not stored"

ARENA_STATUS: dict[type[ArenaError], int] = {
    NothingToCompareError: 404,
    NotOnShowError: 404,
    ForgedTicketError: 403,
    ExpiredTicketError: 410,
    JudgedBeforeError: 409,
}


def without_paths(text: str, folders: Iterable[Path] = ()) -> str:
    """A sentence in which files have their names alone, for whoever does not sit at this machine.

    Args:
        text: The sentence.
        folders: Known ones, whose paths may hold spaces.
    """
    for folder in sorted({str(folder) for folder in folders}, key=len, reverse=True):
        if folder.count("/") > 1:
            text = text.replace(f"{folder}/", "…/").replace(folder, "…")
    return _PATH.sub(lambda path: f"…/{path[0].rstrip('/').rpartition('/')[2]}", text)


def say_errors(app: FastAPI) -> None:
    """Have the application answer its errors so."""

    def sentence(request: Request, status: int, message: str, headers: Any = None) -> JSONResponse:
        locale = locale_of(request.headers.get("accept-language", ""))
        return JSONResponse({"error": app.state.page.say(translated(message, locale))}, status, headers)

    @app.exception_handler(StarletteHTTPException)
    def on_http(request: Request, error: StarletteHTTPException) -> JSONResponse:
        return sentence(request, error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return sentence(request, 422, "the body is not JSON; send an object")
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return sentence(request, 422, f"{place}: {first['msg'].removeprefix('Value error, ')}")

    @app.exception_handler(ArenaError)
    def on_arena(request: Request, error: ArenaError) -> JSONResponse:
        return sentence(request, ARENA_STATUS[type(error)], str(error))

    @app.exception_handler(UserError)
    def on_user(request: Request, error: UserError) -> JSONResponse:
        return sentence(request, 400, str(error))

    @app.exception_handler(ItemError)
    def on_item(request: Request, error: ItemError) -> JSONResponse:
        return sentence(request, 422, str(error))

    @app.exception_handler(DatabaseBusyError)
    def on_busy(request: Request, error: DatabaseBusyError) -> JSONResponse:
        log.warning("database: %s", error)
        return sentence(request, 503, BUSY, {"retry-after": "3"})

    @app.exception_handler(DatabaseGoneError)
    def on_gone(request: Request, _error: DatabaseGoneError) -> JSONResponse:
        log.warning("database: its file is gone")
        return sentence(request, 503, GONE, {"retry-after": "3"})

    @app.exception_handler(DatabaseSilentError)
    def on_silent(request: Request, error: DatabaseSilentError) -> JSONResponse:
        log.warning("database: %s", error)
        return sentence(request, 503, SILENT, {"retry-after": "3"})

    @app.exception_handler(UnstorableError)
    def on_unstorable(request: Request, _error: UnstorableError) -> JSONResponse:
        return sentence(
            request, 422, "a value that was sent is none the database can hold; leave out control characters"
        )
