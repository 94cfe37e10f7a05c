"""All measures of one clip from its features: scores, timelines, moments, and a failure for what has no value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Unpack

from vbench.bench.clips import clip_from_file
from vbench.contracts import ClipWishes, Combined, Measure, Metric
from vbench.delivery import setting_of
from vbench.errors import ItemError, MetricError
from vbench.extract.extraction import Extracted, Wanted, extract
from vbench.records import (
    Clip,
    Event,
    Failure,
    Outcomes,
    Probe,
    Prompt,
    Provenance,
    Score,
    ScoreKey,
    Timeline,
)
from vbench.score.plan import ScorePlan, make_plan
from vbench.score.spec import ScoreChoices, ScoreSpec, spec_with
from vbench.video import probe as probed

ONE_FILE = ScoreSpec(preset="offline", workers=1)
"""Decoded in a process of its own, so that a codec that crashes fails the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A clip and the metrics it lacks, with the values of parts that are there already."""

    clip: Clip
    metrics: tuple[Metric, ...]
    known: Mapping[str, float]


def key_of(plan: ScorePlan, clip_id: str, metric: Metric) -> ScoreKey:
    """The key a score of this plan is stored under."""
    return ScoreKey(clip=clip_id, metric=metric.name, version=metric.version, params=plan.params[metric.name])


def outcomes_of(plan: ScorePlan, item: Unfinished, extracted: Extracted) -> Outcomes:
    """What is said of a clip whose features were wanted."""
    if extracted.failure is not None:
        return unmeasured(plan, item, extracted.failure.code, extracted.failure.message)
    return measured(plan, item, extracted.values, item.clip.probe)


def measured(plan: ScorePlan, item: Unfinished, values: Mapping[str, Any], probe: Probe) -> Outcomes:
    """All metrics of one clip from its features; what cannot be measured is a Failure that says why."""
    clip = item.clip
    inputs = {**values, "probe": probe, "prompt": clip.prompt, "asked": asked_of(clip)}
    scores: list[Score] = []
    failures: list[Failure] = []
    timelines: list[Timeline] = []
    events: list[Event] = []
    numbers: dict[str, float] = dict(item.known)
    codes: dict[str, str] = {}
    for metric in item.metrics:
        key = key_of(plan, clip.id, metric)
        try:
            measure = _measure_of(metric, inputs, numbers, codes)
        except ItemError as error:
            codes[metric.name] = error.code
            failures.append(
                Failure(stage="score", subject=clip.id, code=error.code, message=f"clip {clip.id}: {error}", key=key)
            )
            continue
        numbers[metric.name] = measure.value
        scores.append(Score(key=key, value=measure.value))
        if measure.timeline is not None and len(measure.timeline.t_s):
            series = measure.timeline
            timelines.append(Timeline(key=key, t_s=tuple(series.t_s.tolist()), value=tuple(series.value.tolist())))
        events += [
            Event(
                clip=clip.id,
                kind=moment.kind,
                metric=metric.name,
                start_s=moment.start_s,
                end_s=moment.end_s,
                frame=moment.frame,
                value=moment.value,
                box=moment.box,
            )
            for moment in measure.events
        ]
    return Outcomes(
        clip=clip.id,
        scores=tuple(scores),
        failures=tuple(failures),
        timelines=tuple(timelines),
        events=tuple(events),
    )


def _measure_of(
    metric: Metric, inputs: Mapping[str, Any], numbers: Mapping[str, float], codes: Mapping[str, str]
) -> Measure:
    if isinstance(metric, Combined):
        for part in metric.inputs:
            if part in codes and (part in metric.needs or codes[part] not in ("not_applicable", "undefined")):
                raise MetricError(f"{metric.name} needs {part}, which failed ({codes[part]})", code=codes[part])
        return metric.combine({part: numbers[part] for part in metric.inputs if part in numbers})
    for name in metric.inputs:
        if isinstance(error := inputs[name], ItemError):
            raise MetricError(f"{metric.name}: {error}", code=error.code)
    return metric.measure(inputs, inputs["probe"])


def unmeasured(plan: ScorePlan, item: Unfinished, code: str, message: str) -> Outcomes:
    """A clip that cannot be decoded: every measure it lacks is a Failure with the same reason."""
    failures = tuple(
        Failure(stage="score", subject=item.clip.id, code=code, message=message, key=key_of(plan, item.clip.id, metric))
        for metric in item.metrics
    )
    return Outcomes(clip=item.clip.id, failures=failures)


def asked_of(clip: Clip) -> ClipWishes:
    """What the clip was asked to be: the request it was generated from, and else what its prompt expects."""
    wishes = dict(clip.prompt.expects) | {
        name: value for name, value in dict(clip.provenance.extra.get("request") or {}).items() if value is not None
    }
    wishes["image_use"] = setting_of(clip.provenance).image_use or None
    return ClipWishes(**{name: wishes[name] for name in ClipWishes.__slots__ if wishes.get(name) is not None})


def measure_file(
    path: Path, prompt: Prompt | None = None, spec: ScoreSpec = ONE_FILE, **choices: Unpack[ScoreChoices]
) -> tuple[Clip, Outcomes]:
    """Measure one file that is in no bench.

    Args:
        path: A video file.
        prompt: What it should show; None: measures that need a prompt are Failures.
        spec: As for `score`; of several devices the first. One decode process, unless it says 0.
        choices: Fields of the spec, by name.

    Raises:
        ClipError: the file cannot be read.
    """
    spec = spec_with(spec, **choices)
    prompt = prompt or Prompt(id=path.stem, text="")
    facts = probed(path, threads=1)
    clip = clip_from_file(path, model="", prompt=prompt, sample=0, probe=facts, provenance=Provenance(source=str(path)))
    plan = make_plan(spec, device=spec.devices()[0])
    wanted = [Wanted(path=path, probe=facts, prompt=prompt)]
    workers = 1 if spec.workers is None else spec.workers
    (extracted,) = extract(wanted, list(plan.features.values()), workers=workers)
    return clip, outcomes_of(plan, Unfinished(clip=clip, metrics=plan.metrics, known={}), extracted)
