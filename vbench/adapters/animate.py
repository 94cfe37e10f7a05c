"""Clips that start from the prompt's picture and end on its last one, moved by rule; for trials and controls."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.adapters.drawn import DrawnAdapter
from vbench.adapters.values import image_sha256, picture_file
from vbench.catalog.wishes import grant
from vbench.errors import JobError
from vbench.records import Handle, Plan, Provenance, Request, Setting
from vbench.schema import Strict
from vbench.synthetic.animated import ANIMATION_VERSION, Fault, animated

if TYPE_CHECKING:
    from vbench.catalog.card import ModelCard


class AnimateOptions(Strict):
    """What a card of this adapter says under `options`."""

    fault: Fault = "none"
    crf: int = 14


class AnimateAdapter(DrawnAdapter):
    """Moves the camera into the first frame, and turns into the last one where the prompt has it."""

    options_model = AnimateOptions

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.options = card.options_as(AnimateOptions)

    def plan(self, request: Request) -> Plan:
        """Size, length and rate, and what the pictures show.

        Raises:
            JobError: the prompt has no first frame, or a picture is not there.
        """
        if request.image is None:
            raise JobError(
                f"{self.card.id} starts from a first frame; give prompt {request.prompt.id!r} an image",
                code="bad_request",
            )
        granted = grant(self.card, request)
        fps = granted.fps or self.card.defaults.fps or 24.0
        n_frames = max(2, round((granted.seconds or self.card.defaults.seconds or 3.0) * fps))
        pictures = {"image": request.image, "last_image": request.last_image}
        body: dict[str, Any] = {
            "width": granted.width,
            "height": granted.height,
            "fps": fps,
            "n_frames": n_frames,
            "seed": request.seed,
            "fault": self.options.fault,
            **{f"{name}_sha256": image_sha256(path) for name, path in pictures.items() if path},
        }
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body | {name: str(path) for name, path in pictures.items() if path},
            identity={"body": body, "animation": ANIMATION_VERSION, "crf": self.options.crf},
            warnings=tuple(granted.warnings),
            cost_usd=0.0,
            sends=Setting(seconds=n_frames / fps, fps=fps),
        )

    def _draw(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        from vbench.video import write_clip

        started, body = time.perf_counter(), handle.data["body"]
        first, last = (
            picture_file(body[name], body[f"{name}_sha256"]) if name in body else None
            for name in ("image", "last_image")
        )
        assert first is not None
        path = out.with_name(out.name + ".mp4")
        size = {"width": body["width"], "height": body["height"]}
        frames = animated(first, last, **size, n_frames=body["n_frames"], seed=body["seed"], fault=body["fault"])
        encoder = write_clip(frames, path, fps=body["fps"], crf=self.options.crf, preset="ultrafast")
        work_s = time.perf_counter() - started
        fault, end_s = body["fault"], body["n_frames"] / body["fps"]
        planted = None if fault == "none" else {"kind": fault, "start_s": 0.0, "end_s": end_s, "frame": 0}
        extra = {"planted": planted, "encoder": encoder.as_dict()}
        return path, self.drawn(handle, work_s=work_s, version=f"animation {ANIMATION_VERSION}", extra=extra)
