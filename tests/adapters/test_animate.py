"""Tools that move a given picture: from the first frame to the last, and one that starts from another picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vbench.adapters import adapter_class
from vbench.bench import Bench
from vbench.catalog.cards import find_card
from vbench.errors import JobError
from vbench.generate import Wishes, generate
from vbench.records import Prompt, Request
from vbench.score import score
from vbench.synthetic.animated import animated
from vbench.video import read_frames


def picture(folder: Path, name: str, seed: int) -> Path:
    """A smooth picture of many colours."""
    small = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
    path = folder / f"{name}.png"
    Image.fromarray(small).resize((400, 300), Image.Resampling.BICUBIC).save(path)
    return path


@pytest.fixture
def prompt(tmp_path: Path) -> Prompt:
    first, last = picture(tmp_path, "first", 1), picture(tmp_path, "last", 2)
    return Prompt(id="p", text="it moves", image=str(first), last_image=str(last))


def make(name: str = "synthetic-image") -> Any:
    card = find_card(name)
    return adapter_class(card.adapter)(card)


def test_the_first_frame_is_the_first_picture_and_the_last_the_last(prompt: Prompt) -> None:
    first, last = (Image.open(path).convert("RGB") for path in (prompt.image, prompt.last_image))
    frames = list(animated(first, last, width=200, height=150, n_frames=12, seed=3))
    assert len(frames) == 12
    for frame, source in ((frames[0], first), (frames[-1], last)):
        asked = np.asarray(source.resize((200, 150), Image.Resampling.LANCZOS), int)
        assert np.abs(frame.astype(int) - asked).mean() < 1.5
    assert np.abs(frames[4].astype(int) - frames[0]).mean() > 1, "the camera moves"
    alone = list(animated(first, None, width=200, height=150, n_frames=12, seed=3))
    assert np.array_equal(alone[4], frames[4])
    assert not np.array_equal(alone[-1], frames[-1])
    (still,) = animated(first, None, width=200, height=150, n_frames=1, seed=3)
    assert np.array_equal(still, frames[0])


def test_a_clip_is_as_it_was_planned(prompt: Prompt, tmp_path: Path) -> None:
    adapter = make()
    plan = adapter.plan(Request(prompt=prompt, seed=4, seconds=1.0, width=320, height=240, fps=12))
    assert (plan.cost_usd, plan.sends.seconds, plan.sends.fps) == (0.0, 1.0, 12)
    assert not {str(path) for path in (prompt.image, prompt.last_image)} & set(map(str, plan.identity["body"].values()))
    path, provenance = adapter.fetch(adapter.submit(plan), tmp_path / "clip")
    frames = list(read_frames(path))
    assert (len(frames), frames[0].width, frames[0].height) == (12, 320, 240)
    assert provenance.extra["planted"] is None
    assert provenance.seed_honoured
    again, _ = adapter.fetch(adapter.submit(plan), tmp_path / "again")
    assert again.read_bytes() == path.read_bytes()


def test_a_picture_that_lacks_or_changed_is_told(prompt: Prompt, tmp_path: Path) -> None:
    adapter = make()
    with pytest.raises(JobError, match="give prompt 'p' an image"):
        adapter.plan(Request(prompt=replace(prompt, image="", last_image="")))
    handle = adapter.submit(adapter.plan(Request(prompt=prompt)))
    picture(tmp_path, "first", 9)
    with pytest.raises(JobError, match="gone or changed since the job was planned"):
        adapter.fetch(handle, tmp_path / "clip")


def test_another_picture_is_another_job(prompt: Prompt, tmp_path: Path) -> None:
    before = make().plan(Request(prompt=prompt)).identity
    picture(tmp_path, "first", 9)
    assert make().plan(Request(prompt=prompt)).identity != before


def test_the_tool_that_ignores_its_picture_is_found_by_the_measures(prompt: Prompt, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        wishes = Wishes(seconds=1.0, width=320, height=240)
        models = ["synthetic-image", "synthetic-image-ignored"]
        report = generate(bench, models=models, prompts=[prompt], wishes=wishes)
        assert report.made == 2
        score(bench, metrics=["first_frame_fidelity", "last_frame_landing"], workers=1)
        model = {clip.id: clip.model for clip in bench.clips()}
        values = {(model[found.key.clip], found.key.metric): found.value for found in bench.score_records()}
        planted = {clip.model: clip.provenance.extra["planted"] for clip in bench.clips()}
    assert values["synthetic-image", "first_frame_fidelity"] > 0.9
    assert values["synthetic-image-ignored", "first_frame_fidelity"] < 0.6
    assert values["synthetic-image", "last_frame_landing"] > 0.9
    assert planted["synthetic-image-ignored"]["kind"] == "other_picture"
