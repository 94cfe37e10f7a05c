"""Import of files whose names say nothing: the very text of a prompt that a tool wrote into them names it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from vbench import video
from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.records import Prompt

PROMPTS = [Prompt(id="dog", text="A dog in the rain"), Prompt(id="bird", text="A blue bird")]


def graph(text: str) -> str:
    nodes = {"1": {"inputs": {"positive": ["2", 0], "negative": ["3", 0]}}, "2": {"inputs": {"text": text}}}
    return json.dumps({"prompt": json.dumps(nodes | {"3": {"inputs": {"text": "A blue bird"}}})})


def clip(path: Path, comment: str, seed: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = [np.full((32, 32, 3), 20 * seed + 3 * t, np.uint8) for t in range(4)]
    video.write_clip(frames, path, fps=8, preset="ultrafast", metadata={"comment": comment})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    root = tmp_path / "clips"
    for number, comment in enumerate(
        (
            graph("A dog in\n the rain"),
            graph("A dog in the rain at night"),
            "A dog in the rain",
            graph("A dog in the rain"),
        )
    ):
        clip(root / "wan" / f"ComfyUI_0000{number}_.mp4", comment, number)
    clip(root / "wan" / "bird-3.mp4", graph("A dog in the rain"), 9)
    return root


def test_the_very_text_in_a_file_names_its_prompt(tmp_path: Path, folder: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        report = import_folder(bench, folder, prompts=PROMPTS)
        assert {(clip.prompt.id, clip.sample) for clip in bench.clips()} == {("dog", 0), ("dog", 3), ("bird", 3)}
    assert {Path(item.file).name: item.state for item in report.items if item.state != "imported"} == {
        "ComfyUI_00001_.mp4": "unmatched",  # other words
        "ComfyUI_00002_.mp4": "unmatched",  # a comment may say anything
    }


def test_two_prompts_in_a_file_are_not_decided(tmp_path: Path) -> None:
    clip(tmp_path / "clips" / "wan" / "x.mp4", json.dumps({"prompt": "A dog in the rain", "caption": "A blue bird"}), 1)
    report = import_folder(None, tmp_path / "clips", prompts=PROMPTS, dry_run=True)
    assert [(item.state, "could be" in item.reason) for item in report.items] == [("unmatched", True)]
