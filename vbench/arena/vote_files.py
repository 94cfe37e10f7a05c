"""Votes in and out: CSV, JSONL, and battle logs as FastChat writes them; every row told."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from vbench.bench import Bench
from vbench.errors import CatalogError, OptionError
from vbench.files import write_text
from vbench.rank.vote_board import VoteQuery, why_not
from vbench.records import Clip, Outcome, Vote, digest
from vbench.registry import did_you_mean
from vbench.text import spreadsheet_cell

VoteFormat = Literal["csv", "jsonl", "fastchat"]
RowState = Literal["imported", "left out", "there before", "refused"]
COLUMNS = (
    "id",
    "model_a",
    "model_b",
    "prompt_id",
    "sample_a",
    "sample_b",
    "outcome",
    "voter",
    "left",
    "propensity",
    "created",
    "watched",
    "excluded",
)
"""Of a CSV, and keys of a line of JSONL. Needed are the tools, the prompt and the outcome."""
MAX_NAME, MAX_TIME = 64, 32
"""Letters that a bench keeps of an id or a voter, and of a time."""
COUNTED = ("counted", "why")
"""Written besides: whether the vote counts on the board of all votes, and why not."""
WINNERS: Mapping[str, Outcome] = {
    "model_a": "a",
    "model_b": "b",
    "tie": "tie",
    "tie (bothbad)": "both_bad",
    "both_bad": "both_bad",
    "a": "a",
    "b": "b",
    "skip": "skip",
    "broken": "broken",
}
CONTRADICTS = "contradicts an earlier vote of this voter on the same pair"
REPEATED = "repeats an earlier vote of this voter on the same pair"


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteLine:
    """What became of one row of a file."""

    line: int
    state: RowState
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class VoteImport:
    """What became of a file."""

    lines: tuple[VoteLine, ...]

    @property
    def counts(self) -> dict[str, int]:
        """State → number of rows."""
        return dict(Counter(line.state for line in self.lines))


def import_votes(bench: Bench, file: Path) -> VoteImport:
    """Bring in votes cast elsewhere; a row that cannot be used is refused with its reason, and none is guessed.

    Args:
        bench: Where the clips are that were voted on.
        file: CSV or JSONL with the columns `COLUMNS`, or FastChat's log (`winner`, `judge`, `question_id`).

    Raises:
        CatalogError: the file is no such table.
    """
    index = _Index(bench.clips())
    seen = {(vote.voter, frozenset((vote.a, vote.b))): _winner(vote) for vote in bench.votes()}
    lines = []
    for number, row in _rows_of(file):
        try:
            vote = _vote(row, index)
        except ValueError as error:
            lines.append(VoteLine(line=number, state="refused", why=str(error)))
            continue
        pair = vote.voter, frozenset((vote.a, vote.b))
        why = vote.excluded
        if pair in seen and not why and vote.voter:
            why = REPEATED if seen[pair] == _winner(vote) else CONTRADICTS
        is_new = bench.add_vote(replace(vote, excluded=why))
        if not is_new:
            lines.append(VoteLine(line=number, state="there before", why=f"a vote with the id {vote.id} is there"))
            continue
        seen.setdefault(pair, _winner(vote))
        lines.append(VoteLine(line=number, state="left out" if why else "imported", why=why))
    return VoteImport(lines=tuple(lines))


def _winner(vote: Vote) -> str:
    """The clip that won, or the outcome: the same however the pair was turned."""
    return {"a": vote.a, "b": vote.b}.get(vote.outcome, vote.outcome)


class _Index:
    """Clips by tool, prompt and sample, the prompt by id or by text."""

    def __init__(self, clips: list[Clip]) -> None:
        self.tools = sorted({clip.model for clip in clips})
        self._clips: dict[tuple[str, str, int], Clip] = {}
        for clip in clips:
            for name in (clip.prompt.id, clip.prompt.text):
                self._clips[clip.model, name, clip.sample] = clip

    def clip(self, tool: str, prompt: str, sample: int) -> str:
        if tool not in self.tools:
            raise ValueError(f"no tool {tool!r} here; {did_you_mean(tool, self.tools)}")
        clip = self._clips.get((tool, prompt, sample))
        if clip is None:
            raise ValueError(f"{tool} has no clip of prompt {prompt!r}, sample {sample}")
        return clip.id


def _vote(row: Mapping[str, Any], index: _Index) -> Vote:
    """One row as a vote.

    Raises:
        ValueError: a sentence on what is wrong with it.
    """
    said = str(row.get("outcome") or row.get("winner") or "").strip()
    if said not in WINNERS:
        raise ValueError(
            f"the outcome is {said!r}; expected one of {', '.join(get_args(Outcome))} or FastChat's winners"
        )
    prompt = str(row.get("prompt_id") or row.get("question_id") or row.get("prompt") or "").strip()
    if not prompt:
        raise ValueError("no prompt_id: which prompt the two clips were made for")
    tools = [str(row.get(name) or "").strip() for name in ("model_a", "model_b")]
    try:
        samples = [int(row.get(name) or 0) for name in ("sample_a", "sample_b")]
        propensity = float(row.get("propensity") or 1.0)
    except ValueError:
        raise ValueError("sample_a and sample_b are whole numbers, propensity is a number") from None
    if not 0 < propensity <= 1:
        raise ValueError(f"the propensity is {propensity:g}; expected a probability above 0")
    if tools[0] == tools[1] and samples[0] == samples[1]:
        raise ValueError("both sides are the same clip")
    a, b = (index.clip(tool, prompt, sample) for tool, sample in zip(tools, samples, strict=True))
    left = str(row.get("left") or "a").strip()
    if left not in ("a", "b"):
        raise ValueError(f"left is {left!r}; expected a or b")
    watched = row.get("watched") or {}
    if isinstance(watched, str):
        try:
            watched = json.loads(watched)
        except ValueError:
            raise ValueError("watched is no JSON object") from None
    if not isinstance(watched, Mapping):
        raise ValueError("watched is no JSON object")
    voter = str(row.get("voter") or row.get("judge") or "").strip()
    created = str(row.get("created") or row.get("tstamp") or "").strip()
    if len(created) > MAX_TIME:
        raise ValueError(f"created is {created[:40]!r}; expected a time")
    named = str(row.get("id") or "").strip()
    return Vote(
        id=_name(named) or digest("imported vote", a, b, said, voter, created, length=32),
        a=a,
        b=b,
        outcome=WINNERS[said],
        voter=_name(voter),
        left="a" if left == "a" else "b",
        watched=dict(watched),
        propensity=propensity,
        created=created,
        excluded=str(row.get("excluded") or "").strip(),
    )


def _name(said: str) -> str:
    """The id or the voter of a row; a long one by its digest, so that two that begin alike stay two."""
    return said if len(said) <= MAX_NAME else digest("long name", said, length=32)


def _rows_of(file: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Line number and row."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise OptionError(f"{file}: cannot be read as UTF-8 text ({error}); pass a CSV or JSONL of votes") from None
    if file.suffix.lower() in (".jsonl", ".ndjson"):
        for number, line in enumerate(text.splitlines(), start=1):
            if line.strip():
                try:
                    row = json.loads(line)
                except ValueError as error:
                    raise CatalogError(f"{file}:{number}: no JSON object ({error})") from None
                if not isinstance(row, dict):
                    raise CatalogError(f"{file}:{number}: expected a JSON object, found {type(row).__name__}")
                yield number, row
        return
    reader = csv.DictReader(io.StringIO(text))
    columns = reader.fieldnames or []
    if missing := [name for name in ("model_a", "model_b") if name not in columns]:
        raise CatalogError(f"{file}:1: no column {', '.join(missing)}; needed are model_a, model_b, prompt_id, outcome")
    for row in reader:
        yield reader.line_num, row


def export_votes(bench: Bench, file: Path, kind: VoteFormat) -> int:
    """Write all votes with what each counted for; voters are hashes, as they are stored.

    Returns:
        How many.
    """
    clips = {clip.id: clip for clip in bench.clips()}
    rows = []
    for vote in bench.votes():
        why = why_not(vote, clips, VoteQuery())
        a, b = clips[vote.a], clips[vote.b]
        rows.append(
            {
                "id": vote.id,
                "model_a": a.model,
                "model_b": b.model,
                "prompt_id": a.prompt.id,
                "sample_a": a.sample,
                "sample_b": b.sample,
                "outcome": vote.outcome,
                "voter": vote.voter,
                "left": vote.left,
                "propensity": vote.propensity,
                "created": vote.created,
                "watched": dict(vote.watched),
                "excluded": vote.excluded,
                "counted": not why,
                "why": why,
            }
        )
    write_text(file, {"csv": _as_csv, "jsonl": _as_jsonl, "fastchat": _as_fastchat}[kind](rows))
    return len(rows)


def _as_csv(rows: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    writer = csv.DictWriter(out, [*COLUMNS, *COUNTED], lineterminator="\n")
    writer.writeheader()
    for row in rows:
        flat = row | {"watched": json.dumps(row["watched"], sort_keys=True)}
        writer.writerow({name: spreadsheet_cell(value) for name, value in flat.items()})
    return out.getvalue()


def _as_jsonl(rows: list[dict[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)


def _as_fastchat(rows: list[dict[str, Any]]) -> str:
    winners = {"a": "model_a", "b": "model_b", "tie": "tie", "both_bad": "tie (bothbad)"}
    return "".join(
        json.dumps(
            {
                "question_id": row["prompt_id"],
                "model_a": row["model_a"],
                "model_b": row["model_b"],
                "winner": winners[row["outcome"]],
                "judge": row["voter"],
                "turn": 1,
                "anony": True,
                "tstamp": row["created"],
            },
            ensure_ascii=False,
        )
        + "\n"
        for row in rows
        if row["outcome"] in winners and not row["excluded"]
    )
