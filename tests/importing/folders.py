"""Folders of clips to import, and what became of their files."""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import numpy as np

from vbench.records import Prompt
from vbench.video import write_clip

PROMPTS = [
    Prompt(id="dog", text="A dog in the rain"),
    Prompt(id="dog-2", text="Two dogs"),
    Prompt(id="blue-bird", text="A blue-grey bird flies"),
]

NUMBERS = itertools.count()


def clip(path: Path) -> Path:
    """A tiny video that no other call makes again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.zeros((4, 32, 32, 3), np.uint8)
    for t in range(4):
        frames[t, 4 * t : 4 * t + 12] = 200
    write_clip(frames, path, fps=8, metadata={"comment": f"clip {next(NUMBERS)}"})
    return path


def states(report: Any) -> Any:
    return {Path(item.file).name: item.state for item in report.items}


def reasons(report: Any) -> Any:
    return {Path(item.file).name: item.reason for item in report.items}
