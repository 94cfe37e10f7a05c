"""What came of a clip against what was asked of its tool and what the tool itself says: size, length, rate, sound."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from vbench.records import Clip, Probe, Provenance, Setting
from vbench.schema import from_json

SENT = "sent"
"""Under this name `Provenance.extra` holds the `Setting` that a clip was asked for with."""
ASKED, TOLD = "not as asked: ", "not as told: "
"""How the sentences begin; `vbench.marks` counts them."""
NEAR = 0.02
"""Sides and rates may differ by so much: codecs round sides to 16 pixels, clocks rates."""
SECONDS_ROOM = 0.1
"""Besides 2 %, a length may differ by this much: a frame more or less at each end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """What came, and where it is not what was asked for."""

    width: int
    height: int
    seconds: float
    fps: float
    audio: bool
    as_asked: bool | None
    """None: nothing was asked for that could be compared."""
    differences: tuple[str, ...]
    """A sentence each."""


def setting_of(provenance: Provenance) -> Setting:
    """What a clip was asked for with; where that was not noted (an earlier version, an import), its wishes alone."""
    noted = provenance.extra.get(SENT) or provenance.extra.get("request") or {}
    return from_json(Setting, noted)


def delivered(clip: Clip) -> Delivered:
    """What came of a clip against what was asked and told."""
    return compared(clip.probe, setting_of(clip.provenance), clip.provenance.extra)


def compared(probe: Probe, asked: Setting, told: Mapping[str, Any]) -> Delivered:
    """What came against what was asked and told.

    Args:
        probe: Facts of the file.
        asked: As it was sent.
        told: What the tool said of its clip, by the names of `Setting`; other names are left alone.
    """
    sentences = [
        *(ASKED + words for words in _off(probe, asked, "was asked for")),
        *(TOLD + words for words in _off(probe, _told(told), "the tool says")),
    ]
    is_known = any(value is not None for value in (asked.width, asked.seconds, asked.fps, asked.audio))
    return Delivered(
        width=probe.width,
        height=probe.height,
        seconds=round(probe.duration_s, 3),
        fps=round(probe.fps, 3),
        audio=probe.has_audio,
        as_asked=not sentences if is_known or sentences else None,
        differences=tuple(sentences),
    )


def _told(values: Mapping[str, Any]) -> Setting:
    """The numbers that a tool gives for its clip; words and nonsense are none."""
    numbers = {name: _number(values.get(name)) for name in ("width", "height", "seconds", "fps")}
    width, height = numbers["width"], numbers["height"]
    return Setting(
        width=None if width is None else round(width),
        height=None if height is None else round(height),
        seconds=numbers["seconds"],
        fps=numbers["fps"],
    )


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number > 0 and not isinstance(value, bool) else None


def _off(probe: Probe, wanted: Setting, whose: str) -> list[str]:
    """What of the file is not as wanted; `whose` says by whom."""
    off = []
    if wanted.width and wanted.height:
        sides = ((probe.width, wanted.width), (probe.height, wanted.height))
        if any(abs(found - side) > NEAR * side for found, side in sides):
            off.append(f"{probe.width}x{probe.height}, {_by(f'{wanted.width}x{wanted.height}', whose)}")
    if wanted.seconds and abs(probe.duration_s - wanted.seconds) > SECONDS_ROOM + NEAR * wanted.seconds:
        off.append(f"{probe.duration_s:.2f} s, {_by(f'{wanted.seconds:g} s', whose)}")
    if wanted.fps and probe.fps and abs(probe.fps - wanted.fps) > NEAR * wanted.fps:
        off.append(f"{probe.fps:.3g} fps, {_by(f'{wanted.fps:g} fps', whose)}")
    if wanted.audio is not None and probe.has_audio != wanted.audio:
        words = ("with sound", "silence") if probe.has_audio else ("without sound", "sound")
        off.append(f"{words[0]}, {_by(words[1], whose)}")
    return off


def _by(what: str, whose: str) -> str:
    return f"{whose} {what}" if whose.startswith("the ") else f"{what} {whose}"
