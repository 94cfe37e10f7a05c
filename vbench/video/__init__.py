"""Probe, decode and encode video: the only package that touches a codec."""

from __future__ import annotations

from vbench.video.encoding import EncoderSettings, exact_rate, write_clip
from vbench.video.frames import Frame, Kernel, read_frames
from vbench.video.probing import probe
from vbench.video.source import Limits

__all__ = [
    "EncoderSettings",
    "Frame",
    "Kernel",
    "Limits",
    "exact_rate",
    "probe",
    "read_frames",
    "write_clip",
]
