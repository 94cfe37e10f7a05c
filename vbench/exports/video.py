"""One video of all takes, and the frames on screen at a moment."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from vbench.exports.takes import Take, timecode
from vbench.video.sandbox import Sandbox

LIMIT_S = 1800.0


def write_side_by_side(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """One MP4 of all takes on one clock, names burned in."""
    columns = len(takes) if len(takes) <= 3 else math.ceil(math.sqrt(len(takes)))
    height = 480 if len(takes) <= 4 else 360
    _sandboxed(
        "side_by_side",
        sources=[str(take.path) for take in takes],
        labels=[f"{take.clip.model} · {take.clip.prompt.id} · {take.clip.sample}" for take in takes],
        out=str(out),
        height=height,
        columns=columns,
    )


def write_frames(takes: Sequence[Take], out: Path, at_s: float | None = None) -> None:
    """The frame on screen at one moment, of each take, as PNG in full size; of a shorter take, its last."""
    sandbox = Sandbox()
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive, TemporaryDirectory() as folder:
            for take in takes:
                seconds = take.clip.probe.duration_s
                moment = min(at_s or 0.0, seconds)
                picture = Path(folder) / f"{take.clip.id}.png"
                call = {"source": str(take.path), "out": str(picture), "t_s": moment}
                sandbox.call("frame", call, limit_s=300)
                shown_s = min(moment, max(0.0, seconds - 1 / take.fps))  # from there on, the last frame
                stamp = timecode(shown_s, take.fps).replace(":", ".")
                archive.write(picture, f"frames/{take.name}_{stamp}.png")
    finally:
        sandbox.close()


def _sandboxed(operation: str, **arguments: Any) -> None:
    sandbox = Sandbox()
    try:
        sandbox.call(operation, arguments, limit_s=LIMIT_S)
    finally:
        sandbox.close()
