"""Who is let in, from where, to do what."""

from __future__ import annotations

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import Visit
from tests.web.routes import flat
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.records import Failure
from vbench.web.security.policy import is_trusted_host, policy_for

# --- hosts and origins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "vbench.example.org", "::"])
def test_another_host_needs_accounts_or_the_unsafe_word(host: str) -> None:
    with pytest.raises(OptionError, match="--auth FILE"):
        policy_for(host)
    assert not policy_for(host, has_auth=True).public
    assert policy_for(host, public=True).public


@pytest.mark.parametrize(
    "origin",
    ["example.org", "https://a?b", "https://u@a", "https://*.example.org", "ftp://example.org", "https://a/b", "*"],
)
def test_a_trusted_origin_is_exact(origin: str) -> None:
    with pytest.raises(OptionError, match="--trusted-origin"):
        policy_for("127.0.0.1", trusted_origins=[origin])


@pytest.mark.parametrize(
    ("host", "is_known"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("[::1]:9", True),
        ("bench.example.org:8443", True),
        ("bench.example.org", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost@evil.example", False),
        ("evil.example/localhost", False),
        ("localhost:bad", False),
        ("localhost:99999", False),
        ("localhost#evil.example", False),
        ("localhost?evil.example", False),
        ("localhost:80\tx", False),
        ("[::1", False),
        ("10.0.0.9:7860", True),  # the address the connection came in on
        ("10.0.0.8:7860", False),
        ("", False),
    ],
)
def test_hosts_are_exact(host: str, is_known: bool) -> None:
    policy = policy_for("127.0.0.1", trusted_origins=["https://bench.example.org:8443"])
    assert is_trusted_host(host, policy, ("10.0.0.9", 7860)) == is_known


def test_a_foreign_host_name_is_turned_away(visit: Visit) -> None:
    page = visit()
    answer = page.get("/api/v1/bench", headers={"host": "evil.example"})
    assert answer.status_code == 421
    assert "evil.example" in answer.json()["error"]


def test_a_post_from_elsewhere_is_refused(page: TestClient) -> None:
    del page.headers["origin"]
    origins = ["https://evil.example", "null", "http://127.0.0.1:7861", "http://localhost:7860", None]
    for path in ("/api/v1/notes", "/api/v1/arena/vote", "/login"):
        for origin in origins:
            answer = page.post(path, json={}, headers={"origin": origin} if origin else {})
            assert answer.status_code == 403, (path, origin)


def test_two_origins_are_none(page: TestClient) -> None:
    own = page.headers.pop("origin")
    answer = page.post("/api/v1/notes", json={}, headers=[("origin", own), ("origin", "https://evil.example")])
    assert answer.status_code == 403


def test_a_script_names_itself_instead_of_an_origin(visit: Visit) -> None:
    page = visit()
    del page.headers["origin"]
    assert page.post("/api/v1/notes", json={}, headers={"x-vbench-client": "notebook"}).status_code == 422


def test_a_trusted_origin_may_post(visit: Visit) -> None:
    page = visit(trusted_origins=["https://studio.example"])
    assert page.post("/api/v1/notes", json={}, headers={"origin": "https://studio.example"}).status_code == 422


# --- public pages -----------------------------------------------------------------------------------------------------

WRITES: list[tuple[str, str, Any]] = [
    ("POST", "/api/v1/tasks", {"kind": "score"}),
    ("POST", "/api/v1/tasks/0123456789abcdef/cancel", None),
    ("POST", "/api/v1/jobs/0123456789abcdef/retry", {"max_cost": 0}),
    ("POST", "/api/v1/plan", {"prompt": "x", "models": ["m"]}),
    ("POST", "/api/v1/uploads?name=a.mp4", None),
    ("POST", "/api/v1/uploads/confirm", {"uploads": [{"upload": "0" * 32, "model": "m", "prompt_id": "p"}]}),
    ("POST", "/api/v1/exports", {"clips": ["0" * 16], "kind": "zip"}),
    ("DELETE", "/api/v1/notes/abc", None),
    ("POST", "/api/v1/notes", {"clip": "0" * 16, "start_s": 0, "text": "x"}),
    ("PUT", "/api/v1/selects/0123456789abcdef", {"stars": 3}),
]


def test_a_public_page_looks_and_votes_only(visit: Visit, bench: Bench) -> None:
    page = visit(host="0.0.0.0", public=True)
    for method, path, body in WRITES:
        answer = page.request(method, path, json=body)
        assert answer.status_code == 403, (method, path)
        assert "public" in answer.json()["error"]
    assert bench.tasks() == []
    assert page.get("/api/v1/arena/pair").status_code == 200


def test_a_public_page_does_not_say_where_files_lie(visit: Visit, bench: Bench) -> None:
    inside = str(bench.root / "clips" / "a.mp4")
    bench.add_failure(Failure(stage="import", subject="/home/me/a.mp4", code="unreadable", message="/home/me/a.mp4: x"))
    bench.add_failure(Failure(stage="score", subject="abc", code="crashed", message=f"{inside}: x"))
    bench.add_task("score", {"preset": "offline"})
    page = visit(host="0.0.0.0", public=True)
    said = page.get("/api/v1/failures").text + page.get("/api/v1/tasks").text
    assert "/home/me" not in said
    assert str(bench.root) not in said
    assert "a.mp4: x" in said


def test_every_write_route_is_in_the_list_above(seen: TestClient) -> None:
    written = {(m, path) for m, path in flat(seen.app.routes) if m not in ("GET", "HEAD")}  # type: ignore[attr-defined]
    plain = {(m, p.partition("?")[0].replace("0123456789abcdef", "{}").replace("abc", "{}")) for m, p, _ in WRITES}
    shown = {(m, "/".join("{}" if part.startswith("{") else part for part in p.split("/"))) for m, p in written}
    assert shown - plain == {("POST", "/api/v1/arena/vote"), ("POST", "/login"), ("POST", "/logout")}
