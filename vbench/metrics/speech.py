"""Speech: how much of the time somebody speaks, and how well it sounds."""

from __future__ import annotations

import numpy as np

from vbench.contracts import Family, Measure, Metric, Series, Speech
from vbench.errors import MetricError

FAMILY = Family(name="speech", about="speech, by Silero's detector and DNSMOS; needs the extra speech")
SPEAKS = 0.5
LEAST_S, STEP_S = 0.25, 0.032
"""Less speech than this is none that could be judged."""


def speech_share(speech: Speech) -> Measure:
    """Share of the sound in which somebody speaks; the timeline is its probability for each 32 ms."""
    return Measure(float((speech.probability >= SPEAKS).mean()), Series(speech.t_s, speech.probability))


def speech_quality(speech: Speech) -> Measure:
    """Mean opinion score (1 to 5) that people would give to how the sound of a clip with speech sounds.

    Raises:
        MetricError: nobody speaks for a quarter of a second (`not_applicable`).
    """
    spoken_s = float((speech.probability >= SPEAKS).sum()) * STEP_S
    if spoken_s < LEAST_S:
        raise MetricError(
            f"somebody speaks for {spoken_s:.2f} s, {LEAST_S:g} s are needed to judge it", code="not_applicable"
        )
    return Measure(float(np.clip(speech.quality.mean(), 1.0, 5.0)), Series(speech.quality_t_s, speech.quality))


SPEECH_SHARE = Metric(
    name="speech_share",
    version=1,
    inputs=("speech",),
    compute=speech_share,
    unit="ratio",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="sound",
    about="Share of the sound in which somebody speaks.",
    family=FAMILY,
)
SPEECH_QUALITY = Metric(
    name="speech_quality",
    version=1,
    inputs=("speech",),
    compute=speech_quality,
    unit="points",
    higher_is_better=True,
    bounds=(1.0, 5.0),
    group="sound",
    about="How well speech sounds, as a mean opinion score from 1 to 5 (DNSMOS).",
    family=FAMILY,
)
