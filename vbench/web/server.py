"""Puts the page together: routes, media, Gradio pages, and the guard in front of all of them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from anyio import to_thread
from fastapi import APIRouter, FastAPI

from vbench._version import __version__
from vbench.arena.arena import Arena
from vbench.bench import Bench
from vbench.bench.page_database import PageDatabase
from vbench.web import files, pages
from vbench.web.api import arena, boards, cuts, guests, media, reviews, root, sheet, takes, tasks
from vbench.web.boards import Kept
from vbench.web.guests import Guests
from vbench.web.media import Makers, Originals
from vbench.web.security import login
from vbench.web.security.auth import Accounts
from vbench.web.security.guard import Guard
from vbench.web.security.policy import LOOK, policy_for
from vbench.web.security.sentences import say_errors
from vbench.web.state import Page
from vbench.web.uploads import Uploads

N_THREADS = 200
"""Visitors answered at once; some of them wait for the database, and the others should not wait with them."""
routes = APIRouter(include_in_schema=False)


@routes.api_route("/healthz", methods=["GET", "HEAD"])
async def health() -> dict[str, str]:
    """That the process answers; waits for no thread and no database."""
    return {"state": "up"}


def build(
    bench: Bench | str | Path,
    *,
    host: str = "127.0.0.1",
    auth: Path | None = None,
    public: bool = False,
    trusted_origins: Iterable[str] = (),
    framed_by: Iterable[str] = (),
    space_host: str = "",
) -> FastAPI:
    """The application for one bench.

    Args:
        bench: The path of a bench, or an open one; that stays as it is, the page has connections of its own.
        host: The address it will be bound to; decides what is asked of visitors.
        auth: Account file; see `vbench.web.security.auth`.
        public: Anyone may look and vote, and nobody may do more.
        trusted_origins: Further addresses under which the page is reached, such as that of a proxy.
        framed_by: Addresses of pages that may show it in a frame, such as that of a notebook.
        space_host: Name of the Hugging Face Space that shows it; empty elsewhere.

    Raises:
        OptionError: an address others can reach with neither accounts nor `public`.
        BenchError: the bench cannot be opened.
    """
    policy = policy_for(
        host,
        has_auth=auth is not None,
        public=public,
        trusted_origins=trusted_origins,
        framed_by=framed_by,
        space_host=space_host,
    )
    bench = _own(bench)
    if bench.is_read_only:
        policy = replace(policy, read_only=True, may=LOOK)
    accounts = Accounts.read(auth, bench.secret("sessions"), bench) if auth is not None else None
    page = Page(
        bench=bench,
        policy=policy,
        originals=Originals(bench),
        makers=Makers(),
        arena=Arena(bench, must_watch=True),
        boards=Kept(),
        uploads=Uploads(bench),
        guests=Guests(bench.secret("reviews")),
        voter_key=bench.secret("voters"),
        accounts=accounts,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = N_THREADS
        yield
        page.makers.close()
        page.edges.close()
        page.uploads.close()
        page.bench.close()

    app = FastAPI(
        title="vbench",
        version=__version__,
        docs_url=None,  # they load scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/v1/openapi.json",
        lifespan=lifespan,
    )
    app.state.page = page
    say_errors(app)
    app.include_router(routes)
    for part in (login, pages, files, media, root, takes, reviews, guests, cuts, boards, sheet, arena, tasks):
        app.include_router(part.routes)
    names = _mount_pages(app, bench)
    app.add_middleware(pages.PreloadHeaders)
    app.add_middleware(Guard, policy=policy, pages=names, accounts=accounts, edition=files.edition(), tries=page.tries)
    return app


def _own(bench: Bench | str | Path) -> Bench:
    """The bench with connections of the page's own."""
    if isinstance(bench, Bench):
        return Bench(bench.root, PageDatabase.beside(bench.database), bench.media)
    opened = Bench.open(bench)
    database = PageDatabase(opened.database.engine, is_read_only=opened.is_read_only)
    return Bench(opened.root, database, opened.media)


def _mount_pages(app: FastAPI, bench: Bench) -> frozenset[str]:
    """Load Gradio, which reads these settings as it is loaded, and mount the pages; their names."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="vbench-page-"))
    from vbench.web.shell import mount_pages

    return mount_pages(app, bench)
