"""Probe, decode and encode video: the only package that touches a codec."""

from __future__ import annotations

from vbench.video.derived import is_browser_playable, proxy, side_by_side
from vbench.video.encoder import EncoderSettings, exact_rate, write_clip
from vbench.video.facts import Limits
from vbench.video.frames import Frame, Kernel, read_frames
from vbench.video.inspection import probe
from vbench.video.peaks import waveform
from vbench.video.sound import read_audio
from vbench.video.stills import SpriteInfo, extract_frame, frames_at, poster, sprite
from vbench.video.tags import text_tags

__all__ = [
    "EncoderSettings",
    "Frame",
    "Kernel",
    "Limits",
    "SpriteInfo",
    "exact_rate",
    "extract_frame",
    "frames_at",
    "is_browser_playable",
    "poster",
    "probe",
    "proxy",
    "read_audio",
    "read_frames",
    "side_by_side",
    "sprite",
    "text_tags",
    "waveform",
    "write_clip",
]
