"""Votes out and in again, foreign logs, and every row that cannot be used told with its line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.records import a_clip
from vbench.arena.vote_files import CONTRADICTS, REPEATED, export_votes, import_votes
from vbench.bench import Bench
from vbench.errors import CatalogError
from vbench.records import Prompt, Vote

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(3)]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    opened = Bench.open(tmp_path / "bench")
    for prompt in PROMPTS:
        for tool in "xy":
            opened.add_clip(a_clip(tool, prompt))
    return opened


def emptied(bench: Bench, tmp_path: Path) -> Bench:
    """Another bench with the same clips and no vote."""
    other = Bench.open(tmp_path / "other")
    for clip in bench.clips():
        other.add_clip(clip)
    return other


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_out_and_in_again_is_the_same(bench: Bench, tmp_path: Path, kind: str) -> None:
    for i, outcome in enumerate(["a", "b", "tie", "both_bad", "skip", "broken"]):
        a, b = (a_clip(tool, PROMPTS[i % 3]).id for tool in ("xy" if i % 2 else "yx"))
        watched = {"muted": False, "aspects": {"motion": "b"}}
        why = "hurried, =really" if i == 1 else ""
        vote = Vote(
            id=f"v{i}",
            a=a,
            b=b,
            outcome=outcome,
            voter=f"w{i}",
            left="b",
            watched=watched,
            propensity=0.25,
            created="2026-01-01T00:00:00Z",
            excluded=why,
        )
        bench.add_vote(vote)
    file = tmp_path / f"votes.{kind}"
    assert export_votes(bench, file, kind) == 6
    other = emptied(bench, tmp_path)
    report = import_votes(other, file)
    assert report.counts == {"imported": 5, "left out": 1}
    assert other.votes() == bench.votes()
    assert import_votes(other, file).counts == {"there before": 6}


def test_what_counted_stands_in_the_file(bench: Bench, tmp_path: Path) -> None:
    clips = [a_clip(tool, PROMPTS[0]).id for tool in "xy"]
    for i, (outcome, why) in enumerate([("a", ""), ("skip", ""), ("b", "hurried")]):
        bench.add_vote(Vote(id=str(i), a=clips[0], b=clips[1], outcome=outcome, voter="v", left="a", excluded=why))
    export_votes(bench, tmp_path / "v.jsonl", "jsonl")
    rows = [json.loads(line) for line in (tmp_path / "v.jsonl").read_text().splitlines()]
    assert [(row["counted"], row["why"]) for row in rows] == [(True, ""), (False, "says skip"), (False, "hurried")]


def test_fastchat_s_log_is_read_and_written(bench: Bench, tmp_path: Path) -> None:
    lines = [
        {"model_a": "x", "model_b": "y", "winner": w, "judge": f"u{i}", "question_id": "p0", "tstamp": 1700000000.5 + i}
        for i, w in enumerate(["model_a", "model_b", "tie", "tie (bothbad)"])
    ]
    file = tmp_path / "battles.jsonl"
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    assert import_votes(bench, file).counts == {"imported": 4}
    assert [vote.outcome for vote in bench.votes()] == ["a", "b", "tie", "both_bad"]
    export_votes(bench, tmp_path / "out.jsonl", "fastchat")
    back = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text().splitlines()]
    assert [line["winner"] for line in back] == [line["winner"] for line in lines]


def test_bad_rows_are_refused_with_their_line_and_reason(bench: Bench, tmp_path: Path) -> None:
    file = tmp_path / "votes.csv"
    file.write_text(
        "model_a,model_b,prompt_id,outcome,voter,sample_a,propensity\n"
        "x,y,p0,a,v1,,\n"  # 2
        "x,w,p0,a,v1,,\n"  # 3: no such tool
        "x,y,p9,a,v1,,\n"  # 4: no such prompt
        "x,y,p0,won,v1,,\n"  # 5: no outcome
        "y,x,p0,b,v1,,\n"  # 6: the same again, turned
        "x,y,p0,b,v1,,\n"  # 7: the contrary
        "x,x,p0,a,v1,,\n"  # 8: one clip
        "x,y,p0,a,v1,one,\n"  # 9: no number
        "x,y,p0,a,v2,,0\n"  # 10: no probability
    )
    report = import_votes(bench, file)
    assert {line.line: line.state for line in report.lines} == {
        2: "imported",
        3: "refused",
        4: "refused",
        5: "refused",
        6: "left out",
        7: "left out",
        8: "refused",
        9: "refused",
        10: "refused",
    }
    why = {line.line: line.why for line in report.lines}
    assert "no tool 'w'" in why[3]
    assert "prompt 'p9'" in why[4]
    assert "'won'" in why[5]
    assert (why[6], why[7]) == (REPEATED, CONTRADICTS)
    assert "same clip" in why[8]
    assert "above 0" in why[10]
    (tmp_path / "none.csv").write_text("a,b\n1,2\n")
    with pytest.raises(CatalogError, match="no column model_a, model_b"):
        import_votes(bench, tmp_path / "none.csv")
    (tmp_path / "none.jsonl").write_text("[1]\n")
    with pytest.raises(CatalogError, match=r"none\.jsonl:1"):
        import_votes(bench, tmp_path / "none.jsonl")


def test_long_names_that_begin_alike_stay_two(bench: Bench, tmp_path: Path) -> None:
    row = {"model_a": "x", "model_b": "y", "prompt_id": "p0", "outcome": "a", "created": "2026-01-01T00:00:00Z"}
    rows = [row | {"id": f"{'i' * 80}{n}", "voter": f"{'w' * 80}{n}"} for n in range(2)]
    file = tmp_path / "votes.jsonl"
    file.write_text("\n".join(json.dumps(each) for each in rows))
    assert import_votes(bench, file).counts == {"imported": 2}
    assert len({vote.voter for vote in bench.votes()}) == 2
    file.write_text(json.dumps(row | {"created": "x" * 33}))
    assert import_votes(bench, file).counts == {"refused": 1}
