"""What a request comes down to for a tool of this machine: values of its wishes, frames it can make, a first frame."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import field_validator

from vbench.catalog.cards import ModelCard
from vbench.catalog.wishes import Granted
from vbench.errors import JobError
from vbench.records import Request, Setting
from vbench.schema import Strict

if TYPE_CHECKING:
    import PIL.Image


class FrameRule(Strict):
    """Which numbers of frames a tool can make."""

    rule: str = "k"
    """``4k+1``, ``8k+1``, ``6k+1``, ``17n+5``; ``k``: any."""
    min: int = 1
    max: int | None = None

    @field_validator("rule")
    @classmethod
    def _is_rule(cls, rule: str) -> str:
        if re.fullmatch(r"\d*[kn](\+\d+)?", rule.replace(" ", "")) is None:
            raise ValueError("write a rule such as 4k+1, 8k+1, 17n+5, or k for any number")
        return rule.replace(" ", "")

    @property
    def step_and_offset(self) -> tuple[int, int]:
        step, _, offset = self.rule.replace("n", "k").partition("k")
        return int(step or 1), int(offset.removeprefix("+") or 0)

    def nearest(self, n_frames: float) -> int:
        """The permitted number nearest to `n_frames`; of two equally near, the larger."""
        step, offset = self.step_and_offset
        least = -(-max(self.min - offset, 1 - offset) // step)
        k = max(least, int((n_frames - offset) / step + 0.5))
        if self.max is not None:
            k = min(k, (self.max - offset) // step)
        return step * k + offset


def local_values(card: ModelCard, request: Request, granted: Granted, rule: FrameRule) -> dict[str, Any]:
    """Wish → value for one call; None: neither the request nor the card's defaults give one. ``image`` is its path."""
    fps = granted.fps or card.defaults.fps
    return {
        "prompt": granted.text,
        "negative": granted.negative or None,
        "seed": request.seed,
        "width": granted.width,
        "height": granted.height,
        "frames": rule.nearest(granted.seconds * fps) if granted.seconds and fps else None,
        "fps": fps,
        "seconds": granted.seconds,
        "image": str(request.image) if request.image else None,
    }


def local_setting(values: Mapping[str, Any]) -> Setting:
    """What a call in frames comes to in seconds: the number that the tool can make, not the length that was wished."""
    frames, fps = values["frames"], values["fps"]
    return Setting(seconds=int(frames) / float(fps) if frames and fps else None)


def image_bytes(path: Path) -> bytes:
    """A prompt's first frame, the file as it is.

    Raises:
        JobError: it cannot be read; nothing was sent.
    """
    try:
        return path.read_bytes()
    except OSError as error:
        raise JobError(
            f"{path}: cannot be read ({error.strerror}); check the prompt's image", code="bad_request"
        ) from None


def image_sha256(path: Path) -> str:
    """What a first frame shows, for the identity of a job.

    Raises:
        JobError: it cannot be read.
    """
    return hashlib.sha256(image_bytes(path)).hexdigest()


def picture_file(path: str, sha256: str) -> PIL.Image.Image:
    """A prompt's picture, upright, in RGB.

    Args:
        path: Where it lies.
        sha256: What it showed when the job was planned.

    Raises:
        JobError: it is gone, or has changed since.
    """
    from PIL import Image, ImageOps

    if not Path(path).is_file() or hashlib.sha256(Path(path).read_bytes()).hexdigest() != sha256:
        raise JobError(f"{path}: gone or changed since the job was planned; put it back, or plan again", code="crashed")
    with Image.open(path) as image:
        return ImageOps.exif_transpose(image).convert("RGB")
