"""Hosted tools through the whole first stage: each clip arrives once, is paid once, and no key is on the disk."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.adapters.driver import card
from tests.adapters.fault_table import STAGES, cell, has_cell
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS
from vbench.bench import Bench
from vbench.generate import generate
from vbench.records import Prompt

PROMPTS = [Prompt(id=f"p{n}", text=f"scene number {n}") for n in range(4)]


ENDS = {"empty": "empty_result", "cut": "empty_result", "expired": "expired", "cancelled": "cancelled"}
TOLD_OTHERWISE = {("minimax_v2", "expired"): "provider_error, made (1)", ("minimax_v1", "expired"): "made (1)"}
"""One says HTTP 500 of a job it does not know, the other HTTP 200 without a state."""


@pytest.mark.parametrize(
    ("protocol", "end"), [(p, end) for p in PROTOCOLS for end in STAGES["again"] if has_cell(p, "again", end)]
)
def test_a_clip_that_the_tool_still_has_is_fetched_where_another_would_be_paid_for(protocol: str, end: str) -> None:
    assert cell(protocol, "again", end) == TOLD_OTHERWISE.get((protocol, end), f"{ENDS[end]}, made (1)")


def test_four_tools_with_faults(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    faults = {
        "kling": {"create": ["", "balance"]},
        "ark": {"create": ["drop", "429"], "file": ["403"]},
        "fal": {"create": ["moderated"], "poll": ["unseen", "500"]},
        "minimax_v1": {"poll": ["moderated"], "file": ["truncated"]},
    }
    fakes = [Fake(name, retry_after="0.1", **script) for name, script in faults.items()]
    for fake in fakes:
        fake.__enter__()
        monkeypatch.setenv(fake.spec.env, fake.base_url)
        monkeypatch.setenv(fake.spec.key_env, fake.key)
    try:
        with Bench.open(tmp_path / "bench") as bench:
            tools = [card(fake.spec.card) for fake in fakes]
            quick = [tool.model_copy(update={"options": {**tool.options, "poll": quick_poll(tool)}}) for tool in tools]
            first = generate(bench, models=quick, prompts=PROMPTS)
            again = generate(bench, models=quick, prompts=PROMPTS)
            clips = bench.clips()
    finally:
        for fake in fakes:
            fake.stop()
    kling, ark, fal, hailuo = fakes
    assert "resource pack used up" in first.paused["kling-v3"], "out of money: the tool pauses, its jobs wait"
    assert [len([c for c in clips if c.model == f.spec.card]) for f in (ark, fal, hailuo)] == [3, 3, 3]
    assert len([c for c in clips if c.model == "kling-v3"]) == 4, "paid up, the second run made the rest"
    assert dict(again.states) == {"succeeded": 13, "outcome_unknown": 1, "refused_input": 1, "refused_output": 1}
    assert [job.model for job in again.unknown] == ["seedance-2.5-cn"]
    assert (kling.creates, ark.creates, fal.creates, hailuo.creates) == (5, 5, 4, 4)
    assert len({clip.id for clip in clips}) == len(clips)
    for path in (tmp_path / "bench").rglob("*"):
        if path.is_file():
            assert kling.key.encode() not in path.read_bytes(), path
    assert kling.key not in caplog.text


def quick_poll(tool: object) -> dict[str, object]:
    """The card's poll, asked without long pauses."""
    return {**tool.options["poll"], "every_s": 0.01}  # type: ignore[attr-defined]
