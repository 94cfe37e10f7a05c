"""Scenes and their pictures, for tests of the synthetic world."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from vbench.synthetic.render import Renderer
from vbench.synthetic.scene import (
    Scene,
    Thing,
)

DEMO = Path(__file__).parents[2] / "prompts" / "demo.yaml"

W, H, FPS, SECONDS = 192, 128, 24.0, 3.0


def scene_of(**parts: Any) -> Scene:
    """A red circle over plain blue, with some of its parts changed."""
    thing = {"shape": "circle", "colour": "red"} | {k: v for k, v in parts.items() if k in ("shape", "size", "motion")}
    rest = {k: v for k, v in parts.items() if k not in thing}
    return Scene(**({"colour": "blue", "objects": (Thing(**thing),)} | rest))


def frame_at(scene: Scene, t_s: float, *, width: int = W, height: int = H, grain: int = 0) -> np.ndarray:
    return Renderer(scene, width=width, height=height, seconds=SECONDS, seed=5).frame(t_s, grain=grain)


def red_mask(frame: np.ndarray) -> np.ndarray:
    """Where a picture is red rather than blue; the dark rim of the object counts as red too."""
    return frame[..., 0].astype(int) > frame[..., 2]


def centre(frame: np.ndarray) -> tuple[float, float]:
    ys, xs = np.nonzero(red_mask(frame))
    return float(xs.mean()), float(ys.mean())
