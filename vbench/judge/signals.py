"""What our own measures answer, with nothing to download: camera, motion, cuts, delivery, black, freezes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from vbench.contracts import ClipWishes
from vbench.metrics.spec import spec_checks
from vbench.records import Answer, Clip, Event, Question, Verdict, digest

SIGNALS = "signals"
SIGNALS_VERSION = 1
"""Raised when a rule or a threshold below changes."""
CAMERA_SEEN, CAMERA_NOT_SEEN = 0.5, 0.2
"""Share of the time in which the camera moves as asked: from here on seen, up to here not seen."""
MOTION_BANDS: Mapping[str, tuple[float, float]] = {
    "none": (0.0, 0.01),
    "low": (0.005, 0.12),
    "medium": (0.03, 0.35),
    "high": (0.10, float("inf")),
}
"""Amount asked for → lowest and highest `motion_p95`, diagonals per second. The bands overlap: a person's words do."""
MOTION_ROOM = 2.0
"""Within this factor of a band it is unsure."""
DELIVERED = 0.9
"""`spec_checks` from here on: a length or rate that is off by less than about a tenth."""
FREEZE_S = 0.5
"""The longest freeze from here on is one that people see; a shorter one is unsure."""
NEEDS: Mapping[str, tuple[str, ...]] = {
    "camera": ("camera_move",),
    "motion": ("motion_p95",),
    "cuts": ("cut_count",),
    "black": ("black_ratio",),
    "freeze": ("freeze_ratio", "freeze_longest"),
}
"""What is asked about → the metrics that know; the rest of `delivery` follows from the file."""
METRICS_READ = tuple(name for names in NEEDS.values() for name in names)


@dataclass(frozen=True, slots=True)
class Ruling:
    """A verdict of a rule, with where to look."""

    verdict: Verdict
    reason: str
    t_s: float | None = None
    code: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """What is stored of one clip."""

    values: Mapping[str, float]
    failures: Mapping[str, str]
    """Metric → code."""
    events: Sequence[Event] = ()


def signal_answers(clip: Clip, questions: Sequence[Question], measured: Readings) -> list[Answer]:
    """What the measures say to those questions that they may answer.

    One whose metric is not measured yet, or says nothing of this clip (handheld, one frame), is missing.
    """
    answers = []
    for question in questions:
        if "signal" not in question.by:
            continue
        ruling = _ruling(clip, question, measured)
        if ruling is None:
            continue
        answers.append(
            Answer(
                sha256=clip.sha256,
                question=question.digest,
                answerer=SIGNALS,
                by="signal",
                version=digest("signals", SIGNALS_VERSION),
                verdict=ruling.verdict,
                reason=ruling.reason,
                t_s=ruling.t_s,
                code=ruling.code,
            )
        )
    return answers


def _ruling(clip: Clip, question: Question, measured: Readings) -> Ruling | None:
    subject = _subject(question)
    if subject is None:
        return None
    needs = NEEDS.get(subject, ())
    if any(name not in measured.values for name in needs):
        broken = [measured.failures[name] for name in needs if measured.failures.get(name, "") not in _IDLE]
        if broken and broken[0] in _NO_SAYING:
            return Ruling("unsure", f"{', '.join(needs)} cannot be told of this clip ({broken[0]})")
        if broken:
            return Ruling("failed", f"{', '.join(needs)} could not be measured ({broken[0]})", code=broken[0])
        return None
    return _RULES[subject](clip, question, measured)


_IDLE = ("", "not_applicable")
"""Codes of a measure that has nothing to say of a prompt."""
_NO_SAYING = ("undefined", "too_short")
"""And of a clip."""


def _subject(question: Question) -> str | None:
    if question.kind in ("camera", "motion", "cuts"):
        return question.kind if question.kind in question.facts else None
    if question.kind == "delivery":
        return next((name for name in ("black", "freeze") if name in question.facts), "file")
    return None


def _camera(clip: Clip, question: Question, measured: Readings) -> Ruling:
    share = measured.values["camera_move"]
    reason = f"the camera does so {share:.0%} of the time"
    if share >= CAMERA_SEEN:
        return Ruling("seen", reason)
    return Ruling("not_seen" if share <= CAMERA_NOT_SEEN else "unsure", reason)


def _motion(clip: Clip, question: Question, measured: Readings) -> Ruling:
    amount = measured.values["motion_p95"]
    low, high = MOTION_BANDS[question.facts["motion"]]
    reason = f"{amount:.3f} diagonals per second; {question.facts['motion']} is {low:g} to {high:g}"
    if low <= amount <= high:
        return Ruling("seen", reason)
    return Ruling("unsure" if low / MOTION_ROOM <= amount <= high * MOTION_ROOM else "not_seen", reason)


def _cuts(clip: Clip, question: Question, measured: Readings) -> Ruling:
    wanted, found = int(question.facts["cuts"]), round(measured.values["cut_count"])
    times = [event.start_s for event in measured.events if event.kind == "cut"]
    at = ", ".join(f"{t:.2f} s" for t in times)
    reason = f"{found} cut{'s' * (found != 1)} found{f' at {at}' if at else ''}, {wanted} asked for"
    return Ruling("seen" if found == wanted else "not_seen", reason, times[0] if times else None)


def _black(clip: Clip, question: Question, measured: Readings) -> Ruling:
    share = measured.values["black_ratio"]
    first = next((event.start_s for event in measured.events if event.kind == "black"), None)
    return Ruling("seen" if share == 0 else "not_seen", f"black {share:.0%} of the time", first)


def _freeze(clip: Clip, question: Question, measured: Readings) -> Ruling:
    longest = measured.values["freeze_longest"]
    first = next((e.start_s for e in sorted(measured.events, key=lambda e: -e.value) if e.kind == "freeze"), None)
    if longest == 0:
        return Ruling("seen", "the picture never stands still for more than 0.3 s")
    verdict: Verdict = "not_seen" if longest >= FREEZE_S else "unsure"
    return Ruling(verdict, f"the longest freeze lasts {longest:.2f} s", first)


def _file(clip: Clip, question: Question, measured: Readings) -> Ruling:
    facts, probe = question.facts, clip.probe
    wishes = {name: facts[name] for name in ("seconds", "width", "height", "fps", "audio", "aspect") if name in facts}
    checks = spec_checks(probe, ClipWishes(**wishes))
    met = min(checks.values())
    sound = "sound" if probe.has_audio else "no sound"
    reason = f"{probe.duration_s:.2f} s, {probe.width}x{probe.height}, {probe.fps:.3g} per second, {sound}"
    return Ruling("seen" if met >= DELIVERED else "not_seen", reason)


_RULES: Mapping[str, Callable[[Clip, Question, Readings], Ruling]] = {
    "camera": _camera,
    "motion": _motion,
    "cuts": _cuts,
    "black": _black,
    "freeze": _freeze,
    "file": _file,
}
