"""The page's own scripts and styles, under the hash of their content."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from vbench._version import __version__
from vbench.web import media

STATIC = Path(__file__).parent / "static"
routes = APIRouter()


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


@routes.api_route("/static/{name:path}", methods=["GET", "HEAD"], include_in_schema=False)
def static(request: Request, name: str, v: str = "") -> Response:
    """A file; browsers keep it for ever where they ask for the content it has now."""
    path = (STATIC / name).resolve()
    if not path.is_file() or STATIC.resolve() not in path.parents:
        raise HTTPException(404, f"there is no file {name!r}")
    version = _static_version(str(path), path.stat().st_mtime_ns)
    return media.file_response(
        request, path, version, cache=media.IMMUTABLE if v == version else "no-cache", types=media.STATIC_TYPES
    )
