"""Controls: clips whose right answer is known, made from any clip; what fails them must not be trusted."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from vbench.selftest.breaks import black, corrupted, cut
from vbench.selftest.content import pan, swapped
from vbench.selftest.delivery import ladders, reencoded, resized
from vbench.selftest.order import doubled, repeated, retagged, reversed_, short, shuffled
from vbench.selftest.results import Bench, Control, ControlResult, Measured
from vbench.selftest.samples import Sample, clip_files, made_samples, sample_of, textured_pan
from vbench.selftest.stillness import frozen, half_frozen

__all__ = [
    "CONTROLS",
    "Bench",
    "Control",
    "ControlResult",
    "Measured",
    "Sample",
    "made_samples",
    "run_selftest",
    "textured_pan",
]

CONTROLS: tuple[Control, ...] = (
    frozen,
    half_frozen,
    repeated,
    doubled,
    retagged,
    reencoded,
    resized,
    corrupted,
    cut,
    black,
    shuffled,
    reversed_,
    pan,
    swapped,
    ladders,
    short,
)


def run_selftest(
    clips: Path | None = None,
    *,
    preset: str = "offline",
    device: str = "auto",
    settings: Mapping[str, str] | None = None,
    controls: Sequence[Control] = CONTROLS,
) -> list[ControlResult]:
    """Run the controls on clips made here, or on the start of every clip of a folder.

    Raises:
        OptionError: the folder has no clip.
    """
    samples = [sample_of(path, clips) for path in clip_files(clips)] if clips is not None else list(made_samples())
    results = []
    with tempfile.TemporaryDirectory(prefix="vbench-selftest-") as folder:
        bench = Bench(Path(folder), preset=preset, device=device, settings=settings or {})
        for sample in samples:
            plain = bench.measure(sample)
            for control in controls:
                results += control(sample, plain, bench)
    return results
