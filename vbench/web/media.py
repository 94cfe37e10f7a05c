"""Media by content hash: originals with ranges; posters, sprites and proxies, made on demand in another process."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG
from typing import Annotated, Any, Literal

from fastapi import APIRouter, HTTPException, Request
from fastapi import Path as PathParameter
from fastapi.responses import FileResponse, JSONResponse, Response

from vbench.bench import Bench
from vbench.errors import ClipError
from vbench.files import frames_in, sha256_of
from vbench.records import Clip
from vbench.video.sandbox import Sandbox
from vbench.web.state import Page, page_state

IMMUTABLE = "public, max-age=31536000, immutable"
STILL_WAIT_S = 25.0
CONTENT_TYPES = {
    ".mp4": "video/mp4",
    ".m4v": "video/mp4",
    ".mov": "video/quicktime",
    ".webm": "video/webm",
    ".mkv": "video/x-matroska",
    ".avi": "video/x-msvideo",
    ".gif": "image/gif",
    ".webp": "image/webp",
    ".png": "image/png",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}
"""Suffix → type; what is not in it goes out as bytes, and nosniff keeps browsers from guessing."""
STATIC_TYPES = CONTENT_TYPES | {
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
    ".html": "text/html",
}
"""Of files that ship with the package; a clip never goes out under one of these."""
Stamp = tuple[int, int]
Sha = Annotated[str, PathParameter(pattern=r"^[0-9a-f]{64}$")]


class Originals:
    """The original files of clips, checked against the hash in their row."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._checked: dict[str, tuple[Stamp, str]] = {}
        self._lock = threading.Lock()

    def problem(self, media: str, linked: bool, size_bytes: int, sha256: str) -> Literal["", "missing", "changed"]:
        """What a glance at a file tells: it is gone, or has another size; a bucket is not asked."""
        if not linked and "://" in self._bench.media.url:
            return ""
        try:
            path = Path(media) if linked else self._bench.media.local(media)
            is_file, stamp = _stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            return "missing"
        if is_file and size_bytes and stamp[1] != size_bytes:
            return "changed"
        known = self._checked.get(str(path))
        return "changed" if known is not None and known[0] == stamp and known[1] != sha256 else ""

    def path(self, clip: Clip) -> Path:
        """The file of a clip, hashed once per change on disk.

        Raises:
            HTTPException: 410, the file is gone; 409, the file has another hash.
        """
        name = f"{clip.model}, prompt {clip.prompt.id}, sample {clip.sample}"
        try:
            path = self._bench.clip_path(clip)
            _, stamp = _stamp(path)
        except (FileNotFoundError, NotADirectoryError):
            raise HTTPException(410, f"{name}: the file is gone; put it back, or import it again") from None
        known = self._checked.get(str(path))
        if known is None or known[0] != stamp:
            known = (stamp, sha256_of(path))
            with self._lock:
                self._checked[str(path)] = known
        if known[1] != clip.sha256:
            raise HTTPException(
                409,
                f"{name}: the file was changed (its hash is {known[1][:12]}, the bench has {clip.sha256[:12]}); "
                "put the original back, or import the new one as another sample",
            )
        return path


def _stamp(path: Path) -> tuple[bool, Stamp]:
    """Whether it is a single file, and what changes when its bytes do: time of change and size, of all frames."""
    stat = path.stat()
    if S_ISREG(stat.st_mode):
        return True, (stat.st_mtime_ns, stat.st_size)
    frames = [frame.stat() for frame in frames_in(path)]
    return False, (max((f.st_mtime_ns for f in frames), default=0), sum(f.st_size for f in frames))


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of file is made from an original."""

    operation: str
    """In `vbench.video.sandbox_child.OPERATIONS`."""
    limit_s: float
    is_slow: bool


POSTER = Recipe("poster", 60, False)
SPRITE = Recipe("sprite", 180, False)
PROXY = Recipe("proxy", 1800, True)
RECIPES = {"poster.webp": POSTER, "sprite.webp": SPRITE, "proxy.mp4": PROXY}
MAX_PROXY_HEIGHT = 1080


def even_height(height: int, most: int) -> int:
    """The height a proxy gets: not above the original's, even, at least 2."""
    return max(2, min(height, most) // 2 * 2)


class Makers:
    """Makes each derived file at most once at a time; stills do not wait for proxies."""

    def __init__(self) -> None:
        self._sandboxes = {False: Sandbox(), True: Sandbox()}
        self._threads = {slow: ThreadPoolExecutor(1, thread_name_prefix="media") for slow in (False, True)}
        self._making: dict[Path, Future[None]] = {}
        self._failed: dict[tuple[Path, int], str] = {}
        self._lock = threading.Lock()
        self._is_closed = False

    def start(self, recipe: Recipe, source: Path, out: Path, **arguments: Any) -> Future[None] | None:
        """Begin to make `out`; None where it is there.

        Raises:
            ClipError: it was tried on this very file, and cannot be made; or the page is being stopped.
        """
        with self._lock:
            if self._is_closed:
                raise ClipError("the page is being stopped; ask again when it is back")
            if out.exists():
                return None
            key = (out, source.stat().st_mtime_ns)
            if message := self._failed.get(key):
                raise ClipError(message)
            if (running := self._making.get(out)) is None:
                running = self._threads[recipe.is_slow].submit(self._make, recipe, source, out, arguments, key)
                self._making[out] = running
            return running

    def _make(self, recipe: Recipe, source: Path, out: Path, arguments: dict[str, Any], key: tuple[Path, int]) -> None:
        try:
            call = {"source": str(source), "out": str(out), **arguments}
            self._sandboxes[recipe.is_slow].call(recipe.operation, call, limit_s=recipe.limit_s)
        except ClipError as error:
            said = str(error).replace(str(source), source.name)  # visitors need not know where files lie
            self._failed[key] = said
            raise ClipError(said, code=error.code) from None
        finally:
            with self._lock:
                self._making.pop(out, None)

    def close(self) -> None:
        """End the processes; what they were at is begun again next time."""
        with self._lock:
            self._is_closed = True
        for sandbox in self._sandboxes.values():
            sandbox.close()
        for threads in self._threads.values():
            threads.shutdown(wait=False, cancel_futures=True)


def lasting(page: Page) -> str:
    """How long a file under its hash may be kept, and by whom: behind accounts not by a shared cache."""
    return IMMUTABLE if page.accounts is None else IMMUTABLE.replace("public", "private")


def file_response(
    request: Request,
    path: Path,
    etag: str,
    *,
    cache: str = IMMUTABLE,
    types: Mapping[str, str] = CONTENT_TYPES,
) -> Response:
    """A file with ranges, an entity tag and a type that follows its suffix."""
    tag = f'"{etag}"'
    headers = {"etag": tag, "cache-control": cache, "accept-ranges": "bytes"}
    asked = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in asked or "*" in asked:
        return Response(status_code=304, headers=headers)
    if not _is_range(request.headers.get("range", "")):  # RFC 9110: what is none is ignored
        request.scope["headers"] = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
    kind = types.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, headers=headers, media_type=kind)


_RANGE = re.compile(r"bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*", re.ASCII)


def _is_range(text: str) -> bool:
    """Whether this asks for one part; players ask for no more, and thousands of parts would cost more than the file."""
    found = _RANGE.fullmatch(text)
    if found is None:
        return False
    low, high = found.groups()
    return bool(low or high) and (not low or not high or int(low) <= int(high))


routes = APIRouter()


async def _original(page: Page, sha256: str) -> tuple[Clip, Path]:
    clip = await asyncio.to_thread(page.bench.clip_by_sha, sha256)
    if clip is None:
        raise HTTPException(404, f"no clip of this bench has the hash {sha256[:12]}")
    return clip, await asyncio.to_thread(page.originals.path, clip)


@routes.api_route("/media/{sha256}", methods=["GET", "HEAD"], include_in_schema=False)
async def original(request: Request, sha256: Sha, page: page_state) -> Response:
    """The bytes as the tool delivered them."""
    _, path = await _original(page, sha256)
    if path.is_dir():
        raise HTTPException(415, f"this clip is a folder of frames; watch /media/{sha256}/proxy.mp4")
    return file_response(request, path, sha256, cache=lasting(page))


@routes.api_route("/media/{sha256}/{name}", methods=["GET", "HEAD"], include_in_schema=False)
async def derived(request: Request, sha256: Sha, name: str, page: page_state) -> Response:
    """A poster, sprite or proxy; 202 while a proxy is being made."""
    wanted = "sprite.webp" if name == "sprite.json" else name
    recipe = RECIPES.get(wanted)
    if recipe is None:
        raise HTTPException(404, f"there is no {name}; there are {', '.join(RECIPES)} and sprite.json")
    out = page.bench.media.derived(sha256, wanted)
    if not out.exists():
        clip, source = await _original(page, sha256)
        try:
            height = {"height": even_height(clip.probe.height, MAX_PROXY_HEIGHT)} if recipe is PROXY else {}
            making = page.makers.start(recipe, source, out, **height)
            if making is not None and recipe.is_slow:
                return JSONResponse({"state": "making"}, 202, {"retry-after": "1", "cache-control": "no-store"})
            if making is not None:
                await asyncio.wait_for(asyncio.shield(asyncio.wrap_future(making)), STILL_WAIT_S)
        except ClipError as error:
            raise HTTPException(422, str(error)) from None
        except TimeoutError:
            raise HTTPException(503, f"{name} is still being made; ask again", {"retry-after": "5"}) from None
    elif await asyncio.to_thread(page.bench.clip_by_sha, sha256) is None:
        raise HTTPException(404, f"no clip of this bench has the hash {sha256[:12]}")
    path = out.with_suffix(".json") if name == "sprite.json" else out
    return file_response(request, path, f"{sha256[:32]}-{name}", cache=lasting(page))
