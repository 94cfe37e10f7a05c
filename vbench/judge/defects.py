"""Located defects: what signals and judges accuse a clip of, with time and place, upheld or retracted; per minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from vbench.bench import Bench, Inspection
from vbench.errors import ClipError
from vbench.judge.ask import Asker, Subject, drawn_of
from vbench.judge.backend import backend_of
from vbench.judge.card import JudgeCard, find_judge
from vbench.judge.look import moments, other_moments, pictures, read_moments
from vbench.judge.phrases import DEFECT_KINDS
from vbench.judge.request import Backend
from vbench.judge.signals import FREEZE_S, SIGNALS, SIGNALS_VERSION
from vbench.judge.tally import distrusted
from vbench.records import (
    Clip,
    Defect,
    Event,
    Failure,
    MetricInfo,
    Outcomes,
    Score,
    ScoreKey,
    digest,
)
from vbench.text import first_line

SIGNAL_KINDS = ("freeze", "black", "cut")
DEFECTS_VERSION = 1
"""Raised when a rule below changes."""
METRIC = "defects_per_min"
KNOWN_BY = ("cut_count", "freeze_ratio", "black_ratio")
"""Metrics whose events are the signals' accusations: a clip without them is not inspected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DefectReport:
    """What a run found."""

    n_clips: int
    found: Mapping[str, int]
    """Kind → defects that stand."""
    n_retracted: int
    failures: Mapping[str, int]
    stopped: Mapping[str, str]
    cost_usd: float


def find_defects(
    bench: Bench,
    *,
    with_: Sequence[str] = (),
    max_cost: float | None = None,
    allow_unpriced: bool = False,
    make: Callable[[JudgeCard, str], Backend] = backend_of,
    device: str = "cpu",
) -> DefectReport:
    """Look every clip over for defects: by the events of our measures, and by judges.

    Args:
        bench: The workspace.
        with_: Judges by name.
        max_cost: What each of them may cost in this bench in all, in US dollars.
        allow_unpriced: Ask one under a ceiling although its card has no price.
        make: What reaches a judge; for tests.
        device: Of local weights.

    Raises:
        BudgetError: a judge that charges, and no ceiling.
    """
    clips = bench.clips()
    _inspect_by_signals(bench, clips)
    stopped: dict[str, str] = {}
    cost = 0.0
    for card in map(find_judge, with_):
        asker = Asker(bench, card, make(card, device), max_cost=max_cost, allow_unpriced=allow_unpriced)
        try:
            looks = [look for look in bench.inspections() if (look.answerer, look.version) == (card.id, card.version)]
            seen = {look.clip for look in looks if not look.code}
            todo = [clip for clip in clips if clip.id not in seen]
            with ThreadPoolExecutor(max_workers=card.concurrency) as pool:
                list(pool.map(partial(_inspect_by_judge, bench, asker), todo))
        finally:
            asker.close()
        cost += asker.spent_usd
        if asker.stopped:
            stopped[card.id] = asker.stopped
    count_defects(bench)
    defects = bench.defects()
    found: dict[str, int] = {}
    for defect in defects:
        if defect.survived:
            found[defect.kind] = found.get(defect.kind, 0) + 1
    failures: dict[str, int] = {}
    for inspection in bench.inspections():
        if inspection.code:
            failures[inspection.code] = failures.get(inspection.code, 0) + 1
    return DefectReport(
        n_clips=len(clips),
        found=dict(sorted(found.items())),
        n_retracted=sum(not defect.survived for defect in defects),
        failures=failures,
        stopped=stopped,
        cost_usd=cost,
    )


def _inspect_by_signals(bench: Bench, clips: Sequence[Clip]) -> None:
    """Freezes, black stretches and cuts nobody asked for, where they were measured."""
    measured: dict[str, set[str]] = {}
    for score in bench.score_records(metrics=list(KNOWN_BY)):
        measured.setdefault(score.key.clip, set()).add(score.key.metric)
    events: dict[str, list[Event]] = {}
    for event in bench.events():
        events.setdefault(event.clip, []).append(event)
    version = digest("signal defects", SIGNALS_VERSION, DEFECTS_VERSION)
    for clip in clips:
        if measured.get(clip.id, set()) == set(KNOWN_BY):
            inspection = Inspection(clip=clip.id, answerer=SIGNALS, version=version, code="", message="")
            bench.set_defects(inspection, signal_defects(clip, events.get(clip.id, []), version))


def signal_defects(clip: Clip, events: Sequence[Event], version: str) -> list[Defect]:
    """The events of a clip that are faults: its cuts beyond those asked for, each stretch once."""
    asked_cuts = int(clip.prompt.expects.get("cuts") or 0)
    stretches = {(e.kind, round(e.start_s, 2), round(e.end_s, 2)): e for e in events if e.kind in SIGNAL_KINDS}
    found = sorted(stretches.values(), key=lambda event: event.start_s)
    cuts = [event for event in found if event.kind == "cut"]
    wrong = [event for event in found if event.kind != "cut"] + (cuts if len(cuts) > asked_cuts else [])
    duration_s = max(clip.probe.duration_s, 1e-3)
    return [
        Defect(
            clip=clip.id,
            kind=event.kind,
            start_s=event.start_s,
            end_s=event.end_s,
            severity=1.0 if event.kind == "cut" else min(1.0, (event.end_s - event.start_s) / duration_s),
            answerer=SIGNALS,
            by="signal",
            version=version,
            survived=True,
            note=f"by {event.metric}",
        )
        for event in wrong
        if event.kind != "freeze" or event.end_s - event.start_s >= FREEZE_S
    ]


def _inspect_by_judge(bench: Bench, asker: Asker, clip: Clip) -> None:
    """What a judge accuses a clip of; why it could not look is kept too."""
    card = asker.card
    if asker.stopped:
        return
    duration_s = clip.probe.duration_s
    first = moments(duration_s, card.frames, events=bench.events(clip.id), timelines=bench.timelines(clip.id))
    second = other_moments(duration_s, card.frames)
    try:
        shown = {(f.t_s, f.why): f for f in read_moments(bench.clip_path(clip), [*first, *second])}
    except (ClipError, OSError) as error:
        code = error.code if isinstance(error, ClipError) else "io"
        failure = Failure(stage="judge", subject=clip.id, code=code, message=first_line(error, 400))
        bench.add_failure(failure)
        return
    subject = Subject(
        sha256=clip.sha256,
        duration_s=duration_s,
        first=pictures([shown[m.t_s, m.why] for m in first], card.frames),
        second=pictures([shown[m.t_s, m.why] for m in second], card.frames),
        drawn=drawn_of(clip) or None,
    )
    outcome, named = asker.accuse(subject)
    if outcome.code in ("stopped", "elsewhere"):
        return
    inspection = Inspection(
        clip=clip.id, answerer=card.id, version=card.version, code=outcome.code, message=outcome.message[:400]
    )
    defects = [
        Defect(
            clip=clip.id,
            kind=accusation.kind,
            start_s=accusation.start_s,
            end_s=accusation.end_s,
            severity=accusation.severity,
            answerer=card.id,
            by="judge",
            version=card.version,
            survived=upheld,
            box=accusation.box,
            note=accusation.reason,
        )
        for accusation, upheld in named
    ]
    bench.set_defects(inspection, defects)


def count_defects(bench: Bench) -> None:
    """Put the number of defects per minute, by kind and in all, in place of what the board had."""
    shunned = distrusted(bench)
    looked: dict[str, set[str]] = {}
    for inspection in bench.inspections():
        if not inspection.code and inspection.answerer not in shunned:
            looked.setdefault(inspection.clip, set()).add(inspection.answerer)
    everybody = set().union(*looked.values()) if looked else set()
    standing = [defect for defect in bench.defects() if defect.survived and defect.answerer in everybody]
    kinds = sorted({defect.kind for defect in standing})
    names = {METRIC: None, **{f"{METRIC}_{kind}": kind for kind in kinds}}
    params = {"answerers": sorted(everybody)}
    outcomes = []
    for clip in bench.clips():
        if not everybody or looked.get(clip.id, set()) != everybody:
            continue  # somebody has not looked at it yet: its number would be one of other eyes than its neighbours'
        own = [defect for defect in standing if defect.clip == clip.id]
        minutes = max(clip.probe.duration_s, 1e-3) / 60
        scores = tuple(
            Score(
                key=ScoreKey(clip=clip.id, metric=name, version=DEFECTS_VERSION, params=params),
                value=sum(kind is None or defect.kind == kind for defect in own) / minutes,
            )
            for name, kind in names.items()
        )
        outcomes.append(Outcomes(clip=clip.id, scores=scores))
    if outcomes:
        bench.add_metrics(defect_info(name, kind) for name, kind in names.items())
    every = [METRIC, *(f"{METRIC}_{kind}" for kind in (*SIGNAL_KINDS, *DEFECT_KINDS))]
    bench.replace_outcomes(every, outcomes)


def defect_info(name: str, kind: str | None) -> MetricInfo:
    """What the number means."""
    what = "defects of all kinds" if kind is None else f"{kind.replace('_', ' ')} defects"
    return MetricInfo(
        name=name,
        version=DEFECTS_VERSION,
        unit="per minute",
        higher_is_better=False,
        bounds=(0.0, float("inf")),
        group="temporal",
        about=f"Number of {what} that signals and judges point at, per minute, without retracted ones.",
    )
