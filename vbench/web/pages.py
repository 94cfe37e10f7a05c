"""Which pages there are, once for all: their addresses, their place in the navigation, and what is fetched ahead.

A further page is a script in `static/` and an entry of `PAGES`: its address, its place in the navigation (which the
page's script gets from the shell) and the header by which browsers fetch its files early follow from that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from vbench.web.security.guard import UI

routes = APIRouter(include_in_schema=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class PageEntry:
    """One page."""

    path: str
    """Address below `/ui`; empty: the first page."""
    title: str
    word: str
    """Of its name in the navigation, a key of `words.json`."""
    script: str
    """The module of `static/` that opens it."""
    room: Literal["dark", "light"] = "light"
    """Pictures are judged in the dark; tables are read in the light."""
    needs: str = ""
    """What a visitor must be allowed to do, or the navigation leaves it out; see `Permissions`."""
    early_scripts: tuple[str, ...] = ()
    """Those that are fetched with the page, of pages whose content takes longest to come; empty: none."""
    early_data: tuple[str, ...] = ()
    """What it asks the API for besides the bench, where its address has no filter."""

    def for_script(self) -> dict[str, Any]:
        """What the page's own script needs to know of it."""
        return {"path": self.path, "word": self.word, "room": self.room, "script": self.script, "needs": self.needs}


PAGES = (
    PageEntry(
        path="",
        title="Takes",
        word="nav.takes",
        script="wall.js",
        room="dark",
        early_scripts=("wall.js", "card.js", "grid.js", "framestep.js"),
        early_data=("prompts", "models"),
    ),
    PageEntry(
        path="compare",
        title="Compare",
        word="nav.compare",
        script="compare.js",
        room="dark",
        early_scripts=("compare.js", "player.js", "stage.js", "timeline.js", "take.js"),
    ),
    PageEntry(
        path="cut",
        title="Cut",
        word="nav.cut",
        script="cut.js",
        room="dark",
        needs="annotate",
        early_scripts=("cut.js", "sequence.js", "take.js"),
        early_data=("cuts", "prompts"),
    ),
    PageEntry(path="arena", title="Arena", word="nav.arena", script="arena.js", room="dark", needs="vote"),
    PageEntry(
        path="boards",
        title="Boards",
        word="nav.boards",
        script="boards.js",
        early_scripts=("boards.js", "charts.js", "labels.js"),
        early_data=("board", "ratings", "best-of", "models"),
    ),
    PageEntry(
        path="sheet",
        title="Shot sheet",
        word="nav.sheet",
        script="sheet.js",
        early_scripts=("sheet.js",),
        early_data=("sheet",),
    ),
    PageEntry(path="generate", title="Generate", word="nav.generate", script="generate.js"),
    PageEntry(path="runs", title="Runs", word="nav.runs", script="runs.js"),
)
"""In the order of the navigation."""
EVERY_PAGE = ("app.js", "api.js", "dom.js", "words.js", "link.js", "selects.js", "keys.js", "dropped.js")
"""Scripts that each of them needs."""
UNFILTERED = {"metric", "kind", "doubtful"}
"""Words of an address that change what is shown, and not what is asked for."""


@routes.api_route("/", methods=["GET", "HEAD"])
def first_page(request: Request) -> RedirectResponse:
    """Where a visitor comes in; a link keeps what it points at."""
    query = f"?{request.url.query}" if request.url.query else ""
    return RedirectResponse(f"{UI}/{query}", 307)


# --- fetched ahead ------------------------------------------------------------------------------------------------


def links(path: str, query: bytes) -> str:
    """The value of the Link header of a page, by its address below `/ui`."""
    page = next((page for page in PAGES if page.path == path), None)
    early_scripts, early_data = (page.early_scripts, page.early_data) if page else ((), ())
    scripts = [f"</static/{name}>; rel=modulepreload" for name in (*EVERY_PAGE, *early_scripts)]
    is_filtered = not {name for name, _ in parse_qsl(query.decode("latin-1"))} <= UNFILTERED
    data = ("bench", *(() if is_filtered else early_data))
    return ", ".join([*scripts, *(f"</api/v1/{name}>; rel=preload; as=fetch; crossorigin" for name in data)])


class PreloadHeaders:
    """Names in the header of a page what it will ask for: browsers fetch that while Gradio's own scripts load."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(UI):
            await self._app(scope, receive, send)
            return
        value = links(scope["path"].removeprefix(UI).strip("/"), scope.get("query_string", b""))

        async def with_links(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["link"] = value
            await send(message)

        await self._app(scope, receive, with_links)
