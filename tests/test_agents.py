"""The bench for agents, through the SDK's own client: what may be seen, done and spent."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.judge.drawn import add_drawn
from vbench.agents import server
from vbench.bench import Bench

pytest.importorskip("mcp")
LOOKING = {"status", "prompts", "models", "clips", "board", "compare", "sheet", "plan"}
WORKING = {"score", "judge", "note", "choose"}


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    with Bench.open(tmp_path / "bench") as opened:
        for tool in ("right", "wrong"):
            add_drawn(opened, tmp_path, tool, "circle", wrong=tool == "wrong")
        yield opened


def asked(bench: Bench, *calls: tuple[str, dict[str, Any]], **options: Any) -> tuple[set[str], list[Any]]:
    """Names of the tools there are, and the answers to these calls."""
    from mcp import Client

    async def go() -> tuple[set[str], list[Any]]:
        async with Client(server(bench, **options)) as client:
            tools = await client.list_tools()
            return {tool.name for tool in tools.tools}, [await client.call_tool(*call) for call in calls]

    return asyncio.run(go())


def test_an_agent_measures_looks_and_chooses(bench: Bench) -> None:
    tools, answers = asked(
        bench,
        ("score", {"preset": "offline"}),
        ("judge", {}),
        ("status", {}),
        ("clips", {"model": "right"}),
        ("board", {"metric": "overall"}),
        ("sheet", {"prompt": bench.clips()[0].prompt.id}),
        ("note", {"clip": bench.clips()[0].id, "text": "look here", "start_s": 0.25}),
        ("choose", {"clip": bench.clips()[0].id, "state": "selected", "stars": 4}),
        ("plan", {"models": ["synthetic-clean"], "suite": "demo"}),
    )
    assert tools == LOOKING | WORKING, "nothing spends without a ceiling"
    assert [answer.content[0].text for answer in answers if answer.is_error] == []
    found = [answer.structured_content for answer in answers]
    assert found[0]["scores"] > 40
    assert found[2]["counts"]["clips"] == 2
    assert [row["model"] for row in found[3]["rows"]] == ["right"]
    assert {row["model"] for row in found[4]["rows"]} == {"right", "wrong"}
    assert found[5]["rows"]
    assert [note.author for note in bench.notes()] == ["agent"]
    assert [(choice.author, choice.state, choice.stars) for choice in bench.selects()] == [("agent", "selected", 4)]
    assert found[8]["tools"][0]["label"] == "synthetic-clean"


def test_what_is_wrong_is_a_sentence(bench: Bench) -> None:
    _, answers = asked(
        bench,
        ("board", {"metric": "nonsense"}),
        ("clips", {"model": 3}),
        ("choose", {"clip": bench.clips()[0].id, "state": "loved"}),
        ("choose", {"clip": bench.clips()[0].id, "stars": 9}),
    )
    said = [answer.content[0].text for answer in answers]
    assert all(answer.is_error for answer in answers)
    assert "did you mean" in said[0] or "no score" in said[0]
    assert "Traceback" not in "".join(said)
    assert bench.selects() == []


def test_spending_stays_within_the_ceiling_of_the_server(bench: Bench, tmp_path: Path) -> None:
    suite = tmp_path / "two.yaml"
    suite.write_text("- {id: new, text: a blue square}\n")
    wanted = {"models": ["synthetic-clean"], "suite": str(suite)}
    tools, (answer,) = asked(bench, ("generate", wanted), max_cost=1.0)
    assert "generate" in tools
    assert answer.structured_content["made"] == 1
    assert (answer.structured_content["spent_usd"], answer.structured_content["ceiling_usd"]) == (0.0, 1.0)
    refused = asked(bench, ("generate", wanted))[1][0]
    assert refused.is_error, "no such tool without a ceiling"


def test_it_speaks_over_standard_input_and_output(bench: Bench, tmp_path: Path) -> None:
    from mcp import Client, StdioServerParameters

    words = ["-m", "vbench", "mcp", "--bench", str(bench.root)]

    async def go() -> Any:
        async with Client(StdioServerParameters(command=sys.executable, args=words)) as client:
            return await client.call_tool("status", {})

    assert asyncio.run(go()).structured_content["counts"]["clips"] == 2
