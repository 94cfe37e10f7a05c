"""Located defects: planted ones are found where they lie, and retracted ones count for nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.judge.drawn import a_judge, add_drawn
from tests.records import an_info
from vbench.bench import Bench
from vbench.judge.defects import find_defects, signal_defects
from vbench.judge.request import JudgeRequest, Said
from vbench.rank.board import leaderboard
from vbench.records import Clip, Event, Outcomes, Prompt, Score, ScoreKey


def event(kind: Any, start_s: float, end_s: float, metric: str = "m") -> Event:
    return Event(clip="c", kind=kind, metric=metric, start_s=start_s, end_s=end_s, frame=0, value=1.0)


def measured(bench: Bench, clip: Clip, *events: Event) -> None:
    names = ("cut_count", "freeze_ratio", "black_ratio")
    bench.add_metrics(an_info(name) for name in names)
    scores = tuple(Score(key=ScoreKey(clip=clip.id, metric=name, version=1), value=0.0) for name in names)
    bench.add_outcomes(Outcomes(clip=clip.id, scores=scores, events=tuple(replace(e, clip=clip.id) for e in events)))


def test_events_are_faults_where_nobody_asked_for_them(bench: Bench) -> None:
    clip = bench.clips()[0]
    events = [
        event("cut", 0.5, 0.6),
        event("freeze", 0.1, 0.9),
        event("freeze", 0.1, 0.9, "other"),
        event("freeze", 0.1, 0.45),
        event("worst", 0.2, 0.3),
    ]
    assert [d.kind for d in signal_defects(clip, events, "v")] == ["freeze", "cut"]
    asked = replace(clip, prompt=Prompt(id="p", text="t", expects={"cuts": 1}))
    assert [d.kind for d in signal_defects(asked, events, "v")] == ["freeze"]


def test_defects_per_minute_by_kind_on_the_board(bench: Bench) -> None:
    for clip in bench.clips():
        measured(bench, clip, *([event("cut", 0.5, 0.6, "cut_count")] if clip.model == "wrong" else []))
    report = find_defects(bench)
    assert report.found == {"cut": 2}
    board = {(row.model, row.metric): row.mean for row in leaderboard(bench).rows}
    assert board["right", "defects_per_min"] == board["right", "defects_per_min_cut"] == 0.0
    assert board["wrong", "defects_per_min"] == board["wrong", "defects_per_min_cut"] == pytest.approx(60.0, rel=0.1)


def test_a_clip_that_was_not_measured_has_no_number(bench: Bench, tmp_path: Path) -> None:
    for clip in bench.clips():
        measured(bench, clip)
    add_drawn(bench, tmp_path, "late", "circle")
    find_defects(bench)
    row = next(row for row in leaderboard(bench, metrics=["defects_per_min"]).rows if row.model == "late")
    assert (row.mean, row.n_unmeasured) == (None, 1)


class Accuser:
    """Names faults in every clip, and upholds them or not."""

    def __init__(self, upholds: bool, n_faults: int = 1) -> None:
        self.upholds, self.n_faults, self.asked = upholds, n_faults, 0

    def ask(self, request: JudgeRequest) -> Said:
        self.asked += 1
        verdict = "seen" if self.upholds else "not_seen"
        answers = {"answers": [{"id": f"q{n}", "verdict": verdict} for n in range(1, len(request.questions) + 1)]}
        melting = {"kind": "melting", "start_s": 0.2, "end_s": 0.4, "box": [0, 0, 0.5, 0.5], "severity": 0.7}
        value = answers if request.questions else {"defects": [melting] * self.n_faults}
        return Said(text=json.dumps(value), cost_usd=0.0, latency_s=0.0)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("upholds", [True, False])
def test_an_accusation_survives_a_second_look_or_is_retracted(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, upholds: bool
) -> None:
    card = a_judge("accuser", local=True, price=None)
    monkeypatch.setattr("vbench.judge.defects.find_judge", lambda _name: card)
    accuser = Accuser(upholds)
    report = find_defects(bench, with_=["accuser"], make=lambda _card, _device: accuser)
    assert report.found == ({"melting": 4} if upholds else {})
    assert report.n_retracted == (0 if upholds else 4)
    defect = bench.defects()[0]
    assert (defect.kind, defect.start_s, defect.box, defect.severity) == ("melting", 0.2, (0.0, 0.0, 0.5, 0.5), 0.7)
    n = accuser.asked
    assert n == 8
    find_defects(bench, with_=["accuser"], make=lambda _card, _device: accuser)
    assert accuser.asked == n
    board = {(row.model, row.metric): row.mean for row in leaderboard(bench).rows}
    assert (board["right", "defects_per_min"] or 0) > 0 or not upholds


def test_more_accusations_than_one_request_takes_are_all_looked_at_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = a_judge("accuser", local=True, price=None, questions_per_call=2)
    monkeypatch.setattr("vbench.judge.defects.find_judge", lambda _name: card)
    accuser = Accuser(upholds=True, n_faults=3)
    report = find_defects(bench, with_=["accuser"], make=lambda _card, _device: accuser)
    assert report.found == {"melting": 12}
    assert accuser.asked == 4 * 3  # of each clip once, and twice for its three


def test_planted_faults_of_drawn_tools_are_named_with_their_time(tmp_path: Path) -> None:
    with Bench.open(tmp_path / "bench") as bench:
        clip = add_drawn(bench, tmp_path, "drifting", "circle")
        fault = {"kind": "drift", "start_s": 0.2, "end_s": 1.0, "frame": 2}
        extra = {**clip.provenance.extra, "planted": fault}
        moved = replace(clip, id="e" * 16, model="drift", sample=1, sha256="f" * 64)
        here = str(bench.clip_path(clip))
        bench.add_clip(replace(moved, provenance=replace(clip.provenance, extra=extra), linked=True, media=here))
        report = find_defects(bench, with_=["planted-good"])
        assert (report.found, report.n_retracted) == ({"morph": 1}, 0)
        assert [(d.clip, d.kind, d.start_s, d.survived) for d in bench.defects()] == [("e" * 16, "morph", 0.2, True)]
