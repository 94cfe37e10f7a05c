"""A bench, and a folder to import into it."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from tests.importing.folders import PROMPTS, clip
from vbench.bench import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    with Bench.open(tmp_path / "bench") as opened:
        yield opened


@pytest.fixture
def folder(tmp_path: Path) -> Any:
    """Two tools, two prompts, one sample each, and a suite."""
    root = tmp_path / "clips"
    for model, name in itertools.product(("alpha", "beta 2.0"), ("dog-0", "blue-bird-0")):
        clip(root / model / f"{name}.mp4")
    rows = [{"id": p.id, "text": p.text, "category": "animals"} for p in PROMPTS]
    (root / "prompts.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    return root
