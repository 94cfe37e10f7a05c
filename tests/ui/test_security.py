"""What may reach the page, and what may not."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.ui.conftest import Visit
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.records import Failure
from vbench.ui import security
from vbench.ui.auth import Accounts, hash_password
from vbench.ui.security import Guard, Policy, RateLimit, Refused, is_open_route, is_trusted_host, policy_for

PASSWORD = "correct horse battery"


# --- who is let in ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "vbench.example.org", "::"])
def test_another_host_needs_accounts_or_the_unsafe_word(host: str) -> None:
    with pytest.raises(OptionError, match="--auth FILE"):
        policy_for(host)
    assert not policy_for(host, has_auth=True).public
    assert policy_for(host, public=True).public


@pytest.mark.parametrize("origin", ["example.org", "https://*.example.org", "ftp://example.org", "https://a/b", "*"])
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


def test_a_script_names_itself_instead_of_an_origin(visit: Visit) -> None:
    page = visit()
    del page.headers["origin"]
    assert page.post("/api/v1/notes", json={}, headers={"x-vbench-client": "notebook"}).status_code == 422


def test_a_trusted_origin_may_post(visit: Visit) -> None:
    page = visit(trusted_origins=["https://studio.example"])
    assert page.post("/api/v1/notes", json={}, headers={"origin": "https://studio.example"}).status_code == 422


# --- which routes -------------------------------------------------------------------------------------------------

CLOSED = [
    ("GET", "/ui/config"),
    ("GET", "/ui/gradio_api/info"),
    ("GET", "/ui/gradio_api/openapi.json"),
    ("GET", "/ui/monitoring"),
    ("GET", "/ui/monitoring/summary"),
    ("GET", "/ui/gradio_api/runs"),
    ("GET", "/ui/gradio_api/run-history/records"),
    ("POST", "/ui/gradio_api/upload"),
    ("GET", "/ui/gradio_api/upload_progress"),
    ("GET", "/ui/gradio_api/file=/etc/passwd"),
    ("GET", "/ui/gradio_api/file=https://example.org/x"),
    ("GET", "/ui/gradio_api/proxy=https://example.org/x"),
    ("GET", "/ui/gradio_api/file/etc/passwd"),
    ("POST", "/ui/gradio_api/queue/join"),
    ("GET", "/ui/gradio_api/queue/data"),
    ("POST", "/ui/gradio_api/run/predict"),
    ("POST", "/ui/gradio_api/call/predict"),
    ("POST", "/ui/gradio_api/api/predict"),
    ("POST", "/ui/gradio_api/component_server"),
    ("POST", "/ui/gradio_api/vibe-edit"),
    ("GET", "/ui/gradio_api/vibe-code"),
    ("GET", "/ui/gradio_api/stream/a/b/c/playlist.m3u8"),
    ("POST", "/ui/gradio_api/process_recording"),
    ("GET", "/ui/gradio_api/deep_link"),
    ("GET", "/ui/gradio_api/token"),
    ("GET", "/ui/gradio_api/app_id"),
    ("GET", "/ui/gradio_api/dev/reload"),
    ("GET", "/ui/gradio_api/custom_component/a/client/component/x.js"),
    ("GET", "/ui/gradio_api/profiling/summary"),
    ("POST", "/ui/login"),
    ("GET", "/ui/../etc/passwd"),
    ("GET", "/ui//config"),
    ("GET", "/docs"),
    ("GET", "/redoc"),
    ("GET", "/config"),
    ("GET", "/gradio_api/info"),
    ("TRACE", "/ui/"),
    ("OPTIONS", "/api/v1/notes"),
    ("PATCH", "/api/v1/notes"),
]


@pytest.mark.parametrize("public", [False, True])
def test_what_the_pages_do_not_use_is_closed(visit: Visit, public: bool) -> None:
    page = visit(public=public)
    answers = {
        (method, path): page.request(method, path, content=b"x" * 100 if method == "POST" else None)
        for method, path in CLOSED
    }
    assert {key: answer.status_code for key, answer in answers.items() if answer.status_code not in (404, 405)} == {}
    assert all(set(answer.json()) == {"error"} for (method, _), answer in answers.items())


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


def test_every_gradio_route_but_its_own_files_is_closed(seen: TestClient) -> None:
    """Routes that a later Gradio adds are closed as well: the list is of what is open."""
    app: Any = seen.app
    gradio = next(route.app for route in app.routes if getattr(route, "path", "") == "/ui")
    all_ = flat(gradio.routes)
    assert any("queue/join" in path for _, path in all_)
    assert {
        (method, path)
        for method, path in all_
        if method != "HEAD" and is_open_route(method, "/ui" + path.replace("{path:path}", "x"), frozenset({""}))
    } == {
        ("GET", path)
        for path in (
            "/",
            "/assets/{path:path}",
            "/favicon.ico",
            "/gradio_api/startup-events",
            "/gradio_api/theme.css",
            "/manifest.json",
            "/static/{path:path}",
            "/svelte/{path:path}",
            "/theme.css",
        )
    }


def test_the_pages_themselves_open(seen: TestClient) -> None:
    assert seen.get("/").headers["location"] == "/ui/"
    assert seen.get("/?takes=1").headers["location"] == "/ui/?takes=1"
    for path in ("/ui/", "/ui/arena", "/ui/theme.css", "/healthz"):
        assert seen.get(path).status_code == 200, path


# --- headers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/ui/", "/api/v1/bench", "/nowhere", "/healthz", "/ui/theme.css"])
def test_every_answer_carries_the_headers(seen: TestClient, path: str) -> None:
    headers = seen.get(path, headers={"origin": "https://evil.example"}).headers
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["cross-origin-resource-policy"] == "same-origin"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]
    assert "default-src 'self'" in headers["content-security-policy"]
    assert not [name for name in headers if name.startswith("access-control-")]


def test_inline_scripts_run_only_with_the_nonce_of_this_answer(seen: TestClient) -> None:
    one, two = seen.get("/ui/"), seen.get("/ui/")
    nonces = [answer.headers["content-security-policy"].split("'nonce-")[1].split("'")[0] for answer in (one, two)]
    assert nonces[0] != nonces[1]
    assert one.text.count("<script") == one.text.count(f'<script nonce="{nonces[0]}"') > 0
    assert "script-src 'self' 'nonce-" in one.headers["content-security-policy"]
    assert int(one.headers.get("content-length", len(one.content))) == len(one.content)


def test_a_space_may_be_shown_inside_the_hub(visit: Visit) -> None:
    page = visit("https://me-bench.hf.space", host="0.0.0.0", public=True, space_host="me-bench.hf.space")
    answer = page.get("/api/v1/bench")
    assert answer.json()["mode"] == "public"
    assert "frame-ancestors 'self' https://huggingface.co" in answer.headers["content-security-policy"]
    assert "x-frame-options" not in answer.headers
    cookie = answer.headers["set-cookie"]
    assert "SameSite=none" in cookie
    assert "Secure" in cookie
    assert "Partitioned" in cookie


# --- public pages -------------------------------------------------------------------------------------------------

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


# --- accounts -----------------------------------------------------------------------------------------------------


@pytest.fixture
def account_file(tmp_path: Path) -> Path:
    path = tmp_path / "accounts"
    path.write_text(f"# who may in\nana:{hash_password(PASSWORD)}\n")
    return path


def test_nothing_is_served_without_signing_in(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    assert page.get("/api/v1/bench").status_code == 401
    assert page.get("/media/" + "0" * 64).status_code == 401
    assert page.get("/ui/theme.css").status_code == 401
    to_form = page.get("/ui/", headers={"accept": "text/html"})
    assert (to_form.status_code, to_form.headers["location"]) == (303, "/login")
    assert page.get("/login").status_code == 200


def test_signing_in_and_out(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    wrong = page.post("/login", data={"name": "ana", "password": "wrong password"})
    assert wrong.status_code == 401
    assert "alert" in wrong.text
    right = page.post("/login", data={"name": "ana", "password": PASSWORD})
    assert right.status_code == 303
    assert "HttpOnly" in right.headers["set-cookie"]
    assert page.get("/api/v1/bench").json()["account"] == "ana"
    page.post("/logout")
    assert page.get("/api/v1/bench").status_code == 401


def test_a_forged_session_is_nobody(account_file: Path) -> None:
    accounts = Accounts.read(account_file, b"k" * 32)
    session = accounts.session("ana")
    assert accounts.by_session(session) == "ana"
    assert Accounts.read(account_file, b"x" * 32).by_session(session) is None
    body, expires, _ = session.split(".")
    assert accounts.by_session(f"{body}.{int(expires) + 1}.{session.split('.')[2]}") is None
    for garbage in ("", ".", "a.b.c", "é.1.x", session[:-1]):
        assert accounts.by_session(garbage) is None


def test_a_script_signs_in_with_every_request(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)

    def basic(text: str) -> dict[str, str]:
        return {"authorization": "Basic " + base64.b64encode(text.encode()).decode()}

    right = basic(f"ana:{PASSWORD}")
    assert {page.get("/api/v1/bench", headers=right).status_code for _ in range(60)} == {200}
    for wrong in (basic("ana:no"), basic("bob:" + PASSWORD), {"authorization": "Basic ???"}):
        assert page.get("/api/v1/bench", headers=wrong).status_code == 401


def test_files_behind_accounts_are_not_for_shared_caches(visit: Visit, account_file: Path, bench: Bench) -> None:
    address = f"/media/{bench.clips()[0].sha256}"
    page = visit(auth=account_file)
    page.post("/login", data={"name": "ana", "password": PASSWORD})
    assert page.get(address).headers["cache-control"] == "private, max-age=31536000, immutable"


def test_guessing_passwords_is_slow(visit: Visit, account_file: Path) -> None:
    page = visit(auth=account_file)
    guesses = [{"authorization": "Basic " + base64.b64encode(f"ana:{i}".encode()).decode()} for i in range(9)]
    assert page.get("/healthz", headers=guesses[0]).status_code == 200
    assert [page.get("/api/v1/bench", headers=guess).status_code for guess in guesses][-1] == 429
    codes = [page.post("/login", data={"name": f"u{i}", "password": "guess guess"}).status_code for i in range(9)]
    assert codes[0] == 401
    assert codes[-1] == 429


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "nobody"),
        ("ana:password123", ":1: not an account"),
        ("# c\nana", ":2: not an account"),
        ("ana:scrypt$1073741824$8$1$AAAA$AAAA", ":1: not an account"),
        (":scrypt$32768$8$1$AAAA$AAAA", ":1: not an account"),
    ],
)
def test_a_wrong_account_file_is_a_sentence(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "accounts"
    path.write_text(text)
    with pytest.raises(OptionError, match=message):
        Accounts.read(path, b"k")


def test_passwords_are_salted_and_not_short() -> None:
    assert hash_password(PASSWORD) != hash_password(PASSWORD)
    with pytest.raises(OptionError, match="at least 10"):
        hash_password("short")


# --- sizes, times, rates ------------------------------------------------------------------------------------------


def test_a_large_body_is_refused_before_it_is_read(seen: TestClient) -> None:
    answer = seen.post("/api/v1/notes", content=b"x" * (security.MAX_BODY_BYTES + 1))
    assert answer.status_code == 413


def _run_guard(chunks: list[bytes], *, delay_s: float = 0.0) -> tuple[int, str]:
    """Send a chunked body through the guard to an application that swallows errors about it, as FastAPI does."""

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        status = 200
        try:
            while (await receive()).get("more_body"):
                pass
        except Refused:
            status = 400
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/api/v1/notes",
        "headers": [(b"host", b"localhost"), (b"origin", b"http://localhost")],
    }
    left, sent = list(chunks), []

    async def receive() -> Any:
        await asyncio.sleep(delay_s)
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Guard(application, Policy(hosts=frozenset({"localhost"})), frozenset())(scope, receive, send))
    return sent[0]["status"], sent[1]["body"].decode()


def test_a_body_without_a_length_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "MAX_BODY_BYTES", 10)
    assert _run_guard([b"12345", b"12345"])[0] == 200
    status, body = _run_guard([b"12345", b"12345", b"6"])
    assert (status, "more than 10 bytes" in body) == (413, True)


def test_a_slow_body_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(security, "BODY_TIMEOUT_S", 0.15)
    assert _run_guard([b"1", b"2"], delay_s=0.01)[0] == 200
    assert _run_guard([b"1"] * 9, delay_s=0.05)[0] == 408


def test_a_bug_is_a_sentence_and_keeps_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    async def application(_scope: Any, _receive: Any, _send: Any) -> None:
        raise KeyError("secret detail")

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": "/healthz", "headers": [(b"host", b"localhost")]}
    guard = Guard(application, Policy(hosts=frozenset({"localhost"})), frozenset())
    asyncio.run(guard(scope, None, send))  # type: ignore[arg-type]
    assert sent[0]["status"] == 500
    assert b"secret detail" not in sent[1]["body"]
    assert "secret detail" in caplog.text


def test_rates_refill() -> None:
    now = [0.0]
    limit = RateLimit(60, burst=2, clock=lambda: now[0])
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 0]
    assert limit.wait_s("a") == pytest.approx(1.0)
    assert limit.wait_s("b") == 0
    now[0] = 1.01
    assert limit.wait_s("a") == 0
    assert limit.wait_s("a") > 0


def test_writing_too_fast_is_said_with_the_time_to_wait(page: TestClient) -> None:
    answers = [page.post("/api/v1/plan", json={"prompt": "x", "models": ["m"]}) for _ in range(110)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1
