"""What a page will ask for, named in the header of its answer: browsers fetch it while Gradio's own scripts load."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

EVERY_PAGE = ("app.js", "api.js", "dom.js", "words.js", "link.js")
SCRIPTS = {
    "": ("wall.js", "card.js", "grid.js", "framestep.js"),
    "compare": ("compare.js", "player.js", "stage.js", "timeline.js", "take.js"),
    "boards": ("boards.js", "charts.js", "labels.js"),
}
"""Page → its own scripts, of those whose content takes longest to come."""
DATA = {"": ("prompts", "models"), "boards": ("board", "ratings", "models")}
"""Page → what it asks the API for besides the bench, where its address has no filter."""
UNFILTERED = {"metric"}
"""Words of an address that change what is shown, and not what is asked for."""


def links(page: str, query: bytes) -> str:
    """The value of the Link header of a page, by its name (empty for the first)."""
    scripts = [f"</static/{name}>; rel=modulepreload" for name in (*EVERY_PAGE, *SCRIPTS.get(page, ()))]
    is_filtered = not {name for name, _ in parse_qsl(query.decode("latin-1"))} <= UNFILTERED
    asked = ("bench", *(() if is_filtered else DATA.get(page, ())))
    return ", ".join([*scripts, *(f"</api/v1/{name}>; rel=preload; as=fetch; crossorigin" for name in asked)])


class Preloads:
    """Adds the header to the pages below `path`."""

    def __init__(self, app: ASGIApp, path: str) -> None:
        self._app, self._path = app, path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith(self._path):
            await self._app(scope, receive, send)
            return
        value = links(scope["path"].removeprefix(self._path).strip("/"), scope.get("query_string", b""))

        async def with_links(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if headers.get("content-type", "").startswith("text/html"):
                    headers["link"] = value
            await send(message)

        await self._app(scope, receive, with_links)
