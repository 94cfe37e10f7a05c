"""Errors of the page as sentences: `{"error": "..."}` with a fitting status."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from sqlalchemy.exc import DataError, DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.exceptions import HTTPException as StarletteHTTPException

from vbench.arena.tickets import (
    ArenaError,
    ExpiredTicketError,
    ForgedTicketError,
    JudgedBeforeError,
    NothingToCompareError,
    NotOnShowError,
)
from vbench.errors import ItemError, UserError, as_typed
from vbench.web.page_database import DatabaseBusyError, DatabaseGoneError

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


def say_errors(app: FastAPI) -> None:
    """Have the application answer its errors so."""

    def said(status: int, message: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"error": as_typed(message)}, status, headers)

    @app.exception_handler(StarletteHTTPException)
    def on_http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return said(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        if first["type"] == "json_invalid":
            return said(422, "the body is not JSON; send an object")
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return said(422, f"{place}: {first['msg'].removeprefix('Value error, ')}")

    @app.exception_handler(ArenaError)
    def on_arena(_: Request, error: ArenaError) -> JSONResponse:
        return said(ARENA_STATUS[type(error)], str(error))

    @app.exception_handler(UserError)
    def on_user(_: Request, error: UserError) -> JSONResponse:
        return said(400, str(error))

    @app.exception_handler(ItemError)
    def on_item(_: Request, error: ItemError) -> JSONResponse:
        return said(422, str(error))

    @app.exception_handler(DatabaseBusyError)
    @app.exception_handler(NoConnectionError)
    def on_busy(_: Request, _error: Exception) -> JSONResponse:
        return said(503, BUSY, {"retry-after": "3"})

    @app.exception_handler(DatabaseGoneError)
    def on_gone(_: Request, _error: Exception) -> JSONResponse:
        log.warning("database: its file is gone")
        return said(503, GONE, {"retry-after": "3"})

    @app.exception_handler(SQLAlchemyError)
    def on_database(_: Request, error: SQLAlchemyError) -> JSONResponse:
        if not isinstance(error, DBAPIError):
            raise error
        if isinstance(error, DataError):
            return said(422, "a value that was sent is none the database can hold; leave out control characters")
        log.warning("database: %s", error.orig)
        is_busy = any(word in str(error.orig) for word in ("locked", "busy", "lock timeout"))
        return said(503, BUSY if is_busy else SILENT, {"retry-after": "3"})
