"""Stage 2: measure the clips of a bench; what is done is skipped, and every clip is stored in one transaction."""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vbench.bench import Bench
from vbench.contracts import Asked, Combined, DeviceFeature, Measure, Metric
from vbench.errors import ItemError, MetricError, OptionError
from vbench.extract import decoder_choice
from vbench.extract.extraction import Extracted, Timing, Wanted, extract
from vbench.files import sha256_of
from vbench.records import Clip, Event, Failure, Outcomes, Probe, Prompt, Score, ScoreKey, Timeline
from vbench.score.plan import ScorePlan, make_plan

Progress = Callable[[int, int, str], None]
"""Called with clips done, clips in all, and a sentence (empty, or something to know)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """What a run did."""

    n_clips: int
    n_skipped: int
    """Clips with nothing left to measure."""
    n_scores: int
    n_failures: int
    failures: Mapping[str, int] = field(default_factory=dict)
    """Code → how often."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    timing: Timing = field(default_factory=Timing)

    @property
    def without_score(self) -> str:
        """How much has no score and why, as the rest of a sentence; empty where everything has one."""
        failed = {code: n for code, n in sorted(self.failures.items()) if code != "not_applicable"}
        why = ", ".join(f"{code} {n}" for code, n in failed.items())
        told = f", {sum(failed.values())} measures failed ({why})" if failed else ""
        n_idle = self.failures.get("not_applicable", 0)
        return told + (f", {n_idle} measures do not apply (sound where there is none, say)" if n_idle else "")


def score(
    bench: Bench,
    *,
    preset: str = "standard",
    metrics: Sequence[str] | None = None,
    device: str = "auto",
    workers: int | None = None,
    settings: Mapping[str, str] | None = None,
    precision: str = "auto",
    compile: bool = False,
    clip_ids: Sequence[str] | None = None,
    progress: Progress | None = None,
) -> ScoreReport:
    """Measure every clip of a bench that lacks a score of the plan.

    Args:
        bench: The workspace.
        preset: `offline`, `standard`, `full` or `vbench`.
        metrics: Names instead of a preset.
        device: `auto`, `cpu`, `cuda`, `cuda:N`, or several with commas; `auto` takes all CUDA devices, else the CPU.
        workers: Decode processes; None: one per core, at most 16.
        settings: `--set` values, e.g. ``{"clip.model": PATH}``.
        precision: `auto`, `fp32` or `bf16`.
        compile: Put backbones through `torch.compile`: half a minute each at the start, faster from then on.
        clip_ids: Only these clips.
        progress: Told after every clip.

    Raises:
        OptionError: an unknown preset, metric, setting or device.
        WeightsError: weights that the plan needs are missing.
    """
    started = time.monotonic()
    clips = [clip for clip in bench.clips() if clip_ids is None or clip.id in set(clip_ids)]
    chosen = devices(device, needs_device=may_use_device(preset, metrics, settings))
    plan = make_plan(preset, metrics=metrics, settings=settings, device=chosen[0], precision=precision, compile=compile)
    bench.add_metrics(metric.info for metric in plan.metrics)
    todo = unfinished(bench, plan, clips)
    notes: list[str] = []
    n_scores = n_done = 0
    codes: Counter[str] = Counter()
    timing = Timing()

    def note(text: str) -> None:
        notes.append(text)
        if progress is not None:
            progress(n_done, len(todo), text)

    if progress is not None:
        progress(0, len(todo), "")
    if todo and precision == "auto" and has_faster_precision(plan):
        note(
            "this CPU multiplies bf16 in hardware: --precision bf16 makes the backbones several times faster; "
            "scores in bf16 are kept apart from those in fp32"
        )
    for outcomes in run(bench, plan, todo, devices=chosen, workers=workers or cores(), note=note, timing=timing):
        bench.add_outcomes(outcomes)
        n_done += 1
        n_scores += len(outcomes.scores)
        codes.update(failure.code for failure in outcomes.failures)
        if progress is not None:
            progress(n_done, len(todo), "")
    return ScoreReport(
        n_clips=len(clips),
        n_skipped=len(clips) - len(todo),
        n_scores=n_scores,
        n_failures=sum(codes.values()),
        failures=dict(codes),
        left_out=plan.left_out,
        notes=tuple(notes),
        seconds=time.monotonic() - started,
        timing=timing,
    )


def has_faster_precision(plan: ScorePlan) -> bool:
    """Whether backbones of the plan run in fp32 on a CPU that has instructions for bf16."""
    if plan.settings.device != "cpu" or not any(
        isinstance(feature, DeviceFeature) and not name.startswith("vbench_")  # VBench's own are always fp32
        for name, feature in plan.features.items()
    ):
        return False
    import torch

    # older releases of torch do not tell: then there is no hint
    found: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(found.get(name) for name in ("amx_bf16", "avx512_bf16"))


def cores() -> int:
    """Processes worth starting: the cores this process may use, at most 16."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(16, usable))


def may_use_device(preset: str, metrics: Sequence[str] | None, settings: Mapping[str, str] | None) -> bool:
    """Whether anything may run on a device other than the CPU: a backbone, or the decoder."""
    return preset != "offline" or metrics is not None or (settings or {}).get(decoder_choice.SETTING) == "nvdec"


def devices(wish: str, *, needs_device: bool = True) -> list[str]:
    """The devices a wish means.

    Raises:
        OptionError: not a device, or one this machine does not have.
    """
    if wish == "cpu" or not needs_device:
        return ["cpu"]
    import torch  # here, so that an offline run never loads it

    n = torch.cuda.device_count() if torch.cuda.is_available() else 0
    if wish == "auto":
        return [f"cuda:{i}" for i in range(n)] or ["cpu"]
    found = []
    for part in wish.split(","):
        kind, _, number = part.strip().partition(":")
        if kind not in ("cpu", "cuda") or (number and not number.isdigit()):
            raise OptionError(f"device is {part!r}; expected auto, cpu, cuda or cuda:N")
        if kind == "cuda" and int(number or 0) >= n:
            raise OptionError(f"device is {part!r}, but this machine has {n} CUDA devices; use --device cpu")
        found.append("cpu" if kind == "cpu" else f"cuda:{int(number or 0)}")
    return list(dict.fromkeys(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Unfinished:
    """A clip and the metrics it lacks, with the values of parts that are there already."""

    clip: Clip
    metrics: tuple[Metric, ...]
    known: Mapping[str, float]


def unfinished(bench: Bench, plan: ScorePlan, clips: Sequence[Clip]) -> list[Unfinished]:
    """Clips with something left to measure, in an order that takes the tools in turns."""
    done = bench.done_keys()
    stored: dict[str, dict[str, Score]] = {}
    for found in bench.score_records():
        stored.setdefault(found.key.clip, {})[found.key.metric] = found
    todo = []
    for clip in clips:
        keys = {metric.name: key_of(plan, clip.id, metric) for metric in plan.metrics}
        lacks = {m.name for m in plan.metrics if (clip.id, m.name, m.version, keys[m.name].params_key) not in done}
        if not lacks:
            continue
        known = {
            name: found.value
            for name, found in stored.get(clip.id, {}).items()
            if name in keys and name not in lacks and found.key.params_key == keys[name].params_key
        }
        for metric in reversed(plan.combined):  # parts whose values are not at hand are measured again
            if metric.name in lacks:
                lacks |= {part for part in metric.inputs if part in keys and part not in known}
        todo.append(Unfinished(clip=clip, metrics=tuple(m for m in plan.metrics if m.name in lacks), known=known))
    return todo


def key_of(plan: ScorePlan, clip_id: str, metric: Metric) -> ScoreKey:
    """The key a score of this plan is stored under."""
    return ScoreKey(clip=clip_id, metric=metric.name, version=metric.version, params=plan.params[metric.name])


def run(
    bench: Bench,
    plan: ScorePlan,
    todo: Sequence[Unfinished],
    *,
    devices: Sequence[str],
    workers: int,
    note: Callable[[str], None],
    timing: Timing,
) -> Iterator[Outcomes]:
    """Outcomes of clips as they finish. Clips that lack the same features run together."""
    groups: dict[tuple[str, ...], list[Unfinished]] = {}
    for item in todo:
        needed = sorted({name for metric in item.metrics for name in plan.features_of(metric)})
        groups.setdefault(tuple(needed), []).append(item)
    for names, items in groups.items():
        ready: list[tuple[Unfinished, Wanted]] = []
        for item in items:
            try:
                path = bench.clip_path(item.clip)
            except OSError as error:
                yield refused(
                    plan, item, "io", f"{item.clip.media}: cannot be read ({error}); restore or import it again"
                )
                continue
            ready.append((item, Wanted(path=path, probe=item.clip.probe, prompt=item.clip.prompt)))
        if not names:  # only the given inputs, or values that are stored
            yield from (measured(plan, item, {}, item.clip.probe) for item, _ in ready)
            continue
        features = [plan.features[name] for name in names]
        for found in spread(
            [wanted for _, wanted in ready], features, devices=devices, workers=workers, note=note, timing=timing
        ):
            item = ready[found.number][0]
            if found.refused is not None:
                yield refused(plan, item, found.refused.code, found.refused.message)
            else:
                yield measured(plan, item, found.values, item.clip.probe)


def spread(
    wanted: Sequence[Wanted],
    features: Sequence[Any],
    *,
    devices: Sequence[str],
    workers: int,
    note: Callable[[str], None],
    timing: Timing,
) -> Iterator[Extracted]:
    """`extract` on one device, or split over one process per device."""
    if len(devices) == 1 or len(wanted) < 2:
        yield from extract(wanted, features, workers=workers, note=note, timing=timing)
        return
    from vbench.extract.shards import extract_sharded

    yield from extract_sharded(wanted, features, devices=devices, workers=workers, note=note, timing=timing)


def measured(plan: ScorePlan, item: Unfinished, values: Mapping[str, Any], probe: Probe) -> Outcomes:
    """All metrics of one clip from its features; what cannot be measured is a Failure that says why."""
    clip = item.clip
    given = {**values, "probe": probe, "prompt": clip.prompt, "asked": asked_of(clip)}
    scores: list[Score] = []
    failures: list[Failure] = []
    timelines: list[Timeline] = []
    events: list[Event] = []
    numbers: dict[str, float] = dict(item.known)
    codes: dict[str, str] = {}
    for metric in item.metrics:
        key = key_of(plan, clip.id, metric)
        try:
            found = _one(metric, given, probe, numbers, codes)
        except ItemError as error:
            codes[metric.name] = error.code
            failures.append(
                Failure(stage="score", subject=clip.id, code=error.code, message=f"clip {clip.id}: {error}", key=key)
            )
            continue
        numbers[metric.name] = found.value
        scores.append(Score(key=key, value=found.value))
        if found.timeline is not None and len(found.timeline.t_s):
            series = found.timeline
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
            )
            for moment in found.events
        ]
    return Outcomes(
        clip=clip.id,
        scores=tuple(scores),
        failures=tuple(failures),
        timelines=tuple(timelines),
        events=tuple(events),
    )


def _one(
    metric: Metric, given: Mapping[str, Any], probe: Probe, numbers: Mapping[str, float], codes: Mapping[str, str]
) -> Measure:
    if isinstance(metric, Combined):
        for part in metric.inputs:
            if part in codes and (part in metric.needs or codes[part] not in ("not_applicable", "undefined")):
                raise MetricError(f"{metric.name} needs {part}, which failed ({codes[part]})", code=codes[part])
        return metric.combine({part: numbers[part] for part in metric.inputs if part in numbers})
    for name in metric.inputs:
        if isinstance(error := given[name], ItemError):
            raise MetricError(f"{metric.name}: {error}", code=error.code)
    return metric.measure(given, probe)


def refused(plan: ScorePlan, item: Unfinished, code: str, message: str) -> Outcomes:
    """A clip that cannot be decoded: every measure it lacks is a Failure with the same reason."""
    failures = tuple(
        Failure(stage="score", subject=item.clip.id, code=code, message=message, key=key_of(plan, item.clip.id, metric))
        for metric in item.metrics
    )
    return Outcomes(clip=item.clip.id, failures=failures)


def asked_of(clip: Clip) -> Asked:
    """What the clip was asked to be: the request it was generated from, and else what its prompt expects."""
    wishes = dict(clip.prompt.expects) | {
        name: value for name, value in dict(clip.provenance.extra.get("request") or {}).items() if value is not None
    }
    return Asked(**{name: wishes[name] for name in Asked.__slots__ if wishes.get(name) is not None})


def measure_file(
    path: Path,
    prompt: Prompt | None = None,
    *,
    preset: str = "offline",
    metrics: Sequence[str] | None = None,
    device: str = "auto",
    settings: Mapping[str, str] | None = None,
    precision: str = "auto",
    workers: int = 1,
) -> tuple[Clip, Outcomes]:
    """Measure one file that is in no bench.

    Args:
        path: A video file.
        prompt: What it should show; None: measures that need a prompt are Failures.
        preset: As for `score`.
        metrics: Names instead of a preset.
        device: As for `score`; of several the first.
        settings: `--set` values.
        precision: As for `score`.
        workers: 1: decode in a process of its own, so that a codec that crashes fails the file; 0: in this process.

    Raises:
        ClipError: the file cannot be read.
    """
    from vbench.records import Provenance, clip_id
    from vbench.video import probe

    known = prompt or Prompt(id=path.stem, text="")
    facts = probe(path, threads=1)
    sha256 = sha256_of(path)
    clip = Clip(
        id=clip_id("", known.text, 0, sha256),
        model="",
        prompt=known,
        sample=0,
        sha256=sha256,
        media=str(path.resolve()),
        linked=True,
        probe=facts,
        provenance=Provenance(source=str(path)),
    )
    chosen = devices(device, needs_device=may_use_device(preset, metrics, settings))
    plan = make_plan(preset, metrics=metrics, settings=settings, device=chosen[0], precision=precision)
    item = Unfinished(clip=clip, metrics=plan.metrics, known={})
    wanted = [Wanted(path=path, probe=facts, prompt=known)]
    for found in extract(wanted, list(plan.features.values()), workers=workers):
        if found.refused is not None:
            return clip, refused(plan, item, found.refused.code, found.refused.message)
        return clip, measured(plan, item, found.values, facts)
    raise AssertionError("one clip in, one clip out")
