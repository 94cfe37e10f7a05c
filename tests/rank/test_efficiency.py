"""What quality costs, who is on the front, and which tool a shot is sent to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.records import a_clip, an_info, give
from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.rank.efficiency import ShotWish, efficiency, fits_gb, front, route, tags_like
from vbench.records import Prompt, Select

PROMPTS = [Prompt(id=f"p{i}", text=f"prompt {i}", tags=("camera:pan" if i < 10 else "camera:tilt",)) for i in range(20)]


def card(**facts: Any) -> dict[str, Any]:
    return {"id": "x", "rights": {"commercial_use": {"answer": "yes"}}} | facts


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """`best` at 50 cents a second, `twin` of the same quality at 10, `poor` at 1, each clip a second long."""
    opened = Bench.open(tmp_path)
    opened.add_metrics([an_info("overall"), an_info("noise", higher_is_better=False)])
    rng = np.random.default_rng(1)
    for tool, level, usd in (("best", 80.0, 0.5), ("twin", 79.9, 0.1), ("poor", 40.0, 0.01)):
        opened.add_model(tool, card())
        for prompt in PROMPTS:
            clip = a_clip(tool, prompt, cost_usd=usd, latency_s=4.0, work_s=2.0, extra={"peak_vram_bytes": 20 * 2**30})
            give(opened, clip, overall=level + float(rng.normal(0, 1)))
    return opened


def test_columns_and_fronts(bench: Bench) -> None:
    rows = {row.tool: row for row in efficiency(bench).rows}
    best, twin = rows["best"], rows["twin"]
    assert best.usd_per_s == pytest.approx(0.5)
    assert best.quality_per_usd == pytest.approx(best.quality / 0.5)
    assert (best.wall_s_per_s, best.gpu_s_per_s, best.video_s_per_gpu_s) == pytest.approx((4.0, 2.0, 0.5))
    assert (best.peak_gb, best.fits_gb) == (pytest.approx(20.0), 24)
    assert twin.is_on_front_of_cost
    assert rows["poor"].is_on_front_of_cost
    assert not rows["poor"].is_on_front_of_latency
    assert (best.usd_per_usable_s, best.usable_share, best.energy_wh_per_s) == (None, None, None)
    with pytest.raises(OptionError, match="more is better"):
        efficiency(bench, metric="noise")


def test_a_usable_second_pays_for_the_rejected_ones(bench: Bench) -> None:
    for i, prompt in enumerate(PROMPTS):
        state = "selected" if i % 2 else "reject"
        ranges = ((0.0, 0.5),) if i % 2 else ()
        bench.set_select(Select(clip=a_clip("best", prompt).id, state=state, ranges=ranges))
    row = next(row for row in efficiency(bench).rows if row.tool == "best")
    assert row.usd_per_usable_s == pytest.approx(0.5 * 20 / 5)
    assert row.usable_share == pytest.approx(0.25)
    assert row.quality_per_usable_usd == pytest.approx(row.quality / 2.0)


def test_the_cheapest_that_cannot_be_told_from_the_best_is_taken(bench: Bench) -> None:
    result = route(bench, ShotWish(tags=("camera:pan",)))
    assert result.take == "twin"
    assert "best" in result.reason or "twin" in result.reason
    assert {c.tool: c.is_as_good for c in result.candidates} == {"best": True, "twin": True, "poor": False}
    assert {c.n_prompts for c in result.candidates} == {10}


def test_price_rights_memory_and_country_leave_tools_out(bench: Bench) -> None:
    bench.add_model("twin", card(rights={"commercial_use": {"answer": "no"}}))
    bench.add_model("poor", card(local=True, licence={"weights": "x", "territory_excludes": ["EU"]}))
    assert route(bench, ShotWish(tags=(), commercial=True)).take == "best"
    assert route(bench, ShotWish(tags=(), max_usd_per_s=0.05)).take == "poor"
    assert route(bench, ShotWish(tags=(), max_usd_per_s=0.05, vram_gb=16)).take == ""
    assert route(bench, ShotWish(tags=(), max_usd_per_s=0.05, country="EU")).take == ""
    why = {c.tool: c.why_not for c in route(bench, ShotWish(tags=(), max_usd_per_s=0.05, vram_gb=16)).candidates}
    assert why == {"best": "costs $0.5 a second", "twin": "costs $0.1 a second", "poor": "needs a card of 24 GB"}
    bench.add_model("best", card(status="retired"))
    assert route(bench, ShotWish(tags=(), commercial=True)).take == "poor"


def test_words_are_prompts_tags_or_facets(bench: Bench) -> None:
    assert tags_like(bench, ["p0", "camera"]) == ("camera:pan", "camera:tilt")
    with pytest.raises(OptionError, match="lens"):
        tags_like(bench, ["lens"])
    with pytest.raises(OptionError, match="generate some"):
        route(bench, ShotWish(tags=("lens:wide",)))


def test_front_and_cards() -> None:
    rows = [
        {"tool": "a", "quality": 3.0, "p": 3.0},
        {"tool": "b", "quality": 2.0, "p": 3.0},
        {"tool": "c", "quality": 1.0, "p": 1.0},
        {"tool": "d", "quality": 9.0, "p": None},
    ]
    assert front(rows, "p") == {"a", "c"}
    assert fits_gb(22.9, {}) == 32
    assert fits_gb(None, {"limits": {"vram_gb": 24}}) == 24
    assert fits_gb(None, {}) is None
