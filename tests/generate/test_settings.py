"""How tools are asked, which are asked alike, and what a plan says of time and prices."""

from __future__ import annotations

import datetime
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.fakes import billable
from tests.generate.paid import TWO, Server
from vbench.bench import Bench
from vbench.bench.lists import ClipFilter
from vbench.catalog.card import ModelCard
from vbench.delivery import delivered
from vbench.errors import OptionError
from vbench.generate import Matrix, RunSpec, Wishes, generate, plan, plan_jobs
from vbench.generate.settings import comparable_groups
from vbench.rank.board import leaderboard
from vbench.records import MetricInfo, Outcomes, Prompt, Score, ScoreKey, Setting

pytestmark = pytest.mark.usefixtures("quick")
WIDE = {"seconds": [5, 10], "resolutions": ["720p", "1080p"], "ratios": ["16:9"], "concurrency": 2}


def tool(name: str, *, resolution: str = "720p", seconds: float = 5, fps: float = 24, **more: Any) -> ModelCard:
    defaults = {"resolution": resolution, "seconds": seconds, "fps": fps}
    return billable.card(name, limits=WIDE, defaults=defaults, **more)


def planned(bench: Bench | None, server: Server, **options: Any) -> Matrix:
    spec = RunSpec(prompts=TWO, **options).resolved()
    return plan_jobs(spec, bench=bench, adapters={each.label: server(each.card) for each in spec.tools()})


@pytest.fixture
def server(tmp_path: Path) -> Server:
    return Server(tmp_path / "server", work_s=0.0)


def test_a_plan_says_how_each_tool_is_asked_and_groups_them(server: Server) -> None:
    cards = [tool("a"), tool("b", resolution="1080p"), tool("c"), tool("d", seconds=10)]
    matrix = planned(None, server, models=cards)
    a, b, c, d = matrix.as_dict()["tools"]
    asked = ("width", "height", "seconds", "fps", "audio", "image_use")
    assert [a[name] for name in asked] == [1280, 720, 5, 24, False, ""]
    assert [each["comparable_group"] for each in (a, b, c, d)] == ["A", "B", "A", "C"]
    assert a["price_checked_on"] == "2026-11-01"
    (note,) = matrix.notes
    assert note.startswith("not asked for alike (A, B, C): they differ in size, length;")
    assert planned(None, server, models=cards[:1]).notes == ()


def test_match_asks_all_for_what_they_share(server: Server) -> None:
    cards = [tool("a"), tool("b", resolution="1080p"), tool("d", seconds=10)]
    matrix = planned(None, server, models=cards, match=True)
    assert {each.comparable_group for each in matrix.tools} == {"A"}
    assert matrix.notes == ()
    short = billable.card("e", limits={"seconds": [4]})
    with pytest.raises(OptionError, match="there is no length that all of these tools make"):
        planned(None, server, models=[*cards, short], match=True)


def test_lengths_a_tenth_of_a_second_apart_are_the_same() -> None:
    at = [Setting(seconds=seconds) for seconds in (5.0, 5.0625, 5.1, 5.11)]
    groups = comparable_groups({str(setting.seconds): {"p": setting} for setting in at})
    assert [*groups.values()] == ["A", "A", "A", "B"]


def test_groups_compare_what_tools_share() -> None:
    hd, sd = Setting(width=1280, height=720, seconds=5.04), Setting(width=640, height=360, seconds=5.0)
    near = replace(hd, seconds=5.0)
    asked = {"a": {"p": hd, "q": sd}, "b": {"p": near}, "c": {"q": hd}, "d": {}, "e": {"p": replace(hd, fps=24)}}
    assert comparable_groups(asked) == {"a": "A", "b": "A", "c": "B", "d": "", "e": "B"}
    many = {f"t{n}": {"p": Setting(width=n + 1)} for n in range(28)}
    assert [*comparable_groups(many).values()][25:] == ["Z", "AA", "AB"]


def test_hours_are_those_of_this_bench_then_of_the_card_then_unknown(bench: Bench, server: Server) -> None:
    card = billable.card(concurrency=1)
    by_card = planned(None, Server(server.folder, work_s=3600.0), models=[card]).tools[0]
    assert (by_card.hours, by_card.hours_from) == (2.0, "card")
    generate(bench, models=[card], prompts=TWO, make=server)
    took = [clip.provenance.latency_s or 0.0 for clip in bench.clips()]
    more = planned(bench, Server(server.folder, work_s=3600.0), models=[card], samples=2).tools[0]
    assert more.hours == pytest.approx(2 * sum(took) / 2 / 3600)
    assert more.hours_from == "bench"


def test_an_old_price_is_told_and_none_is_unknown(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for days, is_old in ((60, False), (61, True)):
        monkeypatch.setattr(plan, "today", lambda days=days: datetime.date(2026, 11, 1) + datetime.timedelta(days))
        (row,) = planned(None, server, models=[billable.card()]).tools
        said = f"its price was read {days} days ago, on 2026-11-01; it may have changed"
        assert (said in row.warnings) is is_old
    free = planned(None, server, models=[billable.card("mystery", usd_per_clip=None)])
    assert (free.tools[0].price_checked_on, free.tools[0].cost_usd, free.unpriced) == (None, None, ["mystery"])
    assert free.n_billable == 2


def test_what_came_otherwise_is_told_marked_and_counted(bench: Bench, server: Server) -> None:
    """The fake's clips are 32x32, 1 s and 8 fps, whatever it is asked for."""
    other, alike = tool("other"), billable.card("alike", defaults={"seconds": 1, "resolution": "32x32", "fps": 8})
    generate(bench, models=[other, alike], prompts=TWO, make=server)
    wrong, right = bench.clips(models=["other"])[0], bench.clips(models=["alike"])[0]
    assert wrong.provenance.warnings == (
        "not as asked: 32x32, 1280x720 was asked for",
        "not as asked: 1.00 s, 5 s was asked for",
        "not as asked: 8 fps, 24 fps was asked for",
    )
    assert (delivered(wrong).as_asked, delivered(right).as_asked) == (False, True)
    assert right.provenance.warnings == ()
    info = MetricInfo(
        name="m", version=1, unit="x", higher_is_better=True, bounds=(0, 1), group="picture", about="A number."
    )
    bench.add_metrics([info])
    for clip in bench.clips():
        bench.add_outcomes(
            Outcomes(clip=clip.id, scores=(Score(key=ScoreKey(clip=clip.id, metric="m", version=1), value=0.5),))
        )
    board = leaderboard(bench)
    assert {row.model: row.n_not_as_asked for row in board.rows} == {"alike": 0, "other": 2}
    assert any("2 not as asked for" in note for note in board.notes)
    total, rows = bench.list_clips(ClipFilter(not_as_asked=True), author="")
    assert (total, {row.model for row in rows}) == (2, {"other"})


def test_wishes_and_pictures_of_a_run_survive_its_retry(bench: Bench, server: Server) -> None:
    card = tool("other", capabilities={"seed": True, "fps": True})
    generate(bench, models=[card], prompts=[Prompt(id="fox", text="a fox")], wishes=Wishes(fps=30), make=server)
    assert bench.clips()[0].provenance.extra["sent"]["fps"] == 30
