"""The controls on clips made for them, and on real clips where they are at hand."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vbench.score import ScoreSpec, measure_file
from vbench.selftest import CONTROLS, SampleBench, made_samples, run_selftest
from vbench.selftest.content import frozen
from vbench.selftest.faults import boiling, plain_picture, retouched, unsteady_light
from vbench.selftest.order import shuffled

REAL = Path(os.environ.get("VBENCH_REAL_CLIPS", Path(__file__).parents[2] / "shared" / "clips"))
needs_real_clips = pytest.mark.skipif(not REAL.is_dir(), reason="no real clips here")


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Any:
    bench = SampleBench(tmp_path_factory.mktemp("controls"), ScoreSpec(preset="offline", device="cpu", workers=0))
    return bench, [(sample, bench.measure(sample)) for sample in made_samples()]


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control.__name__)
def test_control(control: Any, measured: Any) -> None:
    bench, samples = measured
    results = [result for sample, plain in samples for result in control(sample, plain, bench)]
    assert [result.line() for result in results if not result.passed] == []
    assert results or control.__name__ == "swapped"  # the prompt needs a learned encoder


def test_a_control_can_fail(measured: Any) -> None:
    """Measures that see no difference are caught: stillness that pays, contrast that counts, a fault that does not."""

    class Blind:
        def __init__(self, values: Any) -> None:
            self.values = values

        def measure(self, sample: Any, **_: Any) -> Any:
            return self.values

    _, ((sample, plain), _) = measured
    blind: Any = Blind(plain)
    for control in (frozen, boiling, unsteady_light, plain_picture, shuffled):
        assert any(not result.passed for result in control(sample, plain, blind)), control.__name__
    moved = replace(plain, values={name: value * 1.5 + 0.1 for name, value in plain.values.items()})
    assert not any(result.passed for result in retouched(sample, plain, Blind(moved)))  # type: ignore[arg-type]


def test_the_selftest_names_an_empty_folder(tmp_path: Path) -> None:
    from vbench.errors import OptionError

    with pytest.raises(OptionError, match="no video file"):
        run_selftest(tmp_path)


@needs_real_clips
@pytest.mark.parametrize(
    ("clip", "cuts", "black_until"),
    [
        ("showdown/sora/anime-0.mp4", [2, 49, 114, 146], None),
        ("showdown/hunyuan-framepack/anime-0.mp4", [], 5),
        ("showdown/hunyuan-framepack/humming-bird-flying-0.mp4", [], 4),
        ("showdown/veo-3/anime-0.mp4", [], None),
        ("showdown/wan-2.1/anime-0.webp", [], None),
        ("showdown/kling-2.0/anime-0.mp4", [], None),
        ("fetv/real/the-cars-drove-fast-0.mp4", [14], 14),
    ],
)
def test_breaks_of_real_clips_seen_by_eye(clip: str, cuts: Any, black_until: int | None) -> None:
    path = REAL / clip
    found, outcomes = measure_file(path, metrics=["cut_count", "black_ratio"], workers=0)
    frames = {kind: [event for event in outcomes.events if event.kind == kind] for kind in ("cut", "black")}
    assert [event.frame for event in frames["cut"]] == cuts
    ends = [round(event.end_s * found.probe.fps) for event in frames["black"]]
    assert ends == ([black_until] if black_until else [])
