"""What may reach the page, and what may not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import Visit
from tests.web.routes import flat
from tests.web.served import serving
from vbench.bench import Bench
from vbench.web.security import guard
from vbench.web.security.guard import Guard, RateLimit, is_open_route
from vbench.web.security.headers import RefusedRequest
from vbench.web.security.policy import Policy

# --- which routes -----------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize(
    "path",
    [
        *(
            "/static/%00",
            "/static/a%0d%0ab",
            "/static/..%5c..%5capp.py",
            "/static/%2fetc%2fpasswd",
            "/static/a/..%2f..",
        ),
        *("/ui/assets/%00", "/ui/assets/" + "a" * 300, "/static/" + "a" * 300, "/static/" + "a/" * 1500),
        *("/ui/assets/..%2f..%2f..%2fetc%2fpasswd", "/media/%00", "/api/v1/..%2fstatic", "/healthz%00"),
    ],
)
def test_odd_addresses_lead_nowhere(seen: TestClient, path: str) -> None:
    answer = seen.get(path)
    assert (answer.status_code, answer.json()) == (404, {"error": "there is nothing at this address"})


def test_gradio_writes_down_no_host_that_is_not_ours(visit: Visit) -> None:
    page = visit(trusted_origins=["https://bench.example.org"])
    for name in ("evil.example", '"><script>alert(1)</script>', "bench.example.org, evil.example"):
        said = page.get("/ui/", headers={"x-forwarded-host": name}).text
        assert "evil.example" not in said
        assert "alert(1)" not in said
    assert "bench.example.org" in page.get("/ui/", headers={"x-forwarded-host": "bench.example.org"}).text


def test_machines_may_ask_without_a_body(seen: TestClient) -> None:
    for path in ("/", "/healthz", "/robots.txt", "/favicon.ico", "/static/app.js", "/login", "/ui/"):
        answer = seen.head(path)
        assert (answer.status_code in (200, 307), answer.content) == (True, b""), path


def test_the_pages_themselves_open(seen: TestClient) -> None:
    assert seen.get("/").headers["location"] == "/ui/"
    assert seen.get("/?takes=1").headers["location"] == "/ui/?takes=1"
    for path in ("/ui/", "/ui/arena", "/ui/theme.css", "/healthz"):
        assert seen.get(path).status_code == 200, path


# --- sizes and times --------------------------------------------------------------------------------------------------


def test_a_large_body_is_refused_before_it_is_read(seen: TestClient) -> None:
    answer = seen.post("/api/v1/notes", content=b"x" * (guard.MAX_BODY_BYTES + 1))
    assert answer.status_code == 413


def test_a_length_that_is_no_number_is_refused(seen: TestClient) -> None:
    for length in (b"\xb2", b"9" * 5000, b"-1", b"1e3"):
        assert (
            seen.post("/api/v1/notes", content=iter([b"x"]), headers=[(b"content-length", length)]).status_code == 413
        )


def test_a_browser_that_still_sends_reads_why_it_is_refused(bench: Bench) -> None:
    """Closing at once would end in a broken connection, which a page can only call being offline."""
    with serving(bench) as address, httpx.Client(base_url=address, headers={"origin": address}) as client:
        for path, status in (("/api/v1/notes", 413), ("/ui/gradio_api/upload", 404)):
            for _ in range(3):
                answer = client.post(path, content=b"x" * 8_000_000)
                assert (answer.status_code, set(answer.json())) == (status, {"error"})


def _run_guard(chunks: list[bytes], *, delay_s: float = 0.0) -> tuple[int, str]:
    """Send a chunked body through the guard to an application that swallows errors about it, as FastAPI does."""

    async def application(_scope: Any, receive: Any, send: Any) -> None:
        status = 200
        try:
            while (await receive()).get("more_body"):
                pass
        except RefusedRequest:
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
    monkeypatch.setattr(guard, "MAX_BODY_BYTES", 10)
    assert _run_guard([b"12345", b"12345"])[0] == 200
    status, body = _run_guard([b"12345", b"12345", b"6"])
    assert (status, "more than 10 bytes" in body) == (413, True)


def test_a_slow_body_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "BODY_TIMEOUT_S", 0.15)
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


# --- rates --------------------------------------------------------------------------------------------------------


def test_rates_refill() -> None:
    now = [0.0]
    limit = RateLimit(60, burst=2, clock=lambda: now[0])
    assert [limit.wait_s("a"), limit.wait_s("a")] == [0, 0]
    assert limit.wait_s("a") == pytest.approx(1.0)
    assert limit.wait_s("b") == 0
    now[0] = 1.01
    assert limit.wait_s("a") == 0
    assert limit.wait_s("a") > 0


def without_time(page: TestClient) -> None:
    """Let no bucket of the page be refilled, however slow this machine is."""
    limits = page.app.state.page.limits  # type: ignore[attr-defined]
    for name, (per_minute, burst) in {"writes": (300, 100), "boards": (60, 40)}.items():
        setattr(limits, name, RateLimit(per_minute, burst=burst, clock=lambda: 0.0))


def test_writing_too_fast_is_said_with_the_time_to_wait(page: TestClient) -> None:
    without_time(page)
    answers = [page.post("/api/v1/plan", json={"prompt": "x", "models": ["m"]}) for _ in range(110)]
    assert answers[0].status_code == 200
    assert answers[-1].status_code == 429
    assert int(answers[-1].headers["retry-after"]) >= 1


def test_boards_with_ever_other_filters_are_asked_for_at_a_pace(page: TestClient) -> None:
    without_time(page)
    codes = [page.get(f"/api/v1/board?tag=water&resolution={i}x{i}").status_code for i in range(45)]
    assert codes[0] == 200
    assert codes[-1] == 429


@pytest.mark.parametrize(
    ("client", "key"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::9", "2001:db8:1:2::/64"),
        ("2001:db8:1:3::9", "2001:db8:1:3::/64"),
        ("::ffff:203.0.113.7", "203.0.113.7"),
        ("testclient", "testclient"),
    ],
)
def test_one_line_is_one_address(client: str, key: str) -> None:
    assert guard.client_address({"client": (client, 1)}) == key
