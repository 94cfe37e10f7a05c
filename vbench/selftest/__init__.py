"""Controls: clips whose right answer is known, made from any clip; what fails them must not be trusted."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Unpack

from vbench.metrics.presets import families
from vbench.score.plan import make_plan, presets
from vbench.score.spec import ScoreChoices, ScoreSpec, spec_with
from vbench.selftest.breaks import black, corrupted, cut
from vbench.selftest.content import frozen, half_frozen, pan, swapped
from vbench.selftest.delivery import ladders, reencoded, resized, turned
from vbench.selftest.detections import people, words
from vbench.selftest.faults import boiling, plain_picture, retouched, unsteady_light
from vbench.selftest.joins import joined
from vbench.selftest.order import doubled, repeated, retagged, reversed_, short, shuffled
from vbench.selftest.pictures import given_pictures
from vbench.selftest.results import Control, ControlResult, Measured, SampleBench
from vbench.selftest.samples import Sample, clip_files, made_samples, sample_of, textured_pan

__all__ = [
    "CONTROLS",
    "Control",
    "ControlResult",
    "Measured",
    "Sample",
    "SampleBench",
    "made_samples",
    "people",
    "run_selftest",
    "textured_pan",
    "words",
]

CONTROLS: tuple[Control, ...] = (
    frozen,
    half_frozen,
    repeated,
    doubled,
    retagged,
    reencoded,
    resized,
    turned,
    corrupted,
    cut,
    black,
    shuffled,
    reversed_,
    pan,
    swapped,
    given_pictures,
    ladders,
    retouched,
    boiling,
    unsteady_light,
    plain_picture,
    short,
    joined,
    people,
    words,
)


def _with_offline(spec: ScoreSpec) -> ScoreSpec:
    """Where a family is asked for, what of it is at hand beside the offline measures, on which most controls stand."""
    if spec.metrics is not None or spec.preset not in families():
        return spec
    own = [metric.name for metric in make_plan(spec).metrics]
    return spec_with(spec, preset="offline", metrics=[*presets()["offline"], *own])


def run_selftest(
    clips: Path | None = None, *, controls: Sequence[Control] = CONTROLS, **choices: Unpack[ScoreChoices]
) -> list[ControlResult]:
    """Run the controls on clips made here, or on the start of every clip of a folder.

    Args:
        clips: The folder.
        controls: Which of them.
        choices: What to measure and how, as for `vbench.score.score`; `offline` unless said otherwise.

    Raises:
        OptionError: the folder has no clip.
    """
    spec = _with_offline(spec_with(ScoreSpec(preset="offline", workers=0), **choices))
    samples = [sample_of(path, clips) for path in clip_files(clips)] if clips is not None else list(made_samples())
    results = []
    with tempfile.TemporaryDirectory(prefix="vbench-selftest-") as folder:
        bench = SampleBench(Path(folder), spec)
        for sample in samples:
            plain = bench.measure(sample)
            for control in controls:
                results += control(sample, plain, bench)
    return results
