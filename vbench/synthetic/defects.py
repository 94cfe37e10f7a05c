"""Faults of a known kind at a known time, planted into clips of the synthetic world."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, TypeAlias

import numpy as np

from vbench.records import digest
from vbench.synthetic.render import Frame, Morph, Renderer, render
from vbench.synthetic.scene import COLOURS, PATTERNS, SHAPES, Scene, Thing, draw_scene

Defect: TypeAlias = Literal["none", "flicker", "drift", "freeze", "cut", "black", "wrong", "still"]

FLICKER_GAIN = 0.05
"""Brightness of even frames is raised and of odd ones lowered by this share."""
FREEZE_S = 1.0
BLACK_FRAMES = 5
LIVELINESS = 0.04
"""Share of the motion that a still clip keeps."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Planted:
    """What was planted, and where: from the first faulty frame to the end of the last one."""

    kind: Defect
    start_s: float
    end_s: float
    frame: int
    """0-based index of the first faulty frame."""

    def as_mapping(self) -> dict[str, Any]:
        """JSON values, as a clip's provenance keeps them."""
        return asdict(self)


def planted(defect: Defect, *, n_frames: int, fps: float, seed: int) -> Planted | None:
    """Where `defect` lies in a clip; None for a clip without one.

    A freeze begins between 30 and 40 % of the clip and a cut comes between 40 and 60 %, as the seed says; a black
    opening is the first frames; identity drifts from one fifth on; the rest is wrong throughout.
    """
    draw = random.Random(digest("planted", defect, seed))
    match defect:
        case "none":
            return None
        case "freeze":
            first = round(n_frames * draw.uniform(0.3, 0.4))
            end = min(n_frames, first + round(FREEZE_S * fps))
        case "cut":
            first, end = round(n_frames * draw.uniform(0.4, 0.6)), n_frames
        case "black":
            first, end = 0, BLACK_FRAMES
        case "drift":
            first, end = n_frames // 5, n_frames
        case _:
            first, end = 0, n_frames
    return Planted(kind=defect, start_s=first / fps, end_s=end / fps, frame=first)


def render_with_defect(
    scene: Scene, defect: Defect, *, width: int, height: int, fps: float, seed: int, seconds: float
) -> Iterator[Frame]:
    """The frames of a clip in which `defect` was planted where `planted` says; all else is as without it."""
    n_frames = max(1, round(seconds * fps))
    fault = planted(defect, n_frames=n_frames, fps=fps, seed=seed)
    if fault is None:
        yield from render(scene, width=width, height=height, fps=fps, seed=seed, seconds=seconds)
        return
    size: dict[str, Any] = {"width": width, "height": height, "seconds": seconds, "seed": seed}
    renderer = Renderer(clip_scene(scene, defect, seed), **size)
    after_cut = Renderer(other_scene(scene, seed), **size) if defect == "cut" else None
    end = round(fault.end_s * fps)
    for i in range(n_frames):
        t_s = i / fps
        match defect:
            case "flicker":
                yield _brighter(renderer.frame(t_s, grain=i), FLICKER_GAIN if i % 2 == 0 else -FLICKER_GAIN)
            case "drift":
                amount = max(0.0, (i - fault.frame) / max(1, n_frames - 1 - fault.frame))
                yield renderer.frame(t_s, grain=i, morph=Morph(into=stranger(scene, seed), amount=amount))
            case "freeze":
                shown = i if i < fault.frame else max(fault.frame - 1, i - (end - fault.frame))
                yield renderer.frame(shown / fps, grain=shown)
            case "cut" if after_cut is not None and i >= fault.frame:
                yield after_cut.frame(t_s, grain=i)
            case "black" if i < end:
                yield np.zeros((height, width, 3), np.uint8)
            case "still":
                yield renderer.frame(t_s, grain=i, liveliness=LIVELINESS)
            case _:
                yield renderer.frame(t_s, grain=i)


def clip_scene(scene: Scene, defect: Defect, seed: int) -> Scene:
    """The scene at the start of a clip of `scene` with this fault: another one where the content is wrong."""
    return other_scene(scene, seed) if defect == "wrong" else scene


def _brighter(frame: Frame, share: float) -> Frame:
    brighter: Frame = np.rint(np.clip(frame * np.float32(1 + share), 0, 255)).astype(np.uint8)
    return brighter


def other_scene(scene: Scene, seed: int) -> Scene:
    """A patterned scene that shares neither background, nor pattern, nor a shape, nor a colour with `scene`."""
    draw = random.Random(digest("other", scene.as_mapping(), seed))
    used = {scene.colour, *(o.colour for o in scene.objects)}
    colours = draw.sample([c for c in COLOURS if c not in used], 2)
    shape = draw.choice([s for s in SHAPES if s not in {o.shape for o in scene.objects}])
    other = draw_scene(draw)
    return replace(
        other,
        colour=colours[0],
        pattern=draw.choice([p for p in PATTERNS if p not in ("plain", scene.pattern)]),
        objects=(replace(other.objects[0], shape=shape, colour=colours[1]),),
        seconds=scene.seconds,
    )


def stranger(scene: Scene, seed: int) -> Thing:
    """An object of a shape and a colour that `scene` has nowhere."""
    return other_scene(scene, seed).objects[0]
