"""What was asked for against what was delivered."""

from __future__ import annotations

import math

from vbench.contracts import ClipWishes, Measure, Metric
from vbench.errors import MetricError
from vbench.records import Probe


def spec_checks(probe: Probe, asked: ClipWishes) -> dict[str, float]:
    """Each wish → how far it was met, 0 to 1.

    Length and rate: 1 within 2 % (and a tenth of a second), falling to 0 at a factor of two. Size: the smaller of
    delivered and asked over the larger, per side, and 0 where the shape turns from wide to tall. Shape (`16:9`): the
    ratio of ratios. Sound: there or not.
    """
    checks: dict[str, float] = {}
    if asked.seconds is not None:
        off = max(0.0, abs(probe.duration_s - asked.seconds) - 0.1)
        checks["seconds"] = _near(asked.seconds + math.copysign(off, probe.duration_s - asked.seconds), asked.seconds)
    if asked.fps is not None:
        checks["fps"] = _near(probe.fps, asked.fps)
    if asked.width is not None and asked.height is not None:
        turned = (probe.width - probe.height) * (asked.width - asked.height) < 0
        sides = ((probe.width, asked.width), (probe.height, asked.height))
        checks["size"] = 0.0 if turned else min(min(a, b) / max(a, b) for a, b in sides)
    elif asked.aspect is not None:
        across, down = (int(part) for part in asked.aspect.split(":"))
        checks["aspect"] = _near(probe.width / probe.height, across / down)
    if asked.audio is not None:
        checks["audio"] = float(probe.has_audio == asked.audio)
    return checks


def _near(found: float, wanted: float) -> float:
    """1 within 2 %, then falling with the logarithm of the ratio to 0 at a factor of two."""
    if found <= 0:
        return 0.0
    off = abs(math.log2(found / wanted)) - math.log2(1.02)
    return min(1.0, max(0.0, 1.0 - max(0.0, off)))


def spec_adherence(probe: Probe, asked: ClipWishes) -> Measure:
    """Mean of `spec_checks`, in [0, 1].

    Raises:
        MetricError: nothing was asked for.
    """
    checks = spec_checks(probe, asked)
    if not checks:
        raise MetricError(
            "no length, size, rate or sound was asked for; say it in the request or in the prompt's expects",
            code="not_applicable",
        )
    return Measure(sum(checks.values()) / len(checks))


SPEC_ADHERENCE = Metric(
    name="spec_adherence",
    version=1,
    inputs=("probe", "asked"),
    compute=spec_adherence,
    unit="ratio",
    higher_is_better=True,
    bounds=(0.0, 1.0),
    group="spec",
    about="What was asked for against what was delivered: seconds, size, frame rate, sound.",
)
