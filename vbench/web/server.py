"""Puts the page together: routes, media, Gradio pages, and the guard in front of all of them."""

from __future__ import annotations

import os
import tempfile
import warnings
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from anyio import to_thread
from fastapi import FastAPI

from vbench._version import __version__
from vbench.arena.arena import Arena
from vbench.bench import Bench
from vbench.web import index, media, static_files
from vbench.web.api import arena, boards, root, takes, tasks
from vbench.web.boards import Kept
from vbench.web.page_database import PageDatabase
from vbench.web.preload_headers import Preloads
from vbench.web.security.auth import Accounts
from vbench.web.security.guard import UI, Guard
from vbench.web.security.policy import policy_for
from vbench.web.security.sentences import say_errors
from vbench.web.state import Page
from vbench.web.uploads import Uploads

N_THREADS = 200
"""Visitors answered at once; some of them wait for the database, and the others should not wait with them."""
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
        auth: Account file; see `vbench.web.security.auth`.
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
    bench.database = PageDatabase(bench.database.engine)
    accounts = Accounts.read(auth, bench.secret("sessions")) if auth is not None else None
    page = Page(
        bench=bench,
        policy=policy,
        originals=media.Originals(bench),
        makers=media.Makers(),
        arena=Arena(bench),
        boards=Kept(),
        uploads=Uploads(bench),
        voter_key=bench.secret("voters"),
        accounts=accounts,
    )

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        to_thread.current_default_thread_limiter().total_tokens = N_THREADS
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
    say_errors(app)
    for part in (index, static_files, media, root, takes, boards, arena, tasks):
        app.include_router(part.routes)
    names = _mount_pages(app, page)
    app.add_middleware(Preloads, path=UI)
    app.add_middleware(Guard, policy=policy, pages=names, accounts=accounts, edition=static_files.edition())
    return app


def _mount_pages(app: FastAPI, page: Page) -> frozenset[str]:
    """Mount the Gradio pages with everything off that they do not use; their names."""
    os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
    os.environ["GRADIO_RUN_HISTORY"] = "False"
    os.environ.setdefault("GRADIO_TEMP_DIR", tempfile.mkdtemp(prefix="vbench-page-"))
    import gradio as gr

    from vbench.web import pages

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
