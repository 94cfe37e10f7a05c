"""The example of docs/plugins.md, installed as a third party's package and scored with."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vbench.video import write_clip

GUIDE = Path(__file__).parents[1] / "docs" / "plugins.md"
COLOUR = (200, 90, 40)


def blocks() -> Any:
    """Code and project file of the example, as they stand in the guide."""
    found = dict(re.findall(r"```(python|toml)\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL))
    return found["python"], found["toml"]


def install(site: Any, code: Any, project: Any, module: str = "vbench_warmth") -> None:
    """What `pip install` leaves behind, as far as entry points need it."""
    (site / f"{module}.py").write_text(code)
    about = tomllib.loads(project)["project"]
    info = site / f"{about['name'].replace('-', '_')}-{about['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {about['name']}\nVersion: {about['version']}\n")
    lines = []
    for group, points in about["entry-points"].items():
        lines += [f"[{group}]", *(f"{name} = {target}" for name, target in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))


@pytest.fixture
def site(tmp_path: Path) -> Any:
    folder = tmp_path / "site"
    folder.mkdir()
    return folder


@pytest.fixture
def clip(tmp_path: Path) -> Any:
    folder = tmp_path / "clips" / "tool"
    folder.mkdir(parents=True)
    write_clip(np.full((8, 64, 64, 3), COLOUR, np.uint8), folder / "warm-0.mp4", fps=8)
    (tmp_path / "clips" / "prompts.txt").write_text("warm\n")
    return tmp_path


def vbench(clip: Any, site: Any, *args: Any) -> Any:
    paths = os.pathsep.join([str(site), str(GUIDE.parents[1])])
    return subprocess.run(
        [sys.executable, "-m", "vbench", *args],
        env={**os.environ, "PYTHONPATH": paths},
        cwd=clip,
        capture_output=True,
        text=True,
    )


def test_the_example_is_thirty_lines() -> None:
    code, _ = blocks()
    assert 25 <= sum(bool(line.strip()) for line in code.splitlines()) <= 35


def test_the_example_is_found_scored_and_shown(clip: Any, site: Any) -> None:
    """Through the command, so that the decode process has to find the package too."""
    install(site, *blocks())
    assert vbench(clip, site, "import", "clips").returncode == 0
    done = vbench(clip, site, "score", "--metrics", "warmth", "--workers", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["n_scores"] == 1
    shown = vbench(clip, site, "scores", "--format", "json")
    (row,) = json.loads(shown.stdout)["rows"]
    assert row["metric"] == "warmth"
    assert float(row["value"]) == pytest.approx(COLOUR[0] - COLOUR[2], abs=4)


def test_it_joins_offline_and_a_missing_vbench_dimension_can_be_filled(clip: Any, site: Any) -> None:
    code, project = blocks()
    code = code.replace('name="warmth"', 'name="vbench.imaging_quality"')
    project = project.replace('warmth = "vb', '"vbench.imaging_quality" = "vb')
    install(site, code, project)
    install_plain(site)
    script = (
        "import json; from vbench.contracts import Settings;"
        "from vbench.score.plan import families, presets, _not_at_hand;"
        "p = presets(); names = [name for name in p['vbench'] if 'quality' in name and 'aesthetic' not in name];"
        "left_out = _not_at_hand(families()['vbench'], names, Settings());"
        "print(json.dumps([p['offline'], p['vbench'], list(left_out)]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": f"{site}{os.pathsep}{GUIDE.parents[1]}"},
        capture_output=True,
        text=True,
        check=True,
    )
    offline, vbench_preset, missing = json.loads(done.stdout)
    assert "warmth_again" in offline
    assert "vbench.imaging_quality" in vbench_preset
    assert "vbench.imaging_quality" not in missing
    assert "vbench.motion_smoothness" in missing


def install_plain(site: Any) -> None:
    code, project = blocks()
    code = code.replace('"warmth', '"warmth_again')
    project = project.replace("vbench-warmth", "vbench-warmth-again").replace("vbench_warmth:", "vbench_again:")
    project = project.replace("warmth_levels =", "warmth_again_levels =").replace("\nwarmth =", "\nwarmth_again =")
    install(site, code, project, module="vbench_again")


def test_a_built_in_name_cannot_be_taken(clip: Any, site: Any) -> None:
    code, project = blocks()
    install(site, code, project.replace("\nwarmth =", "\nsharpness ="))
    assert vbench(clip, site, "import", "clips").returncode == 0
    done = vbench(clip, site, "score", "--metrics", "warmth")
    assert done.returncode == 2
    assert "redefine the built-in metric sharpness" in done.stderr
