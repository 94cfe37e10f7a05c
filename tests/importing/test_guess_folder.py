"""A day's downloads: what each may be, and that nothing is imported without a certain prompt."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from vbench import video
from vbench.bench import Bench
from vbench.cli import app
from vbench.errors import OptionError
from vbench.importing.guess_folder import guess_folder, maker_facts
from vbench.records import Prompt

FOX = Prompt(id="red-fox", text="A red fox runs through deep snow at dawn")


@pytest.fixture
def downloads(tmp_path: Path) -> Path:
    folder = tmp_path / "downloads"
    names = (
        "Kling_v2.1_red-fox_seed77.mp4",
        "可灵3/red-fox (1).mp4",
        "veo-3.1/two cats fight.mp4",
        ".hidden/x.mp4",
        "notes.txt",
    )
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".mp4":
            frames = (np.full((16, 16, 3), 40 * number + n, np.uint8) for n in range(4))
            video.write_clip(frames, path, fps=8, preset="ultrafast")
        else:
            path.write_text("x")
    shutil.copy(folder / names[0], folder / "copy of fox.mp4")
    (folder / "broken.mp4").write_bytes(b"no video")
    return folder


def test_what_each_file_may_be(downloads: Path) -> None:
    guesses = {item.name: item for item in guess_folder(downloads, prompts=[FOX], more_models=["kling-v3", "veo-3.1"])}
    assert set(guesses) == {
        "Kling_v2.1_red-fox_seed77.mp4",
        "可灵3/red-fox (1).mp4",
        "veo-3.1/two cats fight.mp4",
        "copy of fox.mp4",
        "broken.mp4",
    }
    assert guesses["Kling_v2.1_red-fox_seed77.mp4"].guess.model == "kling-2.1"
    assert guesses["可灵3/red-fox (1).mp4"].guess.model == "kling-v3"
    assert guesses["可灵3/red-fox (1).mp4"].is_certain
    assert guesses["copy of fox.mp4"].same_as == "Kling_v2.1_red-fox_seed77.mp4"
    assert not guesses["veo-3.1/two cats fight.mp4"].is_certain
    assert guesses["veo-3.1/two cats fight.mp4"].guess.prompt == "two cats fight"
    assert guesses["broken.mp4"].problem


def test_only_what_is_certain_comes_in(downloads: Path, tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        bench.add_prompts([FOX])
        bench.add_model("kling-v3", {"name": "Kling 3", "vendor": {"name": "Kuaishou"}, "price": {"usd_per_s": 1}})
    words = ["import", str(downloads), "--guess", "--json", "--bench", str(tmp_path / "bench")]
    shown = json.loads(CliRunner().invoke(app, [*words, "--dry-run"], catch_exceptions=False).stdout)
    assert shown["schema"] == 1
    assert {row["file"] for row in shown["rows"] if row["is_certain"]} == {
        "Kling_v2.1_red-fox_seed77.mp4",
        "可灵3/red-fox (1).mp4",
    }
    with Bench.open(tmp_path / "bench") as bench:
        assert bench.n_clips() == 0
    CliRunner().invoke(app, words, catch_exceptions=False)
    with Bench.open(tmp_path / "bench") as bench:
        assert {(clip.model, clip.prompt.id, clip.sample) for clip in bench.clips()} == {
            ("kling-2.1", "red-fox", 0),
            ("kling-v3", "red-fox", 1),
        }
        assert bench.models()["kling-2.1"].get("vendor"), "who makes it is known of its other versions"
        assert "price" not in bench.models()["kling-2.1"], "what a version costs is not what another costs"


def test_files_for_one_take_are_numbered(tmp_path: Path) -> None:
    for name in ("a/kling-v3 red-fox.mp4", "b/kling-v3 red-fox.mp4"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_bytes(name.encode())
    guesses = guess_folder(tmp_path, prompts=[FOX], models=["kling-v3"])
    assert [item.sample for item in guesses] == [0, 1]


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no such folder"):
        guess_folder(tmp_path / "none")


def test_of_an_unknown_version_only_the_maker_is_known() -> None:
    cards = {"kling-v3": {"vendor": {"name": "Kuaishou"}, "price": {"usd_per_s": 1}}}
    assert maker_facts("kling-9", cards) == {"name": "kling-9", "vendor": {"name": "Kuaishou"}}
    assert maker_facts("other-1", cards) == {}
