"""The routes of an application, for tests of what is open."""

from __future__ import annotations

from typing import Any


def flat(routes: Any) -> list[tuple[str, str]]:
    """(method, path) of all routes, those of included routers too."""
    found = []
    for route in routes:
        router = getattr(route, "original_router", None)
        prefix = getattr(getattr(route, "include_context", None), "prefix", "")
        if router is not None:
            found += [(method, prefix + path) for method, path in flat(router.routes)]
        elif getattr(route, "methods", None):
            found += [(method, route.path) for method in route.methods]
    return found
