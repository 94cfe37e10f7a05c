"""Is there sound, how loud, how silent, how distorted."""

from __future__ import annotations

from vbench.contracts import Measure, Metric, Series, Sound
from vbench.errors import MetricError

SILENT_DB = -60.0


def _needs_sound(sound: Sound) -> None:
    if not sound.present:
        raise MetricError("the clip has no sound track, so there is nothing to measure", code="not_applicable")


def sound_present(sound: Sound) -> float:
    """1 where there is a sound track that is not silent throughout, else 0."""
    return float(sound.present and bool((sound.rms_db > SILENT_DB).any()))


def loudness(sound: Sound) -> Measure:
    """Integrated loudness in LUFS (ITU-R BS.1770-4); the timeline is the RMS level in dBFS of each 0.1 s."""
    _needs_sound(sound)
    return Measure(sound.loudness_lufs, Series(sound.t_s, sound.rms_db))


def silence_ratio(sound: Sound) -> Measure:
    """Share of 0.1 s windows below -60 dBFS."""
    _needs_sound(sound)
    return Measure(float((sound.rms_db <= SILENT_DB).mean()))


def clipping_ratio(sound: Sound) -> float:
    """Share of samples in runs of at least three at full scale."""
    _needs_sound(sound)
    return sound.clipped_share


SOUND_PRESENT = Metric(
    name="sound_present",
    version=1,
    inputs=("sound",),
    compute=sound_present,
    unit="yes/no",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="sound",
    about="Whether the clip has sound that can be heard.",
)
LOUDNESS_LUFS = Metric(
    name="loudness_lufs",
    version=1,
    inputs=("sound",),
    compute=loudness,
    unit="LUFS",
    higher_is_better=None,
    bounds=(-70.0, 20.0),
    group="sound",
    about="Integrated loudness (ITU-R BS.1770); streaming services aim at about -14.",
)
SILENCE_RATIO = Metric(
    name="silence_ratio",
    version=1,
    inputs=("sound",),
    compute=silence_ratio,
    unit="ratio",
    higher_is_better=None,
    bounds=(0.0, 1.0),
    group="sound",
    about="Share of the sound track that is silent (below -60 dBFS).",
)
CLIPPING_RATIO = Metric(
    name="clipping_ratio",
    version=1,
    inputs=("sound",),
    compute=clipping_ratio,
    unit="ratio",
    higher_is_better=False,
    bounds=(0.0, 1.0),
    group="sound",
    about="Share of the sound that is cut off at full scale.",
)
