"""Clips of the synthetic world, drawn on the CPU, with or without a planted fault; for the demo, tests and controls."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from vbench.adapters.drawn import DrawnAdapter
from vbench.catalog.wishes import grant
from vbench.records import Handle, Plan, Provenance, Request, Setting
from vbench.schema import Strict
from vbench.synthetic.defects import Defect, clip_scene, planted, render_with_defect
from vbench.synthetic.render import RENDERER_VERSION
from vbench.synthetic.scene import scene_for, scene_from_mapping

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard

FPS_RANGE = (8.0, 60.0)
AUDIO_RATE = 24_000


class SyntheticOptions(Strict):
    """What a card of this adapter says under `options`."""

    defect: Defect = "none"
    crf: int = 14
    preset: str = "ultrafast"
    """Of x264: half of the demo's drawing time is encoding, and this one disturbs a frozen stretch least."""


class SyntheticAdapter(DrawnAdapter):
    """Draws a prompt's scene: the one its suite spells out, or the one read from its text."""

    options_model = SyntheticOptions

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.options = card.options_as(SyntheticOptions)

    def plan(self, request: Request) -> Plan:
        """The scene that will be drawn, with a warning for every part of it that the prompt does not name.

        Raises:
            CatalogError: the suite's scene is not of the synthetic world.
        """
        spelt = request.prompt.expects if request.text == request.prompt.text else {}
        scene, guesses = scene_for(request.text, spelt, where=f"prompt {request.prompt.id!r}")
        granted = grant(self.card, replace(request, seconds=request.seconds or scene.seconds))
        warnings = [*granted.warnings, *guesses]
        fps = granted.fps or 24.0
        if not FPS_RANGE[0] <= fps <= FPS_RANGE[1]:
            nearest = min(max(fps, FPS_RANGE[0]), FPS_RANGE[1])
            warnings.append(
                f"{self.card.name} draws {FPS_RANGE[0]:g} to {FPS_RANGE[1]:g} fps: {nearest:g} fps is drawn"
            )
            fps = nearest
        body: dict[str, Any] = {
            "scene": replace(scene, seconds=granted.seconds or scene.seconds).as_mapping(),
            "defect": self.options.defect,
            "width": granted.width,
            "height": granted.height,
            "fps": fps,
            "seed": request.seed,
            "audio": granted.audio,
        }
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity={"body": body, "renderer": RENDERER_VERSION, "crf": self.options.crf, "x264": self.options.preset},
            warnings=tuple(warnings),
            cost_usd=0.0,
            sends=Setting(seconds=body["scene"]["seconds"], fps=fps),
        )

    def _draw(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        from vbench.video import write_clip

        started = time.perf_counter()
        body: dict[str, Any] = handle.data["body"]
        scene, defect, fps, seed = (
            scene_from_mapping(body["scene"], where="body"),
            body["defect"],
            body["fps"],
            body["seed"],
        )
        path = out.with_name(out.name + ".mp4")
        frames = render_with_defect(
            scene, defect, width=body["width"], height=body["height"], fps=fps, seed=seed, seconds=scene.seconds
        )
        sound = (tone(scene.seconds, seed), AUDIO_RATE) if body["audio"] else None
        encoder = write_clip(frames, path, fps=fps, crf=self.options.crf, preset=self.options.preset, audio=sound)
        fault = planted(defect, n_frames=encoder.n_frames, fps=fps, seed=seed)
        work_s = time.perf_counter() - started
        extra = {
            "planted": fault.as_mapping() if fault else None,
            "drawn": clip_scene(scene, defect, seed).as_mapping(),
            "encoder": encoder.as_dict(),
        }
        return path, self.drawn(handle, work_s=work_s, version=f"renderer {RENDERER_VERSION}", extra=extra)


def tone(seconds: float, seed: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A soft mono chord that swells twice a second, float32 ``(n, 1)`` at `AUDIO_RATE`; the seed sets its pitch."""
    t_s = np.arange(round(seconds * AUDIO_RATE)) / AUDIO_RATE
    pitch = 220.0 * 2 ** (seed % 12 / 12)
    chord = np.sin(2 * np.pi * pitch * t_s) + 0.5 * np.sin(2 * np.pi * 1.5 * pitch * t_s)
    swell = 0.12 * (0.75 + 0.25 * np.cos(4 * np.pi * t_s))
    return np.asarray(chord * swell, np.float32)[:, None]
