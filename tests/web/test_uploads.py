"""Uploads: what a tool wrote into a file is read in the sandbox; a suite's prompt keeps what its suite says of it."""

from __future__ import annotations

import base64
import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from PIL import PngImagePlugin

from tests.web.conftest import Visit, moving_square
from vbench import video
from vbench.bench import Bench
from vbench.catalog import find_suite
from vbench.tasks import worker
from vbench.web import uploads
from vbench.web.schemas import UploadFacts
from vbench.web.security.auth import hash_password
from vbench.web.uploads import Uploads

SUITE = find_suite("filmmaker").prompts


def with_tag(folder: Path, comment: str) -> bytes:
    """A clip of moving squares with a comment in its container."""
    path = folder / "tagged.mp4"
    video.write_clip(moving_square(7), path, fps=8, preset="ultrafast", metadata={"comment": comment})
    return path.read_bytes()


def comfy(text: str) -> str:
    nodes = {"1": {"inputs": {"positive": ["2", 0]}}, "2": {"inputs": {"text": text, "model": "wan2.2_5B"}}}
    return json.dumps({"prompt": json.dumps(nodes)})


def send(page: TestClient, content: bytes, name: str = "ComfyUI_00007_.mp4") -> dict[str, Any]:
    found: dict[str, Any] = page.post("/api/v1/uploads", params={"name": name}, content=content).json()
    return found


def test_a_suite_prompt_in_a_file_is_found_and_kept_whole(
    page: TestClient, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ensure_worker", lambda _bench: None)
    found = send(page, with_tag(tmp_path, comfy(SUITE[0].text)))
    assert (found["prompt_id"], found["prompt"], found["prompt_from"]) == (SUITE[0].id, SUITE[0].text, "tag:comment")
    assert (found["model"], found["model_from"]) == (
        "wan-2.2-5b",
        "tag:comment",
    )  # of the catalogue
    item = {"upload": found["upload"], "model": found["model"], "prompt_id": found["prompt_id"]}
    task = page.post("/api/v1/uploads/confirm", json={"uploads": [item]}).json()
    claimed = bench.claim_task("test")
    assert claimed is not None
    worker.Worker(bench)._do(claimed)
    (clip,) = bench.clips(models=["wan-2.2-5b"])
    assert (clip.prompt.suite, clip.prompt.tags, clip.prompt.expects) == (
        SUITE[0].suite,
        SUITE[0].tags,
        SUITE[0].expects,
    )
    done = page.get(f"/api/v1/tasks/{task['id']}").json()
    assert (done["state"], done["takes"], done["n_takes"]) == ("done", [clip.id], 1)


def test_a_new_prompt_in_a_file_is_offered_with_an_id(page: TestClient, tmp_path: Path) -> None:
    found = send(page, with_tag(tmp_path, comfy("A lighthouse in a storm")))
    assert (found["prompt_id"], found["prompt"]) == ("a-lighthouse-in-a-storm", "A lighthouse in a storm")


@pytest.mark.parametrize(
    "comment",
    [
        "x" * 3_000_000,
        "<script>alert(1)</script>",
        "[" * 200_000,
        '{"prompt": ' * 30_000,
        "\x01\x02\x1b[2J",
        json.dumps({"prompt": {"1": {"inputs": {"positive": ["1", 0], "text": ["1", 0]}}}}),
    ],
    ids=["huge", "script", "deep list", "deep object", "control", "loop"],
)
def test_hostile_tags_are_a_text_or_nothing(page: TestClient, tmp_path: Path, comment: str) -> None:
    found = send(page, with_tag(tmp_path, comment))
    assert (found["error"], found["prompt_id"], found["probe"]["n_frames"]) == ("", "", 12)
    assert "\x1b" not in json.dumps(found)


def test_a_picture_with_a_bomb_of_text_is_thrown_away(page: TestClient, bench: Bench, tmp_path: Path) -> None:
    from PIL import Image

    info = PngImagePlugin.PngInfo()
    info.add_text("prompt", "x" * (PngImagePlugin.MAX_TEXT_CHUNK + 10), zip=True)
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png", pnginfo=info)
    found = send(page, (tmp_path / "a.png").read_bytes(), "a.png")
    assert found["error"]
    assert not list((bench.root / "page" / "uploads").glob("*/*"))


def test_two_texts_under_one_id_are_not_mixed_up(page: TestClient, tmp_path: Path) -> None:
    data = with_tag(tmp_path, "")
    items = [
        {"upload": send(page, data)["upload"], "model": "m", "prompt_id": "same", "prompt": text, "sample": n}
        for n, text in enumerate(("One text", "Another text"))
    ]
    answer = page.post("/api/v1/uploads/confirm", json={"uploads": items})
    assert (answer.status_code, "two texts for the prompt 'same'" in answer.json()["error"]) == (400, True)


def until(holds: Callable[[], bool]) -> None:
    """Wait for what other threads do."""
    for _ in range(1200):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come in 60 s")


def test_files_that_take_long_to_look_into_stop_neither_media_nor_sign_in(
    visit: Visit, bench: Bench, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A dozen at once, more than there are threads in the loop's own pool; those beyond the queue are refused."""
    accounts = tmp_path / "accounts"
    accounts.write_text(f"ana:{hash_password('correct horse battery')}\n")
    goes_on = threading.Event()

    def slow(self: Uploads, path: Path) -> UploadFacts:
        goes_on.wait(60)
        return UploadFacts(upload=path.parent.name, file=path.name, size_bytes=1, error="")

    monkeypatch.setattr(Uploads, "examine", slow)
    monkeypatch.setattr(uploads, "MOST_WAITING", 40)
    page = visit(auth=accounts)
    signs_in = {"name": "ana", "password": "correct horse battery"}
    assert page.post("/login", data=signs_in).status_code == 303
    with ThreadPoolExecutor(50) as senders:
        sent = [senders.submit(page.post, "/api/v1/uploads?name=a.gif", content=b"GIF89a") for _ in range(45)]
        try:
            until(lambda: page.app.state.page.uploads._n_waiting == 40)  # type: ignore[attr-defined]
            assert page.get(f"/media/{bench.clips()[0].sha256}").status_code == 200
            basic = base64.b64encode(b"ana:correct horse battery").decode()
            assert page.post("/login", data=signs_in).status_code == 303
            page.cookies.clear()
            assert page.get("/api/v1/bench", headers={"authorization": f"Basic {basic}"}).status_code == 200
        finally:
            goes_on.set()
        assert sorted(answer.result().status_code for answer in sent) == [200] * 40 + [503] * 5
    assert len(list(page.app.state.page.uploads.folder.iterdir())) == 40  # type: ignore[attr-defined]


def test_the_folder_tells_the_tool_and_known_bytes_are_told(page: TestClient, bench: Bench, tmp_path: Path) -> None:
    clip = bench.clips()[0]
    content = bench.clip_path(clip).read_bytes()
    found = send(page, content, "day one/Kling 9.9/a red boat (2).mp4")
    assert (found["model"], found["model_from"], found["sample"]) == ("kling-9.9", "folder", 2)
    assert found["same_as"] == f"{clip.model}, {clip.prompt.id}, {clip.sample}"
    assert found["sha256"] == clip.sha256


def test_what_a_clip_cost_is_kept(
    page: TestClient, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "ensure_worker", lambda _bench: None)
    found = send(page, with_tag(tmp_path, ""), "x.mp4")
    item = {
        "upload": found["upload"],
        "model": "m",
        "prompt_id": "p",
        "prompt": "a prompt",
        "cost": 0.5,
        "credits": "12",
    }
    assert page.post("/api/v1/uploads/confirm", json={"uploads": [item]}).status_code == 202
    (manifest,) = (bench.root).rglob("manifest.jsonl")
    row = json.loads(manifest.read_text(encoding="utf-8"))
    assert (row["cost"], row["credits"]) == (0.5, "12")
