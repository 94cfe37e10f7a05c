"""Guests of a review link: what opens it, what they see and say, and that all else stays shut."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.web.conftest import MODELS, Visit
from vbench.bench import Bench
from vbench.errors import BenchError, OptionError
from vbench.exports.selects import rows_as_csv, select_rows
from vbench.records import Note, Review
from vbench.web.guests import GuestView, new_review
from vbench.web.words import locale_of, translations

PASSWORD = "a long password"


@pytest.fixture
def made(bench: Bench) -> Review:
    """A link for two takes of one prompt."""
    ids = [clip.id for clip in bench.clips(prompt_ids=["boat"])][:2]
    return new_review(bench, ids, title="Boats", password=PASSWORD)[0]


def enter(page: TestClient, review: Review, name: str = "Maya", password: str = PASSWORD) -> Any:
    return page.post(f"/review/{review.token}", data={"name": name, "password": password})


@pytest.fixture
def guest(visit: Visit, made: Review) -> TestClient:
    """Maya's browser, on a page with nobody else."""
    page = visit()
    assert enter(page, made).status_code == 303
    return page


def api(review: Review, path: str) -> str:
    return f"/review/{review.token}/api/{path}"


# --- the link ---------------------------------------------------------------------------------------------------------


def test_a_password_is_made_where_none_is_given_and_kept_as_a_hash(bench: Bench) -> None:
    ids = [bench.clips()[0].id]
    review, password = new_review(bench, ids)
    assert len(password) >= 10
    assert password not in repr(bench.review(review.token))
    assert len(review.token) >= 20
    assert new_review(bench, ids)[0].token != review.token
    with pytest.raises(OptionError, match="10"):
        new_review(bench, ids, password="short")
    for days in (0, 366):
        with pytest.raises(OptionError, match="`days="):
            new_review(bench, ids, days=days)
    with pytest.raises(BenchError):
        new_review(bench, [])


@pytest.mark.parametrize("accepts", ["en-GB,en;q=0.9", "zh-TW,zh;q=0.9,en;q=0.8"])
def test_what_opens_nothing_says_why_in_the_language_of_the_guest(
    visit: Visit, bench: Bench, made: Review, accepts: str
) -> None:
    old = replace(made, token="o" * 24, expires=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    back = replace(made, token="b" * 24)
    for review in (old, back):
        bench.add_review(review)
    bench.revoke_review(back.token)
    page, words = visit(), translations()[locale_of(accepts)]
    for token, status, why in (("guessed", 404, "unknown"), (old.token, 410, "expired"), (back.token, 410, "revoked")):
        for ask in ("", "/compare"):
            answer = page.get(f"/review/{token}{ask}", headers={"accept-language": accepts})
            assert (answer.status_code, words[f"guest.{why}"] in answer.text) == (status, True)
        answer = page.post(
            f"/review/{token}", data={"name": "M", "password": PASSWORD}, headers={"accept-language": accepts}
        )
        assert (answer.status_code, words[f"guest.{why}"] in answer.text) == (status, True)
        for path in ("bench", "clips", "notes", "approvals"):
            answer = page.get(f"/review/{token}/api/{path}")
            assert (answer.status_code, answer.json()["error"]) == (status, translations()["en"][f"guest.{why}"])


def test_a_link_that_is_taken_back_shuts_out_who_was_in(guest: TestClient, bench: Bench, made: Review) -> None:
    take = guest.get(api(made, "clips")).json()["clips"][0]
    assert guest.get(take["poster_url"]).status_code == 200
    bench.revoke_review(made.token)
    for path in (api(made, "clips"), api(made, "notes"), take["poster_url"], f"/review/{made.token}"):
        assert guest.get(path).status_code == 410


def test_the_password_opens_its_own_link_alone(visit: Visit, bench: Bench, made: Review) -> None:
    page = visit()
    assert enter(page, made, password="another password").status_code == 401
    assert page.get(api(made, "clips")).status_code == 401
    assert enter(page, made, name=" \x00 ").status_code == 422
    answer = enter(page, made)
    cookie = answer.headers["set-cookie"]
    assert f"Path=/review/{made.token}" in cookie
    assert "HttpOnly" in cookie
    other, _ = new_review(bench, made.clips, password="another password")
    value = page.cookies.get("vbench_review")
    assert page.get(api(other, "clips"), headers={"cookie": f"vbench_review={value}"}).status_code == 401
    assert page.get(api(made, "clips"), headers={"cookie": f"vbench_review={value}x"}).status_code == 401
    statuses = [enter(page, made, password="wrong, again").status_code for _ in range(6)]
    assert statuses[-1] == 429, "passwords are not tried without end"


# --- what guests see --------------------------------------------------------------------------------------------------


def test_a_guest_sees_the_takes_of_the_link_and_no_other(guest: TestClient, bench: Bench, made: Review) -> None:
    told = guest.get(api(made, "clips"))
    takes = told.json()["clips"]
    assert [take["model"] for take in takes] == list(MODELS[:2])
    kept = bench.clips(ids=made.clips)
    for secret in (*(clip.id for clip in bench.clips()), *(clip.sha256[:12] for clip in kept), "gamma", "cost", "seed"):
        assert secret not in told.text
    assert guest.get(api(made, "clips"), params={"ids": takes[1]["id"]}).json()["total"] == 1
    for take in takes:
        assert guest.get(take["poster_url"]).headers["content-type"] == "image/webp"
        assert guest.get(take["proxy_url"]).status_code in (200, 202)
        assert guest.get(take["sprite_url"]).headers["content-type"] == "image/webp"
        assert guest.get(take["sprite_url"].replace(".webp", ".json")).json()["n"] > 0
    base = takes[0]["url"].rpartition("/")[0]
    for path in (f"{base}/original.mp4", f"{base}/..%2f", f"/review/{made.token}/media/{'0' * 16}/proxy.mp4"):
        assert guest.get(path).status_code == 404


def test_a_blind_link_names_no_tool_and_shows_no_size(visit: Visit, bench: Bench) -> None:
    clips = bench.clips(prompt_ids=["boat"])
    review, _ = new_review(bench, [clip.id for clip in clips], password=PASSWORD, is_blind=True)
    page = visit()
    enter(page, review)
    told = page.get(api(review, "clips"))
    takes = told.json()["clips"]
    assert [take["model"] for take in takes] == ["#1", "#2", "#3"]
    assert len({take["height"] for take in takes}) == 1
    for model in MODELS:
        assert model not in told.text.lower()
    shown = GuestView.of(bench, review)
    copy = shown.copy(takes[0]["id"], "proxy.mp4")
    assert copy is not None
    assert copy.name == f"review-{takes[0]['height']}.mp4"
    bench.clip_path(shown.takes[takes[0]["id"]]).unlink()
    answer = page.get(takes[0]["proxy_url"])
    assert answer.status_code == 410
    assert not [model for model in MODELS if model in answer.text], "nor where a file is gone"


def test_the_page_of_a_link_carries_no_more_than_its_words(guest: TestClient, bench: Bench, made: Review) -> None:
    for path in ("", "/compare"):
        answer = guest.get(f"/review/{made.token}{path}")
        assert answer.status_code == 200
        assert "<title>Boats</title>" in answer.text
        for secret in (*MODELS, *(clip.id for clip in bench.clips()), *(clip.sha256[:12] for clip in bench.clips())):
            assert secret not in answer.text.replace("alphabet", "")


# --- what guests say --------------------------------------------------------------------------------------------------


def test_notes_and_approvals_reach_the_makers_and_their_export(
    guest: TestClient, visit: Visit, bench: Bench, made: Review
) -> None:
    bench.add_note(Note(id="aa", clip=made.clips[0], start_s=0, end_s=0, text="between us", author=""))
    take = guest.get(api(made, "clips")).json()["clips"][0]["id"]
    drawing = [{"kind": "arrow", "points": [[0.1, 0.2], [0.5, 0.5]]}]
    body = {"clip": take, "start_s": 0.5, "end_s": 0.75, "text": "the bow melts", "drawing": drawing}
    note = guest.post(api(made, "notes"), json=body).json()
    assert note["author"] == "Maya (guest)"
    assert guest.put(api(made, f"approvals/{take}"), json={"state": "changes"}).status_code == 204
    owner = visit()
    kept = owner.get("/api/v1/notes", params={"clip": made.clips[0]}).json()
    assert [(one["text"], one["author"], one["drawing"]) for one in kept if one["review"]] == [
        ("the bow melts", "Maya (guest)", drawing)
    ]
    assert [(one["guest"], one["state"]) for one in owner.get("/api/v1/approvals").json()] == [("Maya", "changes")]
    link = owner.get("/api/v1/reviews").json()["reviews"][0]
    assert (link["n_notes"], link["n_changes"], link["n_approved"], link["password"]) == (1, 1, 0, "")
    answer = {"clip": made.clips[0], "start_s": 0.5, "text": "it does", "reply_to": note["id"]}
    assert owner.post("/api/v1/notes", json=answer).status_code == 201
    said = guest.get(api(made, "notes"), params={"clip": take}).json()
    assert sorted(one["text"] for one in said) == ["it does", "the bow melts"], "and the answer reaches the guest"
    text = rows_as_csv(select_rows(bench))
    assert "Maya: changes" in text
    assert "the bow melts" in text


def test_a_guest_changes_nothing_of_others(guest: TestClient, visit: Visit, bench: Bench, made: Review) -> None:
    clip = made.clips[0]
    bench.add_note(Note(id="aa", clip=clip, start_s=0, end_s=0, text="ours"))
    bench.add_note(Note(id="bb", clip=clip, start_s=0, end_s=0, text="Li's", author="Li (guest)", review=made.token))
    take = guest.get(api(made, "clips")).json()["clips"][0]["id"]
    new = {"clip": take, "start_s": 0, "text": "mine now"}
    assert guest.post(api(made, "notes"), json=new | {"id": "bb"}).status_code == 403
    assert guest.post(api(made, "notes"), json=new | {"id": "aa"}).status_code == 403
    assert guest.post(api(made, "notes"), json=new | {"reply_to": "aa"}).status_code == 404
    assert guest.post(api(made, "notes"), json=new | {"clip": clip}).status_code == 404
    assert guest.delete(api(made, "notes/bb")).status_code == 403
    assert guest.delete(api(made, "notes/aa")).status_code == 404
    assert guest.put(api(made, "notes/aa/state"), json={"is_resolved": True}).status_code == 404
    assert guest.put(api(made, f"approvals/{clip}"), json={"state": "approved"}).status_code == 404
    assert [(note.text, note.is_resolved) for note in bench.notes()] == [("ours", False), ("Li's", False)]
    assert guest.put(api(made, "notes/bb/state"), json={"is_resolved": True}).status_code == 204
    own = guest.post(api(made, "notes"), json=new).json()["id"]
    assert guest.delete(api(made, f"notes/{own}")).status_code == 204
