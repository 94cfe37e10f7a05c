"""Headers on every answer, and what pages may run."""

from __future__ import annotations

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import Visit
from vbench.errors import OptionError
from vbench.web import files


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


def test_a_notebook_may_show_it_where_it_is_named(visit: Visit) -> None:
    answer = visit("http://127.0.0.1:7860", framed_by=["http://localhost:8888/"]).get("/ui/")
    assert "frame-ancestors 'self' http://localhost:8888;" in answer.headers["content-security-policy"] + ";"
    assert "x-frame-options" not in answer.headers, "it can name no other page"
    assert answer.headers["cross-origin-opener-policy"] == "same-origin"
    with pytest.raises(OptionError, match="`framed_by=localhost:8888` is not an origin"):
        visit("http://127.0.0.1:7860", framed_by=["localhost:8888"])


def test_an_open_page_can_tell_that_the_server_was_upgraded(seen: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the page was built with is what the API says with every answer, refusals too."""
    own = seen.get("/api/v1/bench").headers["x-vbench-edition"]
    assert own == seen.get("/api/v1/nowhere").headers["x-vbench-edition"]
    assert f'\\"edition\\": \\"{own}\\"' in seen.get("/ui/").text
    assert "x-vbench-edition" not in seen.get("/ui/").headers
    monkeypatch.setattr(files, "STATIC", files.STATIC.parent / "schemas")
    assert files.edition.__wrapped__() != own
