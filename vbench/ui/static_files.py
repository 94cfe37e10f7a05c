"""The page's own scripts and styles, under the hash of their content."""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from vbench.ui import media

STATIC = Path(__file__).parent / "static"
routes = APIRouter()


@lru_cache(maxsize=200)
def _static_version(path: str, _mtime_ns: int) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:12]


def static_url(name: str) -> str:
    """The address of a file of `vbench/ui/static`, with its content's hash, so that browsers may keep it for ever."""
    path = STATIC / name
    return f"/static/{name}?v={_static_version(str(path), path.stat().st_mtime_ns)}"


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
