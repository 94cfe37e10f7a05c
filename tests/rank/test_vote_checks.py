"""Voters: their repeats, pairs with a known answer, and one who votes by chance among those who look."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from tests.records import PROBE, a_clip
from vbench.bench import Bench
from vbench.rank.vote_checks import voter_checks
from vbench.records import Prompt, Vote

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}") for i in range(30)]


def test_one_who_votes_by_chance_is_found_and_others_are_not(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    with Bench.open(tmp_path) as bench:
        for prompt in PROMPTS:
            for tool in "xyz":
                bench.add_clip(a_clip(tool, prompt))
        strength = dict(zip("xyz", (1.5, 0.0, -1.5), strict=True))
        for voter in range(8):
            for i in range(60):
                one, two = rng.choice(list("xyz"), 2, replace=False)
                share = 1 / (1 + np.exp(strength[two] - strength[one]))
                won = rng.random() < (share if voter else 1 - share)
                a, b = (a_clip(tool, PROMPTS[i % 30]).id for tool in (one, two))
                vote = Vote(id=f"{voter}-{i}", a=a, b=b, outcome="a" if won else "b", voter=f"v{voter}", left="a")
                bench.add_vote(vote)
        checks = voter_checks(bench)
    assert [check.voter for check in checks if check.is_outlier] == ["v0"]
    assert checks[0].voter == "v0"
    assert checks[0].n_agree < checks[0].n_expected
    assert checks[1].p_value > 0.05


def test_repeats_and_gold_are_counted(tmp_path: Path) -> None:
    broken = replace(PROBE, warnings=("stops after 0.50 s",))
    with Bench.open(tmp_path) as bench:
        a, b = a_clip("x", PROMPTS[0]), replace(a_clip("y", PROMPTS[0]), probe=broken)
        whole = a_clip("y", PROMPTS[1])
        other = a_clip("x", PROMPTS[1])
        for clip in (a, b, whole, other):
            bench.add_clip(clip)
        told = {"gold": "b"}
        votes = [
            Vote(id="1", a=a.id, b=b.id, outcome="a", voter="v", left="a"),
            Vote(id="2", a=a.id, b=b.id, outcome="b", voter="v", left="b", watched={"repeats": "1"}),
            Vote(id="3", a=other.id, b=whole.id, outcome="b", voter="v", left="b", watched=told),
            Vote(id="4", a=other.id, b=whole.id, outcome="a", voter="v", left="b"),
        ]
        for vote in votes:
            bench.add_vote(vote)
        (check,) = voter_checks(bench)
    assert (check.n_twice, check.n_same) == (1, 0)
    assert (check.n_gold, check.n_gold_right) == (3, 2)
    assert check.p_value is None
