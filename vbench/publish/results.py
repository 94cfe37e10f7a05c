"""`results.json`: everything that a published board says, in one documented, versioned document."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from vbench._version import __version__
from vbench.bench import Bench, now
from vbench.errors import BenchError, OptionError
from vbench.judge.sheet import sheet
from vbench.rank.board import FEW_PROMPTS, leaderboard
from vbench.rank.efficiency import EfficiencyRow, efficiency
from vbench.rank.vote_board import PROVISIONAL, vote_board
from vbench.records import Clip

SCHEMA = 1
SCHEMA_FILE = "results.schema.json"
HEADLINE = "overall"
"""The metric of boards by tag, of fronts and of histories, where the bench has it."""
KEPT_EDITIONS = 50
Document = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Edition:
    """What a publication is of."""

    title: str = "Leaderboard"
    about: str = ""
    reasons: Mapping[str, str] | None = None
    """Tool → why it was removed since the last edition."""


def schema() -> Document:
    """The JSON Schema of the document."""
    text = files("vbench.publish").joinpath(SCHEMA_FILE).read_text(encoding="utf-8")
    document: Document = json.loads(text)
    return document


def results(bench: Bench, edition: Edition, previous: Mapping[str, Any] | None = None) -> Document:
    """The document of a bench.

    Args:
        bench: Scored.
        edition: Title, and why tools are gone.
        previous: The document published before, whose history goes on.

    Raises:
        BenchError: the bench has no clips.
        OptionError: a reason is given for a tool that was not removed.
    """
    clips = bench.clips()
    if not clips:
        raise BenchError(f"{bench.root} has no clips; there is nothing to publish")
    infos = bench.metrics()
    metric = HEADLINE if HEADLINE in infos else next(iter(sorted(infos)), "")
    whole = leaderboard(bench).to_json()
    by_tag = _by_tag(bench, clips, metric) if metric else []
    votes = vote_board(bench)
    can_rank = metric and infos[metric].higher_is_better
    costs = efficiency(bench, metric=metric) if can_rank else None
    headline = {row["model"]: row for row in whole["rows"] if row["metric"] == metric}
    tools = _tools(bench, clips, headline, {row.tool: row.n_votes for row in votes.rows if not row.tag})
    document: Document = {
        "schema": SCHEMA,
        "title": edition.title,
        "about": edition.about,
        "generated": now(),
        "made_with": f"vbench {__version__}",
        "headline": metric,
        "metrics": whole["metrics"],
        "tools": tools,
        "rows": whole["rows"] + by_tag,
        "notes": whole["notes"],
        "votes": {
            "rows": [asdict(row) for row in votes.rows],
            "facts": dict(votes.facts),
            "notes": list(votes.notes),
            "manifest": [asdict(entry) for entry in votes.manifest],
        },
        "efficiency": [asdict(row) for row in costs.rows] if costs and any(map(_has_costs, costs.rows)) else [],
        "prompts": _prompts(bench, clips),
    }
    document |= _history(document, previous, edition)
    return document


def read_results(file: Path) -> Document | None:
    """A document published before; None where there is none.

    Raises:
        BenchError: it is none, or of a newer schema.
    """
    if not file.exists():
        return None
    try:
        document: Document = json.loads(file.read_text(encoding="utf-8"))
        number = int(document["schema"])
    except (ValueError, KeyError, TypeError) as error:
        raise BenchError(f"{file}: is no results.json ({error}); publish into another folder") from None
    if number > SCHEMA:
        raise BenchError(f"{file}: has schema {number}, this vbench writes {SCHEMA}; update vbench")
    return document


def _has_costs(row: EfficiencyRow) -> bool:
    return any(value is not None for value in (row.usd_per_s, row.wall_s_per_s, row.gpu_s_per_s, row.peak_gb))


def _by_tag(bench: Bench, clips: Sequence[Clip], metric: str) -> list[dict[str, Any]]:
    facets = sorted({tag.partition(":")[0] for clip in clips for tag in clip.prompt.tags})
    rows: list[dict[str, Any]] = []
    for facet in facets:
        rows += leaderboard(bench, metrics=[metric], by=facet).to_json()["rows"]
    return rows


def _tools(
    bench: Bench, clips: Sequence[Clip], headline: Mapping[str, Mapping[str, Any]], n_votes: Mapping[str, int]
) -> list[dict[str, Any]]:
    cards = bench.models()
    ranked = {clip.id: clip for clip in bench.ranked_clips()}
    by_tool: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_tool[clip.model].append(clip)
    tools = []
    for tool, members in sorted(by_tool.items()):
        card = cards.get(tool) or cards.get(tool.partition("@")[0]) or {}
        samples = Counter(clip.prompt.key for clip in members)
        tools.append(
            {
                "tool": tool,
                "name": card.get("name", tool),
                "vendor": (card.get("vendor") or {}).get("name", ""),
                "country": (card.get("vendor") or {}).get("country", ""),
                "licence": (card.get("licence") or {}).get("weights", ""),
                "status": card.get("status", "active"),
                "open_weights": bool(card.get("open_weights", False)),
                "n_clips": len(members),
                "n_prompts": len(samples),
                "n_runs": max(samples.values()),
                "marks": _marks(tool, members, card, headline.get(tool), ranked, n_votes.get(tool, 0)),
            }
        )
    return tools


def _marks(
    tool: str,
    clips: Sequence[Clip],
    card: Mapping[str, Any],
    row: Mapping[str, Any] | None,
    ranked: Mapping[str, Any],
    n_votes: int,
) -> list[dict[str, str]]:
    """What a reader must know of a tool before its place: mark and sentence."""
    marks = []

    def mark(name: str, about: str) -> None:
        marks.append({"mark": name, "about": about})

    if row is not None and row["n_prompts"] < FEW_PROMPTS:
        mark("provisional", f"prompts measured: {row['n_prompts']}, below {FEW_PROMPTS}")
    elif 0 < n_votes < PROVISIONAL:
        mark("provisional", f"votes: {n_votes}, below {PROVISIONAL}")
    if card.get("status") == "retired":
        mark("retired", f"makes no more clips since {card.get('retired_on', 'some time')}")
    if n := sum(any(each.is_damage for each in ranked[clip.id].marks) for clip in clips):
        mark("damaged", f"{n} of {len(clips)} clips are cut off or damaged")
    best_of = max(int(clip.provenance.extra.get("best_of") or 1) for clip in clips)
    if best_of > 1:
        mark("best of n", f"the best of {best_of} takes was chosen")
    n_rewritten = sum(
        bool(clip.provenance.prompt_revised) or clip.provenance.prompt_sent not in ("", clip.prompt.text)
        for clip in clips
    )
    if n_rewritten or "@" in tool:
        mark("prompt rewritten", f"{n_rewritten} of {len(clips)} clips were made from a rewritten prompt")
    return marks


def _prompts(bench: Bench, clips: Sequence[Clip]) -> list[dict[str, Any]]:
    overall = {score.key.clip: score.value for score in bench.score_records(metrics=[HEADLINE])}
    cells: dict[tuple[str, str, int], list[dict[str, Any]]] = defaultdict(list)
    for cell in sheet(bench).cells:
        said = {
            "question": cell.text,
            "verdict": cell.verdict,
            "by": cell.by,
            "t_s": cell.t_s,
            "overruled": cell.overruled,
        }
        cells[cell.prompt_id, cell.model, cell.sample].append(said)
    by_prompt: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        by_prompt[clip.prompt.key].append(clip)
    return [
        {
            "key": key,
            "id": members[0].prompt.id,
            "text": members[0].prompt.text,
            "suite": members[0].prompt.suite,
            "tags": list(members[0].prompt.tags),
            "clips": [
                {
                    "id": clip.id,
                    "tool": clip.model,
                    "sample": clip.sample,
                    "seed": clip.provenance.seed,
                    "sha256": clip.sha256,
                    "width": clip.probe.width,
                    "height": clip.probe.height,
                    "fps": clip.probe.fps,
                    "duration_s": clip.probe.duration_s,
                    "overall": overall.get(clip.id),
                    "sheet": cells.get((clip.prompt.id, clip.model, clip.sample), []),
                }
                for clip in members
            ],
        }
        for key, members in sorted(by_prompt.items(), key=lambda item: item[1][0].prompt.id)
    ]


def _history(document: Document, previous: Mapping[str, Any] | None, edition: Edition) -> Document:
    """Earlier editions, this one, and every tool that is not here any more."""
    places = {row["model"]: row for row in document["rows"] if row["metric"] == document["headline"] and not row["tag"]}
    this = {
        "generated": document["generated"],
        "headline": document["headline"],
        "n_clips": sum(tool["n_clips"] for tool in document["tools"]),
        "rows": [{"tool": tool, "mean": row["mean"], "rank_low": row["rank_low"]} for tool, row in places.items()],
    }
    earlier = list((previous or {}).get("history", []))
    editions = [*earlier[-(KEPT_EDITIONS - 1) :], this]
    here = {tool["tool"] for tool in document["tools"]}
    removed = {entry["tool"]: entry for entry in (previous or {}).get("removed", []) if entry["tool"] not in here}
    reasons = dict(edition.reasons or {})
    for tool in (previous or {}).get("tools", []):
        if tool["tool"] not in here:
            removed[tool["tool"]] = {"tool": tool["tool"], "when": document["generated"], "why": ""}
    for tool, why in reasons.items():
        if tool not in removed:
            raise OptionError(f"`removed={tool}`: it was not removed; tools that were: {', '.join(removed) or 'none'}")
        removed[tool] = removed[tool] | {"why": why}
    return {"history": editions, "removed": sorted(removed.values(), key=lambda entry: entry["tool"])}
