"""Who is let in, from where, to do what."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import Visit
from tests.web.routes import flat
from vbench.bench import Bench
from vbench.bench.tables import ClipRow, JobRow
from vbench.errors import OptionError
from vbench.records import Failure, Note, ScoreKey, Select
from vbench.web.guests import GuestView, new_review
from vbench.web.security.auth import hash_password
from vbench.web.security.policy import is_trusted_host, policy_for

PASSWORD = "correct horse battery"


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    path.write_text(f"ana:{hash_password(PASSWORD)}\n")
    return path


# --- hosts and origins ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "vbench.example.org", "::"])
def test_another_host_needs_accounts_or_the_unsafe_word(host: str) -> None:
    with pytest.raises(OptionError, match="`auth=FILE`"):
        policy_for(host)
    assert not policy_for(host, has_auth=True).public
    assert policy_for(host, public=True).public


@pytest.mark.parametrize(
    "origin",
    ["example.org", "https://a?b", "https://u@a", "https://*.example.org", "ftp://example.org", "https://a/b", "*"],
)
def test_a_trusted_origin_is_exact(origin: str) -> None:
    with pytest.raises(OptionError, match="`trusted_origin="):
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
    ("PUT", "/api/v1/sheet/overrule", {"clip": "0" * 16, "question": "0" * 16, "verdict": "seen"}),
    ("POST", "/api/v1/tasks/0123456789abcdef/cancel", None),
    ("POST", "/api/v1/jobs/0123456789abcdef/retry", {"max_cost": 0}),
    ("POST", "/api/v1/plan", {"prompt": "x", "models": ["m"]}),
    ("POST", "/api/v1/uploads?name=a.mp4", None),
    ("POST", "/api/v1/pictures?name=a.png", None),
    ("POST", "/api/v1/uploads/confirm", {"uploads": [{"upload": "0" * 32, "model": "m", "prompt_id": "p"}]}),
    ("POST", "/api/v1/exports", {"clips": ["0" * 16], "kind": "zip"}),
    ("DELETE", "/api/v1/notes/abc", None),
    ("POST", "/api/v1/notes", {"clip": "0" * 16, "start_s": 0, "text": "x"}),
    ("PUT", "/api/v1/selects/0123456789abcdef", {"stars": 3}),
    ("PUT", "/api/v1/selects", {"choices": [{"clip": "0" * 16, "stars": 3}]}),
    ("PUT", "/api/v1/notes/abc/state", {"is_resolved": True}),
    ("PUT", "/api/v1/cuts", {"name": "first"}),
    ("DELETE", "/api/v1/cuts/0123456789abcdef", None),
    ("POST", "/api/v1/reviews", {"clips": ["0" * 16]}),
    ("DELETE", "/api/v1/reviews/0123456789abcdef", None),
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
    for_guests = {(m, path) for m, path in shown if path.startswith("/review/")}
    assert shown - plain - for_guests == {("POST", "/api/v1/arena/vote"), ("POST", "/login"), ("POST", "/logout")}


# --- every route, for everyone ----------------------------------------------------------------------------------------

ROLES = ("public", "signed out", "ana", "local", "guest")
"""A visitor of a public page, a stranger before a page with accounts, an account, whoever sits at the machine, and
a guest of a review link on a page with accounts: as a stranger, but below the address of the link."""
ANYONE = (200, 401, 200, 200)
OPEN = (200, 200, 200, 200)
SHUT = (401, 401, 401, 401)
"""To whoever has not given the password of the link, whoever that is."""
MAKERS = (403, 401, 404, 404)
"""Of something that is not there: a public page does not even look."""
TABLE: dict[tuple[str, str], tuple[int, int, int, int]] = {
    ("GET", "/"): (307, 401, 307, 307),
    ("GET", "/healthz"): OPEN,
    ("GET", "/robots.txt"): OPEN,
    ("GET", "/favicon.ico"): (307, 307, 307, 307),
    ("GET", "/login"): OPEN,
    ("POST", "/login"): (303, 401, 401, 303),
    ("POST", "/logout"): (303, 401, 303, 303),
    ("GET", "/static/{name:path}"): OPEN,
    ("GET", "/media/{sha256}"): ANYONE,
    ("GET", "/media/{sha256}/{name}"): ANYONE,
    ("GET", "/arena/media/{file}.mp4"): (404, 401, 404, 404),
    ("GET", "/api/v1/openapi.json"): ANYONE,
    ("GET", "/api/v1/bench"): ANYONE,
    ("GET", "/api/v1/prompts"): ANYONE,
    ("GET", "/api/v1/models"): ANYONE,
    ("GET", "/api/v1/jobs"): ANYONE,
    ("GET", "/api/v1/failures"): ANYONE,
    ("GET", "/api/v1/clips"): ANYONE,
    ("GET", "/api/v1/clips/{clip}"): ANYONE,
    ("GET", "/api/v1/clips/{clip}/scores"): ANYONE,
    ("GET", "/api/v1/clips/{clip}/timelines"): ANYONE,
    ("GET", "/api/v1/clips/{clip}/events"): ANYONE,
    ("GET", "/api/v1/notes"): ANYONE,
    ("GET", "/api/v1/board"): ANYONE,
    ("GET", "/api/v1/board/columns"): ANYONE,
    ("GET", "/api/v1/board/drill"): ANYONE,
    ("GET", "/api/v1/sheet"): ANYONE,
    ("GET", "/api/v1/sheet/answers"): (404, 401, 404, 404),
    ("PUT", "/api/v1/sheet/overrule"): MAKERS,
    ("GET", "/api/v1/arena/pair"): ANYONE,
    ("GET", "/api/v1/ratings"): ANYONE,
    ("GET", "/api/v1/votes"): ANYONE,
    ("GET", "/api/v1/votes/metrics"): ANYONE,
    ("GET", "/api/v1/tasks"): ANYONE,
    ("GET", "/api/v1/steps"): ANYONE,
    ("GET", "/api/v1/tasks/{task}"): MAKERS,
    ("GET", "/api/v1/exports/{task}"): MAKERS,
    ("GET", "/api/v1/choices"): (403, 401, 200, 200),
    ("POST", "/api/v1/arena/vote"): (403, 401, 403, 403),
    ("POST", "/api/v1/tasks"): (403, 401, 400, 400),
    ("POST", "/api/v1/tasks/{task}/cancel"): MAKERS,
    ("POST", "/api/v1/jobs/{job}/retry"): MAKERS,
    ("POST", "/api/v1/plan"): (403, 401, 200, 200),
    ("POST", "/api/v1/uploads"): (403, 401, 400, 400),
    ("POST", "/api/v1/pictures"): (403, 401, 400, 400),
    ("POST", "/api/v1/uploads/confirm"): (403, 401, 400, 400),
    ("POST", "/api/v1/exports"): (403, 401, 400, 400),
    ("POST", "/api/v1/notes"): (403, 401, 403, 403),
    ("DELETE", "/api/v1/notes/{note}"): MAKERS,
    ("PUT", "/api/v1/selects/{clip}"): (403, 401, 200, 200),
    ("PUT", "/api/v1/selects"): (403, 401, 400, 400),
    ("PUT", "/api/v1/notes/{note}/state"): (403, 401, 204, 204),
    ("GET", "/api/v1/best-of"): ANYONE,
    ("GET", "/api/v1/cuts"): ANYONE,
    ("PUT", "/api/v1/cuts"): (403, 401, 200, 200),
    ("DELETE", "/api/v1/cuts/{cut}"): MAKERS,
    ("GET", "/api/v1/cuts/fill"): (403, 401, 400, 400),
    ("GET", "/api/v1/cuts/joins"): (403, 401, 400, 400),
    ("GET", "/api/v1/reviews"): (403, 401, 200, 200),
    ("POST", "/api/v1/reviews"): (403, 401, 400, 400),
    ("DELETE", "/api/v1/reviews/{token}"): (403, 401, 204, 204),
    ("GET", "/api/v1/approvals"): ANYONE,
    ("GET", "/review/{token}"): OPEN,
    ("GET", "/review/{token}/compare"): OPEN,
    ("POST", "/review/{token}"): SHUT,
    ("GET", "/review/{token}/api/bench"): SHUT,
    ("GET", "/review/{token}/api/clips"): SHUT,
    ("GET", "/review/{token}/api/notes"): SHUT,
    ("GET", "/review/{token}/api/approvals"): SHUT,
    ("POST", "/review/{token}/api/notes"): SHUT,
    ("PUT", "/review/{token}/api/notes/{note}/state"): SHUT,
    ("DELETE", "/review/{token}/api/notes/{note}"): SHUT,
    ("PUT", "/review/{token}/api/approvals/{take}"): SHUT,
    ("GET", "/review/{token}/media/{take}/{name}"): SHUT,
}
"""(Method, path) → what each of `ROLES` but the guest is answered."""
FOR_GUESTS = {
    ("POST", "/review/{token}"): 401,
    ("GET", "/review/{token}/api/bench"): 200,
    ("GET", "/review/{token}/api/clips"): 200,
    ("GET", "/review/{token}/api/notes"): 200,
    ("GET", "/review/{token}/api/approvals"): 200,
    ("POST", "/review/{token}/api/notes"): 404,
    ("PUT", "/review/{token}/api/notes/{note}/state"): 404,
    ("DELETE", "/review/{token}/api/notes/{note}"): 404,
    ("PUT", "/review/{token}/api/approvals/{take}"): 204,
    ("GET", "/review/{token}/media/{take}/{name}"): 200,
}
"""What a guest with the password is answered where no stranger is; a note of the makers is not there."""


def expected(role: str) -> dict[tuple[str, str], int]:
    if role != "guest":
        return {key: codes[ROLES.index(role)] for key, codes in TABLE.items()}
    return {key: FOR_GUESTS.get(key, codes[ROLES.index("signed out")]) for key, codes in TABLE.items()}


BODIES: dict[str, Any] = {
    "/api/v1/arena/vote": {"token": "x" * 20, "outcome": "left"},
    "/api/v1/tasks": {"kind": "generate"},
    "/api/v1/jobs/{job}/retry": {},
    "/api/v1/plan": {"prompt": "x", "models": ["synthetic-clean"]},
    "/api/v1/uploads/confirm": {"uploads": [{"upload": "0" * 32, "model": "m", "prompt_id": "p"}]},
    "/api/v1/exports": {"clips": ["0" * 16], "kind": "csv"},
    "/api/v1/sheet/overrule": {"clip": "0" * 16, "question": "0" * 16, "verdict": "seen"},
    "/api/v1/selects/{clip}": {"stars": 3},
    "/api/v1/selects": {"choices": [{"clip": "0" * 16, "stars": 3}]},
    "/api/v1/notes/{note}/state": {"is_resolved": True},
    "/api/v1/cuts": {"name": "first"},
    "/api/v1/reviews": {"clips": ["0" * 16]},
    "/review/{token}/api/approvals/{take}": {"state": "approved"},
    "/review/{token}/api/notes/{note}/state": {"is_resolved": True},
}
QUERIES = {
    "/api/v1/uploads": "?name=a.txt",
    "/api/v1/pictures": "?name=a.png",
    "/api/v1/cuts/fill": "?suite=none",
    "/api/v1/cuts/joins": "?cut=none",
    "/api/v1/board/drill": "?metric=flicker&model=alpha",
    "/api/v1/sheet/answers": "?clip=0000000000000000&question=0000000000000000",
}
PLACE, COST, NAME, REMARK = "/srv/secret place/of/ours", 1234.5678, "bertha-the-maker", "their own words"
"""What is planted in the bench, and may not come out."""


def planted(bench: Bench, place: str) -> None:
    """A bench that knows a path, a cost and a name."""
    clip = bench.clips()[0]
    key = ScoreKey(clip=clip.id, metric="flicker", version=1)
    bench.add_note(Note(id="ab", clip=clip.id, start_s=0.5, end_s=0.5, text=REMARK, author=NAME))
    bench.set_select(Select(clip=clip.id, author=NAME, stars=5))
    for stage in ("import", "generate", "score"):
        about = Failure(stage=stage, subject=f"{place}/a.mp4", code="x", message=f"{place}/a.mp4: no frame")  # type: ignore[arg-type]
        bench.add_failure(about)
    bench.add_failure(Failure(stage="score", subject=clip.id, code="x", message=f"cannot read {place}/a.mp4", key=key))
    task = bench.add_task("export", {"kind": "zip", "clips": [clip.id], "author": NAME})
    bench.update_task(task, state="failed", message=f"{place}/a.mp4: is gone")
    with bench.write() as session:
        row = session.get(ClipRow, clip.id)
        assert row is not None
        row.provenance = dict(row.provenance) | {"source": f"{place}/a.mp4", "warnings": [f"{place}/a.mp4 was cut"]}
        session.add(
            JobRow(
                id="0" * 32,
                identity="i",
                model=clip.model,
                prompt_key=clip.prompt.key,
                sample=0,
                state="failed",
                message=f"{place}/a.mp4: the disk is full",
                plan={"prompt": REMARK, "place": place},
                is_billable=True,
                estimate_usd=COST,
                cost_usd=COST,
                run="r",
                planned_at="2026-01-01T00:00:00Z",
            )
        )


@pytest.mark.parametrize("role", ROLES)
def test_every_route_answers_each_role_as_the_table_says(
    visit: Visit, bench: Bench, account_file: Path, role: str
) -> None:
    place = f"{bench.root}/a folder"
    planted(bench, PLACE)
    planted_in_bench = Failure(stage="generate", subject=f"{place}/b.mp4", code="x", message=f"{place}/b.mp4: x")
    bench.add_failure(planted_in_bench)
    options: dict[str, Any] = {
        "public": {"host": "0.0.0.0", "public": True},
        "signed out": {"auth": account_file},
        "ana": {"auth": account_file},
        "local": {},
        "guest": {"auth": account_file},
    }[role]
    page = visit(**options)
    if role == "ana":
        assert page.post("/login", data={"name": "ana", "password": PASSWORD}).status_code == 303
    clip = bench.clips()[0]
    review, _ = new_review(bench, [clip.id], password=PASSWORD)
    if role == "guest":
        entered = page.post(f"/review/{review.token}", data={"name": "Maya", "password": PASSWORD})
        assert entered.status_code == 303
    parts = {
        "{name:path}": "app.js",
        "{sha256}": clip.sha256,
        "{name}": "poster.webp",
        "{file}": "x" * 22,
        "{clip}": clip.id,
        "{task}": "f" * 16,
        "{job}": "f" * 32,
        "{note}": "ab",
        "{token}": review.token,
        "{take}": next(iter(GuestView.of(bench, review).takes)),
    }
    routes = {(m, path) for m, path in flat(page.app.routes) if m != "HEAD"}  # type: ignore[attr-defined]
    assert routes == set(TABLE), "a new route has its line in the table"
    bodies: dict[str, Any] = BODIES | {
        "/api/v1/notes": {"clip": clip.id, "start_s": 0, "text": "mine now", "id": "ab"},
        "/review/{token}/api/notes": {"clip": clip.id, "start_s": 0, "text": "mine now", "id": "ab"},
    }
    answers, told = {}, ""
    last = [key for path in ("/api/v1/reviews/{token}", "/login", "/logout") for key in TABLE if key[1] == path]
    for method, path in [*sorted(routes - set(last)), *last]:  # they end the link, and the session
        address = path + QUERIES.get(path, "")
        for part, value in parts.items():
            address = address.replace(part, value)
        signs_in = method == "POST" and path in ("/login", "/review/{token}")
        extra = {"data": {"name": "ana", "password": "wrong wrong"}} if signs_in else {}
        body = bodies.get(path) if method != "GET" else None
        answer = page.request(method, address, json=body, **extra)
        answers[method, path] = answer.status_code
        told += f"\n{method} {path} {answer.text}" if "media" not in path and "static" not in path else ""
    assert answers == expected(role)
    assert [(note.text, note.author) for note in bench.notes()] == [(REMARK, NAME)], "nobody changed or removed it"
    told_name, told_cost = NAME in told, str(COST) in told
    told_paths = [path for path in (PLACE, "secret place", str(bench.root), "/a folder") if path in told]
    if role == "local":
        assert told_paths
        assert (told_name, told_cost) == (True, True)
        return
    assert told_paths == []
    assert (told_name, told_cost, REMARK in told) == ((role == "ana",) * 3)
