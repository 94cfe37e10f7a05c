"""First frames, last frames and references: every hosted tool that takes them is sent their bytes, and no other is."""

from __future__ import annotations

import base64
import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.driver import drive, hosted
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS
from vbench.adapters import ADAPTERS
from vbench.adapters.templates import with_files
from vbench.catalog.card import ModelCard
from vbench.catalog.cards import cards, estimate_cost
from vbench.errors import JobError, NotStartedError
from vbench.records import Prompt, Request

HOSTED = {name: card for name, card in cards().items() if card.is_billable and card.adapter != "openrouter"}
STARTERS = sorted(name for name, card in HOSTED.items() if card.capabilities.i2v)
SHAPES = {"aspect_ratio", "aspectRatio", "ratio"}


def picture(folder: Path, name: str) -> Path:
    """A file of its own bytes; adapters look at none of them."""
    path = folder / f"{name}.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + name.encode() * 9)
    return path


def encoded(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()


def prompt(folder: Path, card: ModelCard, *, references: int = 0, last: bool = False, first: bool = True) -> Prompt:
    return Prompt(
        id="p",
        text="a cat",
        image=str(picture(folder, "first")) if first else "",
        last_image=str(picture(folder, "last")) if last else "",
        references=tuple(str(picture(folder, f"reference{n}")) for n in range(references)),
    )


def sent(card: ModelCard, of: Prompt) -> tuple[Any, Any]:
    """The body of the request as it leaves, and the plan."""
    adapter = ADAPTERS[card.adapter](card)
    plan = adapter.plan(Request(prompt=of, seed=1))
    return with_files(dict(plan.body), lambda path: f"uploaded {encoded(path)}"), plan


def keys(body: Any) -> set[str]:
    if isinstance(body, dict):
        return set(body).union(*map(keys, body.values()))
    return set().union(*map(keys, body)) if isinstance(body, list) else set()


@pytest.mark.parametrize("name", STARTERS)
def test_a_first_frame_is_sent_once(name: str, tmp_path: Path) -> None:
    body, plan = sent(HOSTED[name], prompt(tmp_path, HOSTED[name]))
    assert json.dumps(body).count(encoded(tmp_path / "first.png")) == 1
    assert not [warning for warning in plan.warnings if "frame" in warning and "frame rate" not in warning]
    assert str(tmp_path) not in json.dumps(plan.identity), "the same picture in another folder is the same job"
    words, _ = sent(HOSTED[name], prompt(tmp_path, HOSTED[name], first=False))
    assert "first_frame" not in json.dumps(words), "words alone leave no empty place for a picture"
    assert not [value for value in (words, body) if "[]" in json.dumps(value) or "{}" in json.dumps(value)]


@pytest.mark.parametrize("name", [name for name in STARTERS if HOSTED[name].capabilities.last_image])
def test_first_and_last_frame_are_told_apart(name: str, tmp_path: Path) -> None:
    card = HOSTED[name]
    body, plan = sent(card, prompt(tmp_path, card, last=True))
    text = json.dumps(body)
    first, last = (encoded(tmp_path / f"{end}.png") for end in ("first", "last"))
    assert (text.count(first), text.count(last)) == (1, 1)
    assert text.index(first) < text.index(last)
    assert not [warning for warning in plan.warnings if "last frame" in warning]


@pytest.mark.parametrize("name", [name for name, card in HOSTED.items() if card.capabilities.references])
def test_references_are_sent_up_to_as_many_as_a_tool_takes(name: str, tmp_path: Path) -> None:
    card = HOSTED[name]
    most = card.capabilities.references
    body, plan = sent(card, prompt(tmp_path, card, references=most + 1, first=False))
    text = json.dumps(body)
    assert [text.count(encoded(tmp_path / f"reference{n}.png")) for n in range(most + 1)] == [1] * most + [0]
    assert any(f"at most {most} reference pictures: of {most + 1} only the first" in w for w in plan.warnings)


@pytest.mark.parametrize("name", [name for name, card in HOSTED.items() if not card.capabilities.i2v])
def test_a_tool_that_takes_no_picture_says_so(name: str, tmp_path: Path) -> None:
    card = HOSTED[name]
    if not card.capabilities.t2v:
        return
    body, plan = sent(card, prompt(tmp_path, card, last=True, references=1))
    assert encoded(tmp_path / "first.png")[:40] not in json.dumps(body)
    words = " ".join(plan.warnings)
    assert "takes no first frame" in words
    assert "takes no last frame" in words
    assert "takes no reference pictures" in words or "at most no reference pictures" in words


@pytest.mark.parametrize(
    ("protocol", "place"),
    [
        ("kling", lambda body: body["image"]),
        ("kling2", lambda body: body["contents"][1]["url"]),
        ("ark", lambda body: body["content"][1]["image_url"]["url"]),
        ("zhipu", lambda body: body["image_url"][0]),
        ("dashscope", lambda body: body["input"]["media"][0]["url"]),
        ("minimax_v1", lambda body: body["first_frame_image"]),
        ("minimax_v2", lambda body: body["content"][1]["image_url"]["url"]),
        ("tencent", lambda body: body["image"]),
        ("vidu", lambda body: body["images"][0]),
        ("runway", lambda body: body["promptImage"]),
        ("luma_agents", lambda body: body["video"]["start_frame"]["data"]),
        ("xai", lambda body: body["image"]["url"]),
        ("fal", lambda body: body["image_url"]),
        ("omni", lambda body: body["input"][0]["content"][1]["data"]),
        ("vertex", lambda body: body["instances"][0]["image"]["bytesBase64Encoded"]),
        ("bfl", lambda body: body["keyframes"][0]),
    ],
)
def test_the_bytes_arrive_and_the_job_is_found_again(
    protocol: str, place: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake(protocol) as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip", Request(prompt=prompt(tmp_path, adapter.card), seed=1))
        assert run.end == "file", (run.error, run.statuses)
        (created,) = [asked for asked in fake.asked if fake.spec.is_create(asked.path)]
        arrived = place(created.json)
        assert base64.b64decode(arrived.rpartition(",")[2]) == (tmp_path / "first.png").read_bytes()
        assert arrived.startswith("data:image/png;base64,") == ("," in arrived)
        if fake.spec.frames_path:
            assert created.path.endswith(fake.spec.frames_path)


def test_the_shape_follows_the_picture_where_a_tool_asks_for_that(tmp_path: Path) -> None:
    """ByteDance and Wan 3 call it adaptive; elsewhere no ratio goes with a first frame."""
    for name in ("seedance-2.5", "seedance-2.0", "wan-3.0"):
        body, _ = sent(HOSTED[name], prompt(tmp_path, HOSTED[name]))
        assert (body.get("ratio") or body["parameters"]["ratio"]) == "adaptive"
    for name in ("kling-v3", "kling-4", "minimax-h3", "hunyuan-1.5-hosted", "pixverse-v6", "wan-2.7", "vidu-q3-pro"):
        body, _ = sent(HOSTED[name], prompt(tmp_path, HOSTED[name]))
        assert not SHAPES & keys(body), name
        words, _ = sent(HOSTED[name], prompt(tmp_path, HOSTED[name], first=False))
        assert SHAPES & keys(words), name


def test_a_picture_is_uploaded_before_the_paid_request(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("pixverse") as fake, hosted(fake, monkeypatch) as (adapter, _):
        run = drive(adapter, tmp_path / "clip", Request(prompt=prompt(tmp_path, adapter.card)))
        assert run.end == "file", run.error
        upload, create = fake.asked[:2]
        assert upload.path == "/openapi/v2/image/upload"
        assert (tmp_path / "first.png").read_bytes() in upload.body
        assert b'name="image"; filename="first.png"' in upload.body
        assert create.json["img_id"] == 9001
        assert create.path == "/openapi/v2/video/img/generate"
        assert fake.creates == 1


def test_a_picture_that_is_refused_begins_no_job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = {"ErrCode": 400, "ErrMsg": "too large", "Resp": None}
    spec = dataclasses.replace(PROTOCOLS["pixverse"], free={"/image/upload": answer})
    monkeypatch.setitem(PROTOCOLS, "pixverse", spec)
    with Fake("pixverse") as fake, hosted(fake, monkeypatch) as (adapter, _):
        plan = adapter.plan(Request(prompt=prompt(tmp_path, adapter.card)))
        with pytest.raises(
            JobError, match=r"does not take the prompt's picture first\.png .*too large.*no job"
        ) as caught:
            adapter.submit(plan)
        assert (caught.value.code, fake.creates) == ("bad_request", 0)


def test_a_picture_that_changed_since_it_was_planned_is_not_sent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Fake("ark") as fake, hosted(fake, monkeypatch) as (adapter, _):
        plan = adapter.plan(Request(prompt=prompt(tmp_path, adapter.card)))
        (tmp_path / "first.png").write_bytes(b"another")
        with pytest.raises(JobError, match="changed since the job was planned"):
            adapter.submit(plan)
        assert fake.creates == 0


def test_a_line_that_breaks_while_uploading_has_cost_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Fake("pixverse") as fake, hosted(fake, monkeypatch) as (adapter, _):
        plan = adapter.plan(Request(prompt=prompt(tmp_path, adapter.card)))
        monkeypatch.setattr("vbench.adapters.wire.read_response", lambda raw: (_ for _ in ()).throw(OSError("reset")))
        with pytest.raises(NotStartedError, match="no job was begun"):
            adapter.submit(plan)
        assert fake.creates == 0


def test_what_a_picture_costs_is_counted(tmp_path: Path) -> None:
    grok, luma = HOSTED["grok-imagine-1.5"], HOSTED["luma-ray-3.2"]
    words, framed = (Request(prompt=prompt(tmp_path, grok, first=first)) for first in (False, True))
    assert estimate_cost(grok, words) == pytest.approx(0.70)
    assert estimate_cost(grok, framed) == pytest.approx(0.71)
    assert estimate_cost(luma, words) == pytest.approx(1.00)
    assert estimate_cost(luma, framed) == pytest.approx(0.30), "billed by the type of request"
