"""The shared HTTP part: what is tried again, what never is, and where keys go."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.fakes.hosted import Fake
from vbench.adapters import ADAPTERS, wire
from vbench.adapters.response import Response
from vbench.adapters.wire import Auth, Wire, origin
from vbench.catalog.cards import find_card
from vbench.errors import AuthError, CatalogError, JobError, NotStartedError
from vbench.records import Prompt, Request

KEY = "t0p-s3cret-k3y-0123456789"


@contextmanager
def talking(
    url: str, monkeypatch: pytest.MonkeyPatch, *, auth: Auth | None = None
) -> Iterator[tuple[Wire, list[float]]]:
    monkeypatch.setenv("WIRE_TEST_KEY", KEY)
    pauses: list[float] = []
    line = Wire(
        model="toy",
        base_url=url,
        auth=auth or Auth(value="Bearer ${WIRE_TEST_KEY}", header="Authorization"),
        sleep=pauses.append,
    )
    try:
        yield line, pauses
    finally:
        line.close()


@contextmanager
def scripted(answers: list[bytes], *, keep_open: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """A server of raw answers; one that keeps open says so and then hangs up without a word."""
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        for answer in answers:
            connection, _ = listener.accept()
            with connection:
                heard.append(connection.recv(65536))
                if keep_open:
                    connection.sendall(answer)
                else:  # said, or the client may ask again on a line that is about to be cut
                    connection.sendall(answer.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n", 1))
                    connection.shutdown(socket.SHUT_WR)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    finally:
        listener.close()
        thread.join(5)


def answer(status: str, body: bytes = b"{}", *headers: str) -> bytes:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def test_a_model_that_was_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    gone = "The model 'toy-1' does not exist or you do not have access to it"
    with talking("http://127.0.0.1:1", monkeypatch) as (line, _):
        error = line.refuse(Response(status=404, json=None, text="", headers={}), message=gone)
        other = line.refuse(Response(status=404, json=None, text="", headers={}), message="no such route")
    assert [getattr(e, "code", "") for e in (error, other)] == ["model_retired", "bad_request"]


def test_questions_are_repeated_with_growing_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    busy = answer("503 Busy", b"busy")
    with scripted([busy, busy, busy, answer("200 OK", b'{"a": 1}')]) as (url, heard):
        with talking(url, monkeypatch) as (line, pauses):
            assert line.get("/x").json == {"a": 1}
        assert len(heard) == 4
    assert len(pauses) == 3
    assert pauses[0] < pauses[1] < pauses[2]


def test_the_pause_that_a_tool_asks_for_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted([answer("429 Slow", b"", "Retry-After: 2"), answer("200 OK")]) as (url, _):
        with talking(url, monkeypatch) as (line, pauses):
            line.get("/x")
        assert pauses == [2.0]
    with (
        scripted([answer("429 Slow", b"", "Retry-After: 600")]) as (url, _),
        talking(url, monkeypatch) as (line, pauses),
    ):
        assert line.get("/x").retry_after_s == 600, "a long one is the caller's, who can stop meanwhile"
        assert pauses == []


def test_a_server_that_hangs_up_between_two_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a kept connection the second POST would end with an unknown outcome, although it was never heard."""
    with scripted([answer("200 OK"), answer("200 OK")], keep_open=True) as (url, heard):
        with talking(url, monkeypatch) as (line, _):
            assert line.post_once("/x", json_body={}).ok
            assert line.post_once("/x", json_body={}).ok
        assert len(heard) == 2


def test_half_an_answer_is_an_unknown_outcome(monkeypatch: pytest.MonkeyPatch) -> None:
    half = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"
    with scripted([half]) as (url, heard), talking(url, monkeypatch) as (line, _):
        with pytest.raises(JobError) as caught:
            line.post_once("/x", json_body={})
        assert caught.value.code == "outcome_unknown"
        assert "look in the tool's own console" in str(caught.value)
        assert len(heard) == 1


@pytest.mark.parametrize("host", ["127.0.0.1:1", "no-such-host.invalid"])
def test_no_connection_means_nothing_began(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with talking(f"http://{host}", monkeypatch) as (line, pauses):
        with pytest.raises(NotStartedError, match="nothing was sent"):
            line.post_once("/x", json_body={})
        assert pauses == []


@pytest.mark.parametrize(
    ("status", "reason", "kind", "code"),
    [
        (429, None, NotStartedError, "rate_limited"),
        (429, "no_balance", JobError, "no_balance"),
        (200, "concurrency", NotStartedError, "concurrency"),
        (400, None, JobError, "bad_request"),
        (402, None, JobError, "no_balance"),
        (410, None, JobError, "model_retired"),
        (500, None, JobError, "outcome_unknown"),
        (500, "moderated_input", JobError, "moderated_input"),
        (418, None, JobError, "outcome_unknown"),
        (307, None, JobError, "bad_request"),
        (308, None, JobError, "bad_request"),
        (301, None, JobError, "outcome_unknown"),
        (302, None, JobError, "outcome_unknown"),
        (303, None, JobError, "outcome_unknown"),
        (409, None, JobError, "outcome_unknown"),
        (409, "no_balance", JobError, "no_balance"),
    ],
)
def test_what_a_refused_create_means(
    status: int, reason: wire.Reason | None, kind: type[JobError], code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with talking("http://127.0.0.1:1", monkeypatch) as (line, _):
        error = line.refuse(Response(status=status, json=None, text="t", headers={}), reason=reason)
    assert type(error) is kind
    assert error.code == code


def test_a_key_in_the_query_stays_out_of_logs_and_errors(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        Fake("xai") as fake,
        talking(fake.origin, monkeypatch, auth=Auth(value="${WIRE_TEST_KEY}", query="key")) as (
            line,
            _,
        ),
    ):
        line.get("/v1/videos/none?a=b")
        line.post_once("/v1/none", json_body={})
        assert any(f"key={KEY}" in asked.path for asked in fake.asked), "it was sent"
        assert any("a=b" in asked.path for asked in fake.asked), "and the path's own query as well"
        fake.stop()
        with pytest.raises(NotStartedError) as caught:
            line.post_once("/v1/none", json_body={})
        fake.__enter__()
    assert KEY not in caplog.text
    assert KEY not in str(caught.value)


def test_the_key_stays_with_its_origin(monkeypatch: pytest.MonkeyPatch) -> None:
    with talking("https://api.example.com/v1", monkeypatch) as (line, _):
        assert line.url("https://api.example.com:443/other") == "https://api.example.com:443/other"
        for elsewhere in (
            "https://[::1",
            "http://api.example.com/v1",
            "https://api.example.com:8443/",
            "https://example.com/",
        ):
            with pytest.raises(JobError, match="nothing was sent there"):
                line.url(elsewhere)
    assert origin("https://user:pw@h.example/p?q=1#f") == "https://h.example:443"


@pytest.mark.parametrize("value", ["two\nlines-of-a-key", "schlüssel-0123456789"])
def test_a_mangled_key_is_not_sent_and_not_shown(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with talking("http://127.0.0.1:1", monkeypatch) as (line, _):
        monkeypatch.setenv("WIRE_TEST_KEY", value)
        with pytest.raises(AuthError, match="copy it again") as caught:
            line.credentials()
        assert value not in str(caught.value)


@pytest.mark.parametrize("url", ["ftp://x.example", "x.example/v1", "https://", "https://[::1"])
def test_an_address_that_is_none(url: str) -> None:
    with pytest.raises(CatalogError, match="is not an http address"):
        Wire(model="toy", base_url=url)


@pytest.mark.parametrize(
    "body", [rb'{"error": {"message": "no \ud83d", "a\u0000b": ["\ude00"]}}', b"no \x00, \xed\xa0\xbd"]
)
def test_half_a_character_can_be_stored_and_shown(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    with scripted([answer("400 Bad Request", body)]) as (url, _), talking(url, monkeypatch) as (line, _):
        found = line.post_once("/x")
    for text in (json.dumps(found.json, ensure_ascii=False), found.text):
        assert text.encode().decode().isprintable(), text


@pytest.mark.parametrize("body", [b"null", b"[]", b"7", b"\xff\xfe", b"[" * 100_000, b'{"id": {}}', b'"text"'])
def test_answers_of_any_shape(body: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever JSON a tool says, a create call ends with a sentence and an unknown outcome."""
    with scripted([answer("200 OK", body)]) as (url, _):
        monkeypatch.setenv("KLING_BASE_URL", url)
        monkeypatch.setenv("KLING_API_KEY", KEY)
        adapter = ADAPTERS["http"](find_card("kling-v3"))
        with pytest.raises(JobError) as caught:
            adapter.submit(adapter.plan(Request(prompt=Prompt(id="p", text="t"))))
        adapter.close()
        assert caught.value.code == "outcome_unknown"
