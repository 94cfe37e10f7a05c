"""Pictures dropped on the page: looked into apart, kept with the bench, asked with, and refused with a sentence."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import Image

from tests.web.conftest import Visit
from vbench.bench import Bench
from vbench.tasks import worker

CARDS = {
    "starts": "{i2v: true, last_image: true}",
    "refers": "{i2v: true, references: 2}",
    "words": "{}",
}
CARD = """
name: {id}
vendor: {{name: V}}
adapter: http
licence: {{weights: closed}}
capabilities: {can}
limits: {{seconds: {seconds}, resolutions: [720p, 1080p], ratios: ['16:9']}}
defaults: {{seconds: {first}, resolution: 720p, fps: 24}}
price: {{usd_per_s: 0.10, source: page, checked_on: {day}}}
rights: {{commercial_use: {{answer: yes, says: all of it, source: "https://v.example", checked_on: 2026-11-20}}}}
options: {{base_url: "https://api.example.com", auth: {{header: Authorization, value: "Bearer ${{PRICED_API_KEY}}"}}}}
"""


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Three tools of one's own, with their keys set; each takes other pictures."""
    (tmp_path / "models").mkdir()
    for n, (id, can) in enumerate(CARDS.items()):
        text = CARD.format(id=id, can=can, seconds=[[5, 10], [4, 5], [5]][n], first=[5, 4, 5][n], day="2026-11-20")
        (tmp_path / "models" / f"{id}.yaml").write_text(text.replace("2026-11-20", "2020-01-01") if n == 2 else text)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PRICED_API_KEY", "sk-not-a-key")
    monkeypatch.setattr(worker, "ensure_worker", lambda _bench: None)
    return list(CARDS)


def png(mode: str = "RGB", size: tuple[int, int] = (128, 72), colour: Any = "red") -> bytes:
    buffer = io.BytesIO()
    Image.new(mode, size, colour).save(buffer, "PNG")
    return buffer.getvalue()


def drop(page: TestClient, data: bytes, name: str = "a.png") -> dict[str, Any]:
    answer = page.post(f"/api/v1/pictures?name={name}", content=data)
    assert answer.status_code == 200, answer.text
    facts: dict[str, Any] = answer.json()
    return facts


def by_model(plan: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {facts["model"]: facts for facts in plan["models"]}


def test_a_picture_is_kept_with_the_bench(visit: Visit, made_bench: Path) -> None:
    page = visit()
    kept = drop(page, png())
    assert (kept["width"], kept["height"], kept["error"], kept["notes"]) == (128, 72, "", [])
    changed = drop(page, png("RGBA", colour=(255, 0, 0, 90)), "../über.png")
    assert changed["picture"] != kept["picture"]
    assert changed["notes"] == [f"{changed['file']}: has transparency; it was laid over black"]
    assert "/" not in changed["file"]


@pytest.mark.parametrize(
    ("data", "name", "says"),
    [
        (b"no picture at all", "a.png", "a.png: is no picture that can be read"),
        (b"\0\0\0\x18ftypheic" + b"\0" * 300, "a.heic", "a.heic: is a HEIC or AVIF picture"),
        (png(size=(900, 100)), "a.png", "longer than 4 to 1"),
    ],
)
def test_what_is_no_picture_for_a_tool_is_a_sentence(visit: Visit, data: bytes, name: str, says: str) -> None:
    facts = drop(visit(), data, name)
    assert says in facts["error"]
    assert facts["picture"] == ""


def test_the_plan_says_who_cannot_and_how_the_others_are_asked(visit: Visit, tools: list[str]) -> None:
    page = visit()
    wish = {"prompt": "A red boat drifts", "models": tools, "image": drop(page, png())["picture"]}
    plan = by_model(page.post("/api/v1/plan", json=wish).json())
    assert (plan["starts"]["runnable"], plan["refers"]["runnable"], plan["words"]["runnable"]) == (True, True, False)
    assert plan["words"]["reason"].startswith("words cannot take its first frame")
    asked = [plan["starts"][name] for name in ("width", "height", "seconds", "fps", "audio", "image_use")]
    assert asked == [1280, 720, 5, 24, False, "image"]
    assert (plan["starts"]["comparable_group"], plan["refers"]["comparable_group"]) == ("A", "B")  # 5 s and 4 s
    assert plan["words"]["comparable_group"] == ""
    assert plan["starts"]["price_checked_on"] == "2026-11-20"
    less = by_model(page.post("/api/v1/plan", json=wish | {"without_image": True}).json())
    assert less["words"]["image_use"] == "text without image"
    assert less["words"]["price_is_old"]
    assert "made without its first frame, which words does not take" in less["words"]["warnings"]
    matched = by_model(page.post("/api/v1/plan", json=wish | {"match": ["starts", "refers"]}).json())
    assert (matched["starts"]["seconds"], matched["refers"]["seconds"]) == (5, 5)
    assert matched["starts"]["comparable_group"] == matched["refers"]["comparable_group"] == "A"


def test_a_task_keeps_its_pictures_and_its_prompt_is_one_of_its_own(visit: Visit, tools: list[str]) -> None:
    page = visit()
    picture = drop(page, png())["picture"]
    wish = {"prompt": "A red boat drifts", "models": ["starts"], "max_cost": 1.0, "image": picture}
    answer = page.post("/api/v1/tasks", json={"kind": "generate", "generate": wish})
    assert answer.status_code == 202, answer.text
    plain = page.post("/api/v1/tasks", json={"kind": "generate", "generate": {**wish, "image": ""}}).json()
    assert answer.json()["prompts"] != plain["prompts"]
    bench: Bench = page.app.state.page.bench  # type: ignore[attr-defined]
    args = next(task.args for task in bench.tasks() if task.id == answer.json()["id"])
    (prompt,) = args["prompts"]
    assert Path(prompt["image"]) == bench.root / "pictures" / picture
    assert prompt["id"].startswith("boat-")


def test_shapes_and_names_are_held_to(visit: Visit, tools: list[str]) -> None:
    page = visit()
    first, last = drop(page, png())["picture"], drop(page, png(size=(72, 128)))["picture"]
    wish = {"prompt": "A red boat drifts", "models": ["starts"], "image": first, "last_image": last}
    answer = page.post("/api/v1/plan", json=wish)
    assert (answer.status_code, "a clip has one shape" in answer.text) == (400, True)
    gone = page.post("/api/v1/plan", json={**wish, "last_image": "0" * 32 + ".png"})
    assert (gone.status_code, "drop it again" in gone.text) == (400, True)
    assert page.post("/api/v1/plan", json={**wish, "last_image": "../bench.db"}).status_code == 422


def test_tools_tell_their_rights(visit: Visit, tools: list[str]) -> None:
    rights = {model["id"]: model["rights"] for model in visit().get("/api/v1/models").json()}
    assert rights["starts"]["commercial_use"]["answer"] == "yes"
    assert rights["starts"]["commercial_use"]["source"] == "https://v.example"
    assert rights["starts"]["indemnity"]["answer"] == "not stated"
