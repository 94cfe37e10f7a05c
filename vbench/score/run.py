"""Stage 2: measure the clips of a bench; what is done is skipped, and every clip is stored in one transaction."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Self, Unpack

from vbench.bench import Bench
from vbench.contracts import DeviceFeature, Feature
from vbench.extract.extraction import Extractor, Timing, Wanted
from vbench.records import Clip, Outcomes, Score, ScoreKey
from vbench.score.claims import POLL_S, Claims
from vbench.score.clip import Unfinished, key_of, measured, outcomes_of, unmeasured
from vbench.score.patience import Patience
from vbench.score.plan import ScorePlan, make_plan
from vbench.score.spec import ScoreChoices, ScoreSpec, cores, spec_with

DEFAULT = ScoreSpec()
FETCHES = 8
"""Files that come from a bucket at once: one alone mostly waits."""
CHUNK = 500
"""Clips whose stored keys are looked at together."""
Progress = Callable[[int, int, str], None]
"""Called with clips done, clips in all, and a sentence (empty, or something to know)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReport:
    """What a run did."""

    n_clips: int
    n_skipped: int
    """Clips with nothing left to measure, or measured by another process meanwhile."""
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
    spec: ScoreSpec = DEFAULT,
    *,
    progress: Progress | None = None,
    **choices: Unpack[ScoreChoices],
) -> ScoreReport:
    """Measure every clip of a bench that lacks a score of the plan.

    Processes that score one bench at once divide its clips; each returns when all are measured.

    Args:
        bench: The workspace.
        spec: What to measure and how.
        progress: Told after every clip.
        choices: Fields of the spec, by name: ``score(bench, preset="offline")``.

    Raises:
        OptionError: an unknown preset, metric, setting or device.
        WeightsError: weights that the plan needs are missing.
    """
    started = time.monotonic()
    spec = spec_with(spec, **choices)
    chosen = None if spec.clip_ids is None else set(spec.clip_ids)
    clips = [clip for clip in bench.clips() if chosen is None or clip.id in chosen]
    devices = spec.devices()
    plan = make_plan(spec, device=devices[0])
    bench.add_metrics(metric.info for metric in plan.metrics)
    todo = unfinished(bench, plan, clips)
    notes: list[str] = []
    n_scores = n_measured = n_elsewhere = 0
    codes: Counter[str] = Counter()
    timing = Timing()

    def note(text: str) -> None:
        notes.append(text)
        tell(text)

    def tell(text: str = "") -> None:
        if progress is not None:
            progress(n_measured + n_elsewhere, len(todo), text)

    tell()
    if todo and spec.precision == "auto" and has_faster_precision(plan):
        note(
            "this CPU multiplies bf16 in hardware: --precision bf16 makes the backbones several times faster; "
            "scores in bf16 are kept apart from those in fp32"
        )
    workers = spec.workers or cores()
    left = {item.clip.id: item.clip for item in todo}
    is_waiting = False

    def extractor(features: Sequence[Feature]) -> Extractor:
        return Extractor(features, workers=workers, devices=devices, note=note, timing=timing)

    patient = Patience(note)
    with Claims(bench, workers=workers) as claims, _Passes(plan, extractor) as passes:
        began = time.monotonic()
        while left:
            speed = (time.monotonic() - began) / n_measured if n_measured else None
            taken = patient(partial(claims.take, list(left), seconds_per_clip=speed))
            if not taken:
                if not is_waiting:
                    tell(f"the last {len(left)} clips are being measured by other processes; waiting for them")
                is_waiting = True
                time.sleep(POLL_S)
                continue
            batch = patient(partial(unfinished, bench, plan, [left[id] for id in taken]))
            for outcomes in run(bench, plan, batch, passes):
                patient(partial(bench.add_outcomes, outcomes, owner=claims.owner))
                left.pop(outcomes.clip)
                n_measured += 1
                n_scores += len(outcomes.scores)
                codes.update(failure.code for failure in outcomes.failures)
                tell()
            if len(batch) < len(taken):  # others have measured some meanwhile, and perhaps more
                patient(partial(claims.release, sorted({*taken} - {item.clip.id for item in batch})))
                still = patient(partial(unfinished, bench, plan, list(left.values())))
                left = {item.clip.id: item.clip for item in still}
                n_elsewhere = len(todo) - n_measured - len(left)
                tell()
    return ScoreReport(
        n_clips=len(clips),
        n_skipped=len(clips) - n_measured,
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
        isinstance(feature, DeviceFeature) and not feature.is_exact for feature in plan.features.values()
    ):
        return False
    import torch

    # older releases of torch do not tell: then there is no hint
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return any(capabilities.get(name) for name in ("amx_bf16", "avx512_bf16"))


def unfinished(bench: Bench, plan: ScorePlan, clips: Sequence[Clip]) -> list[Unfinished]:
    """Clips with something left to measure, in an order that takes the tools in turns."""
    todo: list[Unfinished] = []
    for start in range(0, len(clips), CHUNK):
        todo += _unfinished_of(bench, plan, clips[start : start + CHUNK])
    return todo


def _unfinished_of(bench: Bench, plan: ScorePlan, clips: Sequence[Clip]) -> Iterator[Unfinished]:
    ids = [clip.id for clip in clips]
    done = bench.done_keys(ids)
    of_clips: dict[str, tuple[dict[str, ScoreKey], set[str]]] = {}
    for clip in clips:
        keys = {metric.name: key_of(plan, clip.id, metric) for metric in plan.metrics}
        lacks = {m.name for m in plan.metrics if (clip.id, m.name, m.version, keys[m.name].params_key) not in done}
        if lacks:
            of_clips[clip.id] = keys, lacks
    if not of_clips:
        return
    stored: dict[str, dict[str, Score]] = {}
    for stored_score in bench.score_records(clips=list(of_clips)):
        stored.setdefault(stored_score.key.clip, {})[stored_score.key.metric] = stored_score
    for clip in clips:
        if clip.id not in of_clips:
            continue
        keys, lacks = of_clips[clip.id]
        known = {
            name: part.value
            for name, part in stored.get(clip.id, {}).items()
            if name in keys and name not in lacks and part.key.params_key == keys[name].params_key
        }
        for metric in reversed(plan.combined):  # parts whose values are not at hand are measured again
            if metric.name in lacks:
                lacks |= {part for part in metric.inputs if part in keys and part not in known}
        yield Unfinished(clip=clip, metrics=tuple(m for m in plan.metrics if m.name in lacks), known=known)


class _Passes:
    """What a run decodes and computes with; kept from one share of clips to the next that lacks the same features.

    Args:
        plan: Where the features are from.
        extractor: Features → what computes them.
    """

    def __init__(self, plan: ScorePlan, extractor: Callable[[Sequence[Feature]], Extractor]) -> None:
        self._plan, self._extractor = plan, extractor
        self._kept: dict[tuple[str, ...], Extractor] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: Any) -> None:
        for kept in self._kept.values():
            kept.__exit__(*error)

    def of(self, names: tuple[str, ...]) -> Extractor:
        """What computes these features; what computed others ends, with its memory."""
        if names not in self._kept:
            self.__exit__(None, None, None)
            self._kept = {names: self._extractor([self._plan.features[name] for name in names])}
        return self._kept[names]


def run(bench: Bench, plan: ScorePlan, todo: Sequence[Unfinished], passes: _Passes) -> Iterator[Outcomes]:
    """Outcomes of clips as they finish. Clips that lack the same features run together."""
    groups: dict[tuple[str, ...], list[Unfinished]] = {}
    for item in todo:
        needed = sorted({name for metric in item.metrics for name in plan.features_of(metric)})
        groups.setdefault(tuple(needed), []).append(item)
    for names, items in groups.items():
        ready: list[tuple[Unfinished, Wanted]] = []
        for item, path in _with_files(bench, items):
            if isinstance(path, OSError):
                yield unmeasured(
                    plan, item, "io", f"{item.clip.media}: cannot be read ({path}); restore or import it again"
                )
                continue
            ready.append((item, Wanted(path=path, probe=item.clip.probe, prompt=item.clip.prompt)))
        if not names:  # only the given inputs, or values that are stored
            yield from (measured(plan, item, {}, item.clip.probe) for item, _ in ready)
            continue
        for extracted in passes.of(names).extract([clip for _, clip in ready]):
            yield outcomes_of(plan, ready[extracted.number][0], extracted)


def _with_files(bench: Bench, items: Sequence[Unfinished]) -> Iterator[tuple[Unfinished, Path | OSError]]:
    """The file of each clip on this machine, or why there is none; from a bucket several come at once."""

    def file(item: Unfinished) -> Path | OSError:
        try:
            return bench.clip_path(item.clip)
        except OSError as error:
            return error

    if not bench.media.is_remote:
        yield from ((item, file(item)) for item in items)
        return
    with ThreadPoolExecutor(FETCHES, thread_name_prefix="fetch") as threads:
        yield from zip(items, threads.map(file, items), strict=True)
