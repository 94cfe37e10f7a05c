"""Presets by name: the common ones, and one for each family of measures that the metrics declare."""

from __future__ import annotations

from vbench.contracts import Family
from vbench.errors import OptionError
from vbench.metrics import METRICS
from vbench.registry import did_you_mean

PRESETS: dict[str, str] = {
    "offline": "every measure that needs no weights; wrong content cannot be seen without a learned encoder",
    "standard": "offline, and consistency by DINOv2, alignment and technical quality by CLIP",
    "full": "standard, and aesthetics and a video-text model",
}
"""Common preset → what it measures. Each family of measures is a preset too, by its own name."""


def families() -> dict[str, Family]:
    """Families of measures by name, as their metrics declare them."""
    declared = (METRICS[name].family for name in METRICS)
    return {family.name: family for family in declared if family is not None}


def known_preset(name: str) -> str:
    """The name of a preset that there is. Raises OptionError for another."""
    if name not in PRESETS and name not in (known := families()):
        raise OptionError(f"no preset {name!r}; {did_you_mean(name, [*PRESETS, *known])}")
    return name
