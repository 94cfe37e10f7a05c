"""Puts the page together: routes, media, Gradio pages, and the guard in front of all of them."""

from __future__ import annotations

import hashlib
import logging
import os
import socket
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Form, HTTPException, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from starlette.exceptions import HTTPException as StarletteHTTPException

from vbench._version import __version__
from vbench.bench import Bench
from vbench.errors import ItemError, OptionError, UserError
from vbench.ui import api, api_arena, api_work, media
from vbench.ui.ahead import Ahead
from vbench.ui.arena import Arena, ArenaError
from vbench.ui.auth import Accounts, login_page
from vbench.ui.security import SESSION_COOKIE, UI, Guard, client_address, policy_for
from vbench.ui.state import Page, set_cookie, slow_down
from vbench.ui.uploads import Uploads

log = logging.getLogger(__name__)
STATIC = Path(__file__).parent / "static"
BUSY_TIMEOUT_MS = 4000
"""How long a visitor waits for another process to finish writing."""

QUEUE_REST_S = 0.5
"""Between looks of Gradio's queue, through which no page sends anything; its own millisecond costs 2 % of a core."""


def build(
    bench: Bench | str | Path,
    *,
    host: str = "127.0.0.1",
    auth: Path | None = None,
    public: bool = False,
    trusted_origins: Iterable[str] = (),
    space_host: str = "",
) -> FastAPI:
    """The application for one bench.

    Args:
        bench: An open bench, or the path of one.
        host: The address it will be bound to; decides what is asked of visitors.
        auth: Account file; see `vbench.ui.auth`.
        public: Anyone may look and vote, and nobody may do more.
        trusted_origins: Further addresses under which the page is reached, such as that of a proxy.
        space_host: Name of the Hugging Face Space that shows it; empty elsewhere.

    Raises:
        OptionError: an address others can reach with neither accounts nor `public`.
        BenchError: the bench cannot be opened.
    """
    policy = policy_for(
        host, has_auth=auth is not None, public=public, trusted_origins=trusted_origins, space_host=space_host
    )
    bench = bench if isinstance(bench, Bench) else Bench.open(bench)
    _wait_less(bench)
    accounts = Accounts.read(auth, bench.secret("sessions")) if auth is not None else None
    page = Page(
        bench=bench,
        policy=policy,
        originals=media.Originals(bench),
        makers=media.Makers(),
        arena=Arena(bench),
        boards=api.Kept(),
        uploads=Uploads(bench),
        voter_key=bench.secret("voters"),
        accounts=accounts,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        page.makers.close()
        page.uploads.close()

    app = FastAPI(
        title="vbench",
        version=__version__,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.page = page
    _say_errors(app)
    for part in (media, api, api_arena, api_work):
        app.include_router(part.routes)
    _add_own_pages(app, page)
    names = _mount_pages(app, page)
    app.add_middleware(Guard, policy=policy, pages=names, accounts=accounts)
    return app


def _wait_less(bench: Bench) -> None:
    """A person at a page gets a sentence soon, where a batch run would wait for its turn."""
    if not bench.database.is_sqlite:
        return

    @event.listens_for(bench.database.engine, "checkout")
    def _on_checkout(connection: Any, _record: object, _proxy: object) -> None:
        connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")


def _mount_pages(app: FastAPI, page: Page) -> frozenset[str]:
    """Mount the Gradio pages with everything off that they do not use; their names."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="vbench-page-"))
    import gradio as gr

    from vbench.ui import pages

    blocks = pages.build_pages(page)
    with warnings.catch_warnings():  # it warns of a rendering mode that is off anyway
        warnings.simplefilter("ignore", UserWarning)
        _mount(gr, app, blocks, page, pages.mount_options())
    blocks._queue.sleep_when_free = blocks._queue.progress_update_sleep_when_free = QUEUE_REST_S
    return frozenset(name for name, *_ in blocks.pages)


def _mount(gr: Any, app: FastAPI, blocks: Any, page: Page, options: Mapping[str, Any]) -> None:
    gr.mount_gradio_app(
        app,
        blocks,
        path=UI,
        allowed_paths=[],
        blocked_paths=[str(page.bench.root)],
        show_error=False,
        max_file_size=1,
        ssr_mode=False,
        enable_monitoring=False,
        pwa=False,
        mcp_server=False,
        run_history=False,
        footer_links=[],
        **options,
    )


# --- small pages of our own ---------------------------------------------------------------------------------------


@lru_cache(maxsize=200)
def _static_version(path: str, _mtime_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of a file of `vbench/ui/static`, with its content's hash, so that browsers may keep it for ever."""
    path = STATIC / name
    return f"/static/{name}?v={_static_version(str(path), path.stat().st_mtime_ns)}"


def _add_own_pages(app: FastAPI, page: Page) -> None:
    @app.get("/", include_in_schema=False)
    def front(request: Request) -> RedirectResponse:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{UI}/{query}", 307)

    @app.get("/healthz", include_in_schema=False)
    def health() -> dict[str, str]:
        return {"state": "up"}

    @app.get("/robots.txt", include_in_schema=False)
    def robots() -> Response:
        return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")

    @app.get("/favicon.ico", include_in_schema=False)
    def favicon() -> Response:
        return RedirectResponse("/static/favicon.svg", 307)

    @app.get("/static/{name:path}", include_in_schema=False)
    def static(request: Request, name: str, v: str = "") -> Response:
        path = (STATIC / name).resolve()
        if not path.is_file() or STATIC.resolve() not in path.parents:
            raise HTTPException(404, f"there is no file {name!r}")
        version = _static_version(str(path), path.stat().st_mtime_ns)
        return media.file_response(
            request, path, version, cache=media.IMMUTABLE if v == version else "no-cache", types=media.STATIC_TYPES
        )

    @app.get("/login", include_in_schema=False)
    def login_form() -> HTMLResponse:
        return HTMLResponse(login_page())

    @app.post("/login", include_in_schema=False)
    def login(request: Request, name: str = Form(max_length=200), password: str = Form(max_length=1000)) -> Response:
        if page.accounts is None:
            return RedirectResponse("/", 303)
        slow_down(page.limits.logins, f"login:{client_address(request.scope)}")
        slow_down(page.limits.logins, f"login:{name}")
        if not page.accounts.check(name, password):
            return HTMLResponse(login_page("The name or the password is wrong."), 401)
        answer = RedirectResponse("/", 303)
        set_cookie(answer, page.policy, request, SESSION_COOKIE, page.accounts.session(name), max_age=None)
        return answer

    @app.post("/logout", include_in_schema=False)
    def logout() -> RedirectResponse:
        answer = RedirectResponse("/login", 303)
        answer.delete_cookie(SESSION_COOKIE)
        return answer


# --- errors as sentences ------------------------------------------------------------------------------------------


def _say_errors(app: FastAPI) -> None:
    def said(status: int, message: str, headers: Any = None) -> JSONResponse:
        return JSONResponse({"error": message}, status, headers)

    @app.exception_handler(StarletteHTTPException)
    def on_http(_: Request, error: StarletteHTTPException) -> JSONResponse:
        return said(error.status_code, str(error.detail), error.headers)

    @app.exception_handler(RequestValidationError)
    def on_invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"][1:]) or "the body"
        return said(422, f"{place}: {first['msg']}")

    @app.exception_handler(ArenaError)
    def on_arena(_: Request, error: ArenaError) -> JSONResponse:
        return said(error.status, str(error))

    @app.exception_handler(UserError)
    def on_user(_: Request, error: UserError) -> JSONResponse:
        return said(400, str(error))

    @app.exception_handler(ItemError)
    def on_item(_: Request, error: ItemError) -> JSONResponse:
        return said(422, str(error))

    @app.exception_handler(SQLAlchemyError)
    def on_database(_: Request, error: SQLAlchemyError) -> JSONResponse:
        if not isinstance(error, DBAPIError):
            raise error
        log.warning("database: %s", error.orig)
        is_busy = "locked" in str(error.orig) or "busy" in str(error.orig)
        message = (
            "another process is writing to the bench; what you sent was not stored. Send it again in a moment"
            if is_busy
            else "the database of the bench does not answer (see the page's log); what you sent was not stored"
        )
        return said(503, message, {"retry-after": "3"})


# --- running ------------------------------------------------------------------------------------------------------


def serve(app: FastAPI, bound: socket.socket, *, behind_proxy: bool = False) -> None:
    """Run the page until it is stopped.

    Args:
        app: From `build`.
        bound: From `bind`.
        behind_proxy: Believe the proxy's word on the visitor's address and protocol (a Hugging Face Space).
    """
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ws="none",
        proxy_headers=behind_proxy,
        forwarded_allow_ips="*" if behind_proxy else None,
        limit_concurrency=1000,
        timeout_keep_alive=30,
        timeout_graceful_shutdown=3,
    )
    with Ahead(app.state.page):
        uvicorn.Server(config).run(sockets=[bound])


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
            f"{host}:{port} cannot be used ({error.strerror}); choose another with --port, or stop what runs there"
        ) from None
    return bound
