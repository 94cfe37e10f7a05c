"""The bench as tools for agents, by the Model Context Protocol: the verbs of the command line, within a ceiling.

What an agent may do is what the page's visitors may: look always; note, choose and measure where the bench can be
written to; spend only up to the ceiling that whoever started the server gave. Without one there is no tool that spends.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.errors import OptionError, VBenchError
from vbench.records import SelectState

if TYPE_CHECKING:
    from mcp.server.mcpserver import MCPServer

MOST_ROWS = 500
"""Of one answer; what is left out is told, with how to ask for less."""
ABOUT = (
    "vbench compares video-generation tools: prompts go to tools, clips are measured, questions of each prompt are "
    "answered, and boards say who is better and how sure that is. Start with `status` and `board`. A verdict of "
    "'not distinguishable' means just that; do not rank such tools."
)


def server(bench: Bench, *, max_cost: float | None = None) -> MCPServer:
    """An MCP server over a bench.

    Args:
        bench: Whose.
        max_cost: US dollars that generating may spend in all while this server runs; None: nothing is generated.

    Raises:
        OptionError: the extra `mcp` is not installed.
    """
    try:
        from mcp.server.mcpserver import MCPServer
    except ImportError:
        raise OptionError("the MCP server needs its extra; pip install 'vbench-studio[mcp]'") from None
    made = MCPServer("vbench", instructions=ABOUT)
    tools: list[Callable[..., Any]] = [_status, _prompts, _models, _clips, _board, _compare, _sheet, _plan]
    if not bench.database.is_read_only:
        tools += [_score, _judge, _note, _choose]
        if max_cost is not None:
            tools.append(functools.partial(_generate, max_cost=max_cost, spent_before=bench.spend().usd))
    for tool in tools:
        _add(made, bench, tool)
    return made


def _add(made: MCPServer, bench: Bench, work: Callable[..., Any]) -> None:
    """A tool under the name of its function, with all but the bench as arguments; it runs in a thread of its own."""
    import inspect

    from mcp.server.mcpserver.exceptions import ToolError

    plain = work.func if isinstance(work, functools.partial) else work
    given = work.keywords if isinstance(work, functools.partial) else {}

    async def tool(**arguments: Any) -> dict[str, Any]:
        try:
            answer: dict[str, Any] = await asyncio.to_thread(plain, bench, **arguments, **given)
        except VBenchError as error:
            raise ToolError(str(error)) from None
        return answer

    signature = inspect.signature(plain, eval_str=True)  # what the SDK makes the arguments' schema of
    left = [parameter for name, parameter in signature.parameters.items() if name not in ("bench", *given)]
    tool.__signature__ = signature.replace(parameters=left)  # type: ignore[attr-defined]
    tool.__annotations__ = {p.name: p.annotation for p in left} | {"return": dict[str, Any]}
    made.add_tool(tool, name=plain.__name__.lstrip("_"), description=inspect.getdoc(plain), structured_output=True)


def _cut(rows: list[Any], how: str) -> dict[str, Any]:
    """Rows within the limit, and how to ask for the others."""
    if len(rows) <= MOST_ROWS:
        return {"rows": rows}
    return {"rows": rows[:MOST_ROWS], "left_out": len(rows) - MOST_ROWS, "how_to_narrow": how}


# --- looking ------------------------------------------------------------------------------------------------------


def _status(bench: Bench) -> dict[str, Any]:
    """What the bench holds: how many prompts, tools, clips and scores, and what its jobs came to."""
    states: dict[str, int] = {}
    for _, state in bench.job_outcomes():
        states[state] = states.get(state, 0) + 1
    return {"counts": bench.noun_counts(), "jobs": states, "tools": sorted(bench.models())}


def _prompts(bench: Bench, suite: str = "") -> dict[str, Any]:
    """The prompts of the bench: id, text, suite, tags. `suite` narrows it."""
    rows = [
        {"id": prompt.id, "text": prompt.text, "suite": prompt.suite, "tags": list(prompt.tags)}
        for prompt in bench.prompts()
        if not suite or prompt.suite == suite
    ]
    return _cut(rows, "name a `suite`")


def _models(bench: Bench) -> dict[str, Any]:
    """The tools that there are cards for, and whether each can run here now; else what is missing."""
    from vbench.adapters.readiness import lacking
    from vbench.catalog.cards import cards

    known = list(cards().values())
    rows = [
        {"id": card.id, "name": card.name, "is_local": card.local, "missing": [one.message for one in missing]}
        for card, missing in zip(known, lacking(known), strict=True)
    ]
    return {"rows": rows}


def _clips(bench: Bench, prompt: str = "", model: str = "") -> dict[str, Any]:
    """The takes of a prompt (id) or a tool: id, tool, prompt, sample, size, seconds, headline, what was decided."""
    clips = bench.clips(prompt_ids=[prompt] if prompt else None, models=[model] if model else None)
    shown = {clip.id for clip in clips[:MOST_ROWS]}
    headline = {s.key.clip: s.value for s in bench.score_records(metrics=["overall"], clips=sorted(shown))}
    choices = bench.last_selects()
    rows = [
        {
            "id": clip.id,
            "model": clip.model,
            "prompt": clip.prompt.id,
            "sample": clip.sample,
            "size": [clip.probe.width, clip.probe.height],
            "seconds": clip.probe.duration_s,
            "overall": headline.get(clip.id),
            "state": choices[clip.id].state if clip.id in choices else "",
            "warnings": [*clip.probe.warnings, *clip.provenance.warnings],
        }
        for clip in clips
    ]
    return _cut(rows, "name a `prompt` or a `model`")


def _board(bench: Bench, metric: str = "overall", by: str = "") -> dict[str, Any]:
    """The ranking by one metric: mean, 95 % interval, ranks and verdict of each tool; `by` splits it by a tag."""
    from vbench.rank.board import leaderboard

    document = leaderboard(bench, metrics=[metric], by=by or None).to_json()
    return {**_cut(document["rows"], "leave `by` out"), "notes": document["notes"]}


def _compare(bench: Bench, a: str, b: str, by: str = "") -> dict[str, Any]:
    """Two tools, prompt by prompt: effect, interval, p value and the smallest effect that could have been seen."""
    from vbench.rank.compare import compare, side_of

    report = compare(side_of(bench, a), side_of(bench, b), by=by)
    return {**_cut([asdict(row) for row in report.rows], "leave `by` out"), "notes": list(report.notes)}


def _sheet(bench: Bench, prompt: str, model: str = "") -> dict[str, Any]:
    """What a prompt (id) asks; for each take seen, not_seen, unsure, failed or open, who says so, and when."""
    from vbench.judge.sheet import sheet

    made = sheet(bench, prompt=prompt, models=[model] if model else None)
    rows = [
        {
            "clip": cell.clip,
            "model": cell.model,
            "sample": cell.sample,
            "question": cell.text,
            "verdict": cell.verdict,
            "by": cell.by,
            "t_s": cell.t_s,
        }
        for cell in made.cells
    ]
    return _cut(rows, "name a `model`") | {"distrusted": list(made.distrusted)}


def _plan(bench: Bench, models: list[str], suite: str, samples: int = 1) -> dict[str, Any]:
    """What generating would make, cost and need, and what each tool cannot honour; nothing is sent."""
    from vbench.generate import plan_run

    document: dict[str, Any] = plan_run(bench, models=tuple(models), suite=suite, samples=samples).as_dict()
    return document


# --- working ------------------------------------------------------------------------------------------------------


def _score(bench: Bench, preset: str = "offline") -> dict[str, Any]:
    """Measure what is not measured yet; `offline` needs no downloads. It may take minutes."""
    from vbench.score import score

    report = score(bench, preset=preset)
    return {
        "clips": report.n_clips,
        "scores": report.n_scores,
        "failures": dict(report.failures),
        "notes": [*report.notes],
    }


def _judge(bench: Bench) -> dict[str, Any]:
    """Answer what prompts ask as far as that is free: by measures, detectors and readers that are at hand."""
    from vbench.judge import judge

    report = judge(bench)
    answered = {answerer: dict(verdicts) for answerer, verdicts in report.answered.items()}
    return {"questions": report.n_questions, "answered": answered, "left": dict(report.left)}


def _note(bench: Bench, clip: str, text: str, start_s: float = 0.0, end_s: float | None = None) -> dict[str, Any]:
    """Write a remark at a moment or stretch of a take; it stands under the name `agent`."""
    import secrets

    from vbench.records import Note

    take = bench.clip(clip)
    end = start_s if end_s is None else end_s
    note = Note(id=secrets.token_hex(8), clip=take.id, start_s=start_s, end_s=end, text=text, author="agent")
    bench.add_note(note)
    return {"id": note.id}


def _choose(bench: Bench, clip: str, state: SelectState = "", stars: int = 0) -> dict[str, Any]:
    """Say of a take, as `agent`: reject, maybe, selected or approved (empty: undecided), and 0 to 5 stars."""
    from typing import get_args

    from vbench.records import Select, SelectState

    if state not in get_args(SelectState):
        raise OptionError(
            f"`state` is {state!r}; expected one of {', '.join(filter(None, get_args(SelectState)))}, or empty"
        )
    if not 0 <= stars <= 5:
        raise OptionError(f"`stars` is {stars}; expected 0 to 5")
    choice = Select(clip=bench.clip(clip).id, author="agent", state=state, stars=stars)
    bench.set_select(choice)
    return {"clip": choice.clip, "state": choice.state, "stars": choice.stars}


def _generate(
    bench: Bench, models: list[str], suite: str, samples: int = 1, *, max_cost: float, spent_before: float
) -> dict[str, Any]:
    """Make what is wanted and not there, within the ceiling of this server; plan first, and say the price."""
    from vbench.generate import generate

    left = max_cost - (bench.spend().usd - spent_before)
    report = generate(bench, models=tuple(models), suite=suite, samples=samples, max_cost=max(0.0, left))
    return {
        "made": report.made,
        "states": dict(report.states),
        "impossible": dict(report.impossible),
        "paused": dict(report.paused),
        "spent_usd": bench.spend().usd - spent_before,
        "ceiling_usd": max_cost,
    }
