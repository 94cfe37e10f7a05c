"""A bench of drawn clips, and small backbones."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.fakes.tiny_models import save_clip, save_dino
from vbench.bench import Bench
from vbench.importing import import_folder
from vbench.selftest import made_samples
from vbench.video import write_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Two tools, two prompts, and one file that is no video."""
    root = tmp_path_factory.mktemp("import")
    prompts = [{"id": "wall", "text": "a camera pans over a wall"}, {"id": "discs", "text": "two discs move"}]
    (root / "prompts.jsonl").write_text("\n".join(json.dumps(prompt) for prompt in prompts))
    pan, discs = (sample.frames[:30] for sample in made_samples())
    for tool, shift in (("one", 0), ("two", 9)):
        (root / tool).mkdir()
        for name, frames in (("wall", pan), ("discs", discs)):
            moved = [np.roll(frame, shift, axis=1) for frame in frames]
            write_clip(moved, root / tool / f"{name}-0.mp4", fps=24, crf=12, preset="ultrafast")
    return root


@pytest.fixture
def bench(folder: Any, tmp_path: Path) -> Any:
    with Bench.open(tmp_path / "bench") as opened:
        import_folder(opened, folder, link=True)
        yield opened


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("weights")
    return {"clip.model": str(save_clip(root / "clip")), "dino.model": str(save_dino(root / "dino"))}
