"""All measures of one clip: values, failures that say why, and what it was asked to be."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from vbench.bench import Bench
from vbench.metrics import METRICS
from vbench.records import Failure, Outcomes, Prompt, Score
from vbench.score import ScoreSpec
from vbench.score.clip import Unfinished, asked_of, measure_file, measured
from vbench.score.plan import make_plan
from vbench.selftest import textured_pan
from vbench.video import write_clip


@pytest.mark.parametrize(
    ("compute", "code"), [(lambda *_: float("nan"), "not_finite"), (lambda *_: 3.0, "out_of_bounds")]
)
def test_a_number_that_cannot_be_is_a_failure_naming_the_clip(bench: Bench, compute: Any, code: str) -> None:
    plan = make_plan(ScoreSpec(metrics=["spec_adherence"]))
    metric = replace(METRICS["spec_adherence"], compute=compute)
    clip = bench.clips()[0]
    (failure,) = measured(plan, Unfinished(clip=clip, metrics=(metric,), known={}), {}, clip.probe).failures
    assert failure.code == code
    assert clip.id in failure.message


def test_a_failed_part_fails_the_headline(bench: Bench) -> None:
    plan = make_plan(ScoreSpec(metrics=["overall"]))
    clip = bench.clips()[0]
    item = Unfinished(clip=clip, metrics=plan.metrics, known={})
    from vbench.errors import MetricError

    broken = {name: MetricError("no memory", code="out_of_memory") for name in plan.features}
    found = measured(plan, item, broken, clip.probe)
    assert not found.scores
    assert {failure.code for failure in found.failures} == {"out_of_memory"}


def test_wishes_come_from_the_request_before_the_prompt(bench: Bench) -> None:
    clip = bench.clips()[0]
    prompt = Prompt(id="p", text="x", expects={"seconds": 4.0, "audio": True, "camera": "static"})
    assert asked_of(replace(clip, prompt=prompt)).seconds == 4.0
    generated = replace(clip.provenance, extra={"request": {"seconds": 8.0, "fps": None}})
    asked = asked_of(replace(clip, prompt=prompt, provenance=generated))
    assert (asked.seconds, asked.audio, asked.fps) == (8.0, True, None)


def test_measure_file_reads_one_file(tmp_path: Path) -> None:
    write_clip(textured_pan(8, 96, 64, seed=0), tmp_path / "x.mp4", fps=24, preset="ultrafast")
    clip, outcomes = measure_file(tmp_path / "x.mp4", metrics=["sharpness"])
    assert isinstance(outcomes, Outcomes)
    assert [type(found) for found in outcomes.scores] == [Score]
    assert not [f for f in outcomes.failures if isinstance(f, Failure)]
    assert clip.probe.n_frames == 8
