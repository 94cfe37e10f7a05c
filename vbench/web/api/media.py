"""Media over HTTP, by content hash and never by path: originals with ranges, and what is made from them on demand."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as PathParameter
from fastapi.responses import JSONResponse, Response

from vbench.errors import ClipError
from vbench.records import Clip
from vbench.tasks.copies import PROXY, RECIPES, Copy, proxy_copy
from vbench.web.files import IMMUTABLE, file_response
from vbench.web.state import Page, PageState

STILL_WAIT_S = 25.0
Sha = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$")]

routes = APIRouter(include_in_schema=False)


def lasting(page: Page) -> str:
    """How long a file under its hash may be kept, and by whom: behind accounts not by a shared cache."""
    return IMMUTABLE if page.accounts is None else IMMUTABLE.replace("public", "private")


async def _clip(page: Page, sha256: str) -> Clip:
    clip = await asyncio.to_thread(page.bench.clip_by_sha, sha256)
    if clip is None:
        raise HTTPException(404, f"no clip of this bench has the hash {sha256[:12]}")
    return clip


@routes.api_route("/media/{sha256}", methods=["GET", "HEAD"])
async def original(request: Request, sha256: Sha, page: PageState) -> Response:
    """The bytes as the tool delivered them."""
    path = await asyncio.to_thread(page.originals.path, await _clip(page, sha256))
    if path.is_dir():
        raise HTTPException(415, f"this clip is a folder of frames; watch /media/{sha256}/proxy.mp4")
    return file_response(request, path, sha256, cache=lasting(page))


@routes.api_route("/media/{sha256}/{name}", methods=["GET", "HEAD"])
async def derived(request: Request, sha256: Sha, name: str, page: PageState) -> Response:
    """A poster, sprite, waveform or proxy; 202 while a proxy is being made."""
    wanted = "sprite.webp" if name == "sprite.json" else name
    recipe = RECIPES.get(wanted)
    if recipe is None:
        raise HTTPException(404, f"there is no {name}; there are {', '.join(RECIPES)} and sprite.json")
    clip = await _clip(page, sha256)
    copy = proxy_copy(clip) if recipe is PROXY else Copy(clip=clip, name=wanted, recipe=recipe)
    return await copy_response(request, page, copy, name, f"{sha256[:32]}-{name}")


async def copy_response(request: Request, page: Page, copy: Copy, name: str, etag: str) -> Response:
    """A copy of a clip, made where it is not there; 202 while a slow one is being made.

    Args:
        request: What is asked.
        page: Where the clip is.
        copy: Which.
        name: As it was asked for; a sprite goes out as its picture or as its geometry, ``sprite.json``.
        etag: Names its content.

    Raises:
        HTTPException: 422, it cannot be made; 503, it takes long; or as the original's file is gone or another.
    """
    out = page.bench.media.derived(copy.clip.sha256, copy.name)
    if not out.exists():
        source = await asyncio.to_thread(page.originals.path, copy.clip)
        try:
            making = page.makers.start(copy.recipe, source, out, **copy.arguments)
            if making is not None and copy.recipe.is_slow:
                return JSONResponse({"state": "making"}, 202, {"retry-after": "1", "cache-control": "no-store"})
            if making is not None:
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(making)), STILL_WAIT_S)
        except ClipError as error:
            raise HTTPException(422, str(error)) from None
        except TimeoutError:
            raise HTTPException(503, f"{name} is still being made; ask again", {"retry-after": "5"}) from None
    path = out.with_suffix(".json") if name == "sprite.json" else out
    return file_response(request, path, etag, cache=lasting(page))
