"""Files as they go out: ranges, entity tags and types; and the page's own scripts, under the hash of their content."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request
from fastapi.responses import FileResponse, RedirectResponse, Response

from vbench._version import __version__

STATIC = Path(__file__).parent / "static"
IMMUTABLE = "public, max-age=31536000, immutable"
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

routes = APIRouter(include_in_schema=False)


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
    tags = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in tags or "*" in tags:
        return Response(status_code=304, headers=headers)
    if not _is_range(request.headers.get("range", "")):  # RFC 9110: what is none is ignored
        request.scope["headers"] = [(name, value) for name, value in request.scope["headers"] if name != b"range"]
    kind = types.get(path.suffix.lower(), "application/octet-stream")
    return FileResponse(path, headers=headers, media_type=kind)


_RANGE = re.compile(r"bytes=\s*(\d{0,15})\s*-\s*(\d{0,15})\s*", re.ASCII)


def _is_range(text: str) -> bool:
    """Whether this asks for one part; players ask for no more, and thousands of parts would cost more than the file."""
    ends = _RANGE.fullmatch(text)
    if ends is None:
        return False
    low, high = ends.groups()
    return bool(low or high) and (not low or not high or int(low) <= int(high))


# --- the page's own files ------------------------------------------------------------------------------------------


@lru_cache(maxsize=200)
def _static_version(path: str, _mtime_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of a file of `vbench/web/static`, with its content's hash, so that browsers may keep it for ever."""
    path = STATIC / name
    return f"/static/{name}?v={_static_version(str(path), path.stat().st_mtime_ns)}"


@cache
def edition() -> str:
    """What this process serves: the version, and the hash of all scripts and styles as they were at its start.

    A page that was opened before an upgrade knows another one, and says so.
    """
    digest = hashlib.sha256()
    for path in sorted(path for path in STATIC.rglob("*") if path.is_file()):
        digest.update(path.name.encode() + path.read_bytes())
    return f"{__version__}+{digest.hexdigest()[:12]}"


@routes.api_route("/static/{name:path}", methods=["GET", "HEAD"])
def static(request: Request, name: str, v: str = "") -> Response:
    """A file; browsers keep it for ever where they ask for the content it has now."""
    path = (STATIC / name).resolve()
    if not path.is_file() or STATIC.resolve() not in path.parents:
        raise HTTPException(404, f"there is no file {name!r}")
    version = _static_version(str(path), path.stat().st_mtime_ns)
    return file_response(request, path, version, cache=IMMUTABLE if v == version else "no-cache", types=STATIC_TYPES)


@routes.api_route("/robots.txt", methods=["GET", "HEAD"])
def robots() -> Response:
    """No search engine needs this page."""
    return Response("User-agent: *\nDisallow: /\n", media_type="text/plain")


@routes.api_route("/favicon.ico", methods=["GET", "HEAD"])
def favicon() -> Response:
    """Where browsers look first."""
    return RedirectResponse("/static/favicon.svg", 307)
