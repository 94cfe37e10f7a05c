"""The demo, which is also the self-test: synthetic tools with known faults go through the whole bench, offline.

Eight tools draw the demo prompts, one cleanly and seven with a planted fault each. They are measured and ranked like
any others; then it is checked that the board puts the clean tool before each faulty one on the metrics that should see
the fault, and that the planted moments come out as events at the right time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from vbench.files import home_expanded
from vbench.records import EventKind

if TYPE_CHECKING:
    from vbench.bench import Bench
    from vbench.records import Clip, Event

CLEAN = "synthetic-clean"
SEEN_BY: Mapping[str, tuple[str, ...]] = {
    "synthetic-flicker": ("flicker", "flicker_hf", "warp_residual"),
    "synthetic-drift": ("appearance_drift", "clip_alignment"),
    "synthetic-freeze": ("freeze_ratio", "freeze_longest"),
    "synthetic-cut": ("cut_count", "appearance_worst"),
    "synthetic-black": ("black_ratio", "appearance_worst"),
    "synthetic-wrong": ("clip_alignment", "align_rank"),
    "synthetic-still": ("appearance_gated",),
}
"""Faulty tool → metrics on which the clean tool must rank before it."""
TOOLS = (CLEAN, *SEEN_BY)
JUDGE = "planted-good"
"""Knows what was drawn: with it the shot sheet must mark the tool of wrong content, and no other."""
CONTENT_KINDS = ("presence", "count", "colour", "style", "action")
"""What a judge is asked of the demo's scenes."""
MOMENTS: Mapping[str, EventKind] = {
    "synthetic-freeze": "freeze",
    "synthetic-cut": "cut",
    "synthetic-black": "black",
}
"""Faulty tool → the event its fault must come out as."""
TOLERANCE_S = 0.1
"""Between a planted moment and the event that is to name it."""
TEXT_METRICS = ("clip_alignment", "align_rank", "align_margin", "overall_text")
"""Measured with the small CLIP, which is asked for by name."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One check of the self-test."""

    tool: str
    check: str
    """What must hold."""
    passed: bool
    found: str
    """What was found."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoReport:
    """What the demo made."""

    bench: Path
    report: Path
    """The self-contained HTML page."""
    board: Path
    """The board as JSON."""
    n_clips: int
    seconds: float
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        return all(finding.passed for finding in self.findings)


def run_demo(out: Path, *, say: Say = lambda _: None) -> DemoReport:
    """Draw, measure, rank and check; a second run with the same folder finishes what is missing.

    Args:
        out: Folder for the bench and the report.
        say: Told about each step as it begins.

    Raises:
        BenchError: `out` holds something that is not a bench of this version.
    """
    from vbench.bench import Bench
    from vbench.generate import generate
    from vbench.rank.board import leaderboard
    from vbench.report import render, write

    started = time.monotonic()
    out = home_expanded(out)
    with Bench.open(out / "bench") as bench:
        say(f"drawing clips with {len(TOOLS)} synthetic tools")
        generate(bench, models=TOOLS, suite="demo")
        n_clips = len(bench.clips(models=TOOLS))
        say(f"measuring {n_clips} clips")
        measure(bench)
        say("answering what the prompts ask")
        answer(bench)
        say("ranking, and writing the report")
        board = leaderboard(bench)
        write(render(board, "html", bench=bench), out / "report.html")
        write(render(board, "json", bench=bench), out / "board.json")
        say("checking that the bench saw what was planted")
        findings = check_demo(bench)
    return DemoReport(
        bench=out / "bench",
        report=out / "report.html",
        board=out / "board.json",
        n_clips=n_clips,
        seconds=time.monotonic() - started,
        findings=tuple(findings),
    )


def measure(bench: Bench) -> None:
    """All that needs no download: the offline metrics, and the text metrics with the small CLIP."""
    from vbench.score import presets, score
    from vbench.synthetic import tiny_clip_path

    metrics = [*presets()["offline"], *TEXT_METRICS]
    score(bench, metrics=metrics, device="cpu", settings={"clip.model": str(tiny_clip_path())})


def answer(bench: Bench) -> None:
    """What our measures and the planted judge say to the questions of the prompts."""
    from vbench.judge import judge

    judge(bench, with_=[JUDGE])


# --- the self-test -------------------------------------------------------------------------------------------------


def check_demo(bench: Bench) -> list[Finding]:
    """What the bench must have found out about the synthetic tools, in the order of tools."""
    findings = [check_complete(bench)]
    for tool, metrics in SEEN_BY.items():
        findings += [check_rank(bench, tool, metric) for metric in metrics]
        if tool in MOMENTS:
            findings.append(check_moments(bench, tool, MOMENTS[tool]))
    findings.append(check_no_moments(bench))
    findings += check_sheet(bench)
    return findings


def check_complete(bench: Bench) -> Finding:
    """Whether every tool made a clip of every prompt."""
    clips = {(clip.model, clip.prompt.id) for clip in bench.clips(models=TOOLS)}
    prompts = {prompt for _, prompt in clips}
    missing = [f"{tool}: {prompt}" for tool in TOOLS for prompt in sorted(prompts) if (tool, prompt) not in clips]
    return Finding(
        tool="all",
        check=f"{len(TOOLS)} tools made every prompt",
        passed=bool(clips) and not missing,
        found="; ".join([f"{len(clips)} clips", *(f"missing {each}" for each in missing[:3])]),
    )


def check_rank(bench: Bench, tool: str, metric: str) -> Finding:
    """Whether the board of the two tools puts the clean one first beyond doubt."""
    from vbench.rank.board import leaderboard

    check = f"{metric}: {CLEAN} ranks before {tool}"
    is_measured = metric in bench.metrics() and bench.clips(models=[CLEAN]) and bench.clips(models=[tool])
    rows = leaderboard(bench, metrics=[metric], models=[CLEAN, tool]).rows if is_measured else ()
    clean, faulty = (next((row for row in rows if row.model == model), None) for model in (CLEAN, tool))
    if clean is None or faulty is None or clean.mean is None or faulty.mean is None:
        return Finding(tool=tool, check=check, passed=False, found="not measured")
    p_value = "" if faulty.p_value is None else f", p = {faulty.p_value:.3f}"
    return Finding(
        tool=tool,
        check=check,
        passed=clean.verdict == "best" and faulty.verdict == "worse",
        found=f"{clean.mean:.3f} against {faulty.mean:.3f} {clean.unit}: {faulty.verdict}{p_value}",
    )


def check_moments(bench: Bench, tool: str, kind: EventKind) -> Finding:
    """Whether each clip has one event of this kind, within `TOLERANCE_S` of what was planted."""
    clips = bench.clips(models=[tool])
    missed = [sentence for clip in clips if (sentence := _missed(bench, clip, kind))]
    hits = f"{len(clips) - len(missed)} of {len(clips)} clips"
    return Finding(
        tool=tool,
        check=f"{kind} events: one per clip, at the planted second ± {TOLERANCE_S:g} s",
        passed=bool(clips) and not missed,
        found="; ".join([hits, *missed[:3]]),
    )


def _missed(bench: Bench, clip: Clip, kind: EventKind) -> str:
    """What is wrong with the events of a clip; empty where they are right."""
    planted = clip.provenance.extra.get("planted")
    events = _events(bench, clip, kind)
    if not planted:
        return f"{clip.prompt.id}: nothing was planted"
    times = ", ".join(f"{event.start_s:.2f}-{event.end_s:.2f} s" for event in events) or "none"
    sentence = f"{clip.prompt.id}: planted {planted['start_s']:.2f}-{planted['end_s']:.2f} s, found {times}"
    if len(events) != 1 or abs(events[0].start_s - planted["start_s"]) > TOLERANCE_S:
        return sentence
    lasts = kind != "cut"  # a cut is a moment, the others are stretches
    return sentence if lasts and abs(events[0].end_s - planted["end_s"]) > TOLERANCE_S else ""


def _events(bench: Bench, clip: Clip, kind: EventKind) -> list[Event]:
    """Events of a kind, each stretch once though several metrics may report it."""
    by_stretch = {(round(e.start_s, 3), round(e.end_s, 3)): e for e in bench.events(clip.id) if e.kind == kind}
    return list(by_stretch.values())


def check_no_moments(bench: Bench) -> Finding:
    """Whether the clean tool's clips are free of cuts, freezes and black frames."""
    clips = bench.clips(models=[CLEAN])
    false = [
        f"{clip.prompt.id}: {kind} at {event.start_s:.2f} s"
        for clip in clips
        for kind in MOMENTS.values()
        for event in _events(bench, clip, kind)
    ]
    return Finding(
        tool=CLEAN,
        check="no cut, freeze or black event where none was planted",
        passed=bool(clips) and not false,
        found="; ".join(false[:3]) or f"none in {len(clips)} clips",
    )


def check_sheet(bench: Bench) -> list[Finding]:
    """Whether the shot sheet marks the tool of wrong content by what it shows, and the one that cuts by its cuts."""
    from vbench.judge.sheet import sheet

    table = sheet(bench)
    findings = []
    for kinds, tool in ((CONTENT_KINDS, "synthetic-wrong"), (("cuts",), "synthetic-cut")):
        cells = [cell for cell in table.cells if cell.kind in kinds and cell.model in TOOLS]
        marked = {name: [cell for cell in cells if cell.model == name and cell.verdict == "not_seen"] for name in TOOLS}
        unanswered = sum(cell.verdict not in ("seen", "not_seen") for cell in cells)
        own = [cell for cell in cells if cell.model == tool]
        others = [name for name in TOOLS if name != tool and marked[name]]
        prompts = {cell.prompt_id for cell in marked[tool]}
        findings.append(
            Finding(
                tool=tool,
                check=f"shot sheet, {kinds[0] if len(kinds) == 1 else 'content'}: marked in each prompt, no other tool",
                passed=bool(own) and not others and not unanswered and prompts == {cell.prompt_id for cell in own},
                found=f"{len(marked[tool])} of {len(own)} not seen; others marked: {', '.join(others) or 'none'}",
            )
        )
    return findings
