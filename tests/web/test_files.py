"""Files that go out: the page's own scripts."""

from __future__ import annotations

from fastapi.testclient import TestClient

from vbench.web import files


def test_static_files_are_kept_for_ever_only_under_the_hash_of_their_content(seen: TestClient) -> None:
    name = next(path.name for path in files.STATIC.iterdir() if path.suffix == ".js")
    current = seen.get(files.static_url(name))
    assert current.headers["cache-control"] == files.IMMUTABLE
    assert current.headers["content-type"].startswith("text/javascript")
    stale = seen.get(f"/static/{name}?v=000000000000")
    assert (stale.status_code, stale.headers["cache-control"]) == (200, "no-cache")
    for path in ("../server.py", "..%2Fserver.py", "nothing.js", ""):
        assert seen.get(f"/static/{path}").status_code == 404
