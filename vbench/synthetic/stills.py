"""Single pictures of the synthetic world, for tools that start from one, end on one, or are shown who should appear."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Literal, get_args

from PIL import Image

from vbench.files import written_whole
from vbench.records import digest
from vbench.synthetic.render import RENDERER_VERSION, Frame, Renderer
from vbench.synthetic.scene import Scene

Moment = Literal["start", "middle", "end", "object"]
"""Of a scene's clip; `object`: its first object by itself, large and still, before a plain ground."""
MOMENTS: tuple[Moment, ...] = get_args(Moment)
WIDTH, HEIGHT, SEED = 1280, 720, 1
PLAIN = {"white": "blue"}
"""Colour of an object → of the ground it is shown before; white before all others."""


def still(scene: Scene, moment: Moment, *, width: int = WIDTH, height: int = HEIGHT) -> Frame:
    """RGB uint8 (height, width, 3): the same for the same scene, moment and size on every machine."""
    if moment == "object":
        thing = replace(scene.objects[0], motion="still", size="large")
        scene = Scene(colour=PLAIN.get(thing.colour, "white"), objects=(thing,), seconds=scene.seconds)
    at_s = {"start": 0.0, "end": scene.seconds}.get(moment, scene.seconds / 2)
    return Renderer(scene, width=width, height=height, seconds=scene.seconds, seed=SEED).frame(at_s)


def drawn_file(scene: Scene, moment: Moment, folder: Path) -> Path:
    """The picture as a PNG in a folder, drawn there at its first use."""
    path = folder / f"drawn-{digest('still', RENDERER_VERSION, scene.as_mapping(), moment, WIDTH, HEIGHT)}.png"
    if not path.is_file():
        with written_whole(path) as part:
            Image.fromarray(still(scene, moment)).save(part, "PNG")
    return path
