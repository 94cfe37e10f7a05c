"""The shot sheet: what each prompt asks against each take, cell by cell, with who says so and where to look."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from vbench.bench import Bench
from vbench.errors import OptionError
from vbench.judge.questions import questions_of
from vbench.judge.tally import distrusted, leading, newest
from vbench.records import Answer, Clip, Prompt, Question
from vbench.registry import did_you_mean

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = 1
OPEN = "open"
"""Verdict of a cell that nobody has answered."""
ROW_NAMES = (
    "model",
    "prompt_id",
    "sample",
    "question",
    "kind",
    "text",
    "verdict",
    "by",
    "t_s",
    "box",
    "overruled",
    "confidence",
    "reason",
    "frames",
    "clip",
    "digest",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetCell:
    """One question about one take."""

    model: str
    prompt_id: str
    sample: int
    question: str
    """Its id among those of the prompt."""
    kind: str
    text: str
    verdict: str
    """`seen`, `not_seen`, `unsure`, `failed`, or `open`: nobody has answered."""
    by: str
    """Who speaks for the cell; empty where it is open."""
    t_s: float | None
    box: Sequence[float] | None
    overruled: str
    """A person's verdict beside it; empty: none."""
    confidence: float | None
    reason: str
    frames: Sequence[float]
    """Seconds of the frames that were looked at."""
    clip: str
    digest: str
    """Of the question."""
    answers: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    """All answers to it: who, verdict, reason."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """All cells, by prompt, question, tool and sample."""

    cells: Sequence[SheetCell]
    distrusted: Sequence[str]
    """Judges that failed their report card: they speak for no cell."""

    def to_json(self) -> dict[str, Any]:
        """JSON values: ``{schema, rows, distrusted}``."""
        rows = [{name: getattr(cell, name) for name in ROW_NAMES} for cell in self.cells]
        return {"schema": SCHEMA, "rows": rows, "distrusted": list(self.distrusted)}

    def frame(self) -> pd.DataFrame:
        """The cells as a table."""
        import pandas as pd

        rows = [{name: value for name, value in asdict(cell).items() if name in ROW_NAMES} for cell in self.cells]
        return pd.DataFrame(rows, columns=list(ROW_NAMES))


def sheet(
    bench: Bench,
    *,
    prompt: str = "",
    models: Collection[str] | None = None,
    kinds: Collection[str] | None = None,
    with_answers: bool = False,
) -> Sheet:
    """The shot sheet of a bench.

    Args:
        bench: Where answers are.
        prompt: Id or key of one; empty: all that have clips.
        models: Only these tools.
        kinds: Only these kinds of questions.
        with_answers: With all answers to each question, not only the one that speaks for it.

    Raises:
        OptionError: no such prompt or tool.
    """
    clips = bench.clips()
    if prompt:
        known = sorted({clip.prompt.id for clip in clips})
        clips = [clip for clip in clips if prompt in (clip.prompt.id, clip.prompt.key)]
        if not clips:
            raise OptionError(f"no clip of a prompt {prompt!r}; {did_you_mean(prompt, known)}")
    if models is not None:
        for name in models:
            if name not in (there := sorted({clip.model for clip in clips})):
                raise OptionError(f"no clip of a tool {name!r}; {did_you_mean(name, there)}")
        clips = [clip for clip in clips if clip.model in models]
    shunned = distrusted(bench)
    whole = not prompt and models is None
    answers = newest(bench.answers(sha256s=None if whole else [clip.sha256 for clip in clips]))
    overrules = {(o.clip, o.question): o for o in bench.overrules()}
    cells: list[SheetCell] = []
    for asked, takes in _by_prompt(clips):
        for question in questions_of(asked):
            if kinds is not None and question.kind not in kinds:
                continue
            digest = question.digest  # once, not for every take
            for clip in takes:
                said = answers.get((clip.sha256, digest), {})
                overrule = overrules.get((clip.id, digest))
                lead = leading(said.values(), shunned)
                facts = tuple(_facts(answer, shunned) for answer in said.values()) if with_answers else ()
                cells.append(_cell(clip, question, digest, lead, overrule.verdict if overrule else "", facts))
    return Sheet(cells=cells, distrusted=sorted(shunned))


def _by_prompt(clips: Sequence[Clip]) -> list[tuple[Prompt, list[Clip]]]:
    takes: dict[str, tuple[Prompt, list[Clip]]] = {}
    for clip in clips:
        takes.setdefault(clip.prompt.key, (clip.prompt, []))[1].append(clip)
    ordered = sorted(takes.values(), key=lambda item: (item[0].id, item[0].key))
    return [(asked, sorted(group, key=lambda clip: (clip.model, clip.sample))) for asked, group in ordered]


def _cell(
    clip: Clip,
    question: Question,
    digest: str,
    lead: Answer | None,
    overruled: str,
    answers: Sequence[Mapping[str, Any]],
) -> SheetCell:
    return SheetCell(
        model=clip.model,
        prompt_id=clip.prompt.id,
        sample=clip.sample,
        question=question.id,
        kind=question.kind,
        text=question.text,
        verdict=lead.verdict if lead else OPEN,
        by=lead.answerer if lead else "",
        t_s=lead.t_s if lead else None,
        box=list(lead.box) if lead and lead.box else None,
        overruled=overruled,
        confidence=lead.confidence if lead else None,
        reason=lead.reason if lead else "",
        frames=lead.frames if lead else (),
        clip=clip.id,
        digest=digest,
        answers=answers,
    )


def _facts(answer: Answer, shunned: Collection[str]) -> dict[str, Any]:
    return {
        "by": answer.answerer,
        "kind": answer.by,
        "verdict": answer.verdict,
        "was": answer.was or "",
        "t_s": answer.t_s,
        "box": list(answer.box) if answer.box else None,
        "confidence": answer.confidence,
        "reason": answer.reason,
        "frames": list(answer.frames),
        "trusted": answer.answerer not in shunned,
    }


def shares(cells: Sequence[SheetCell]) -> dict[str, dict[str, float]]:
    """Tool → verdict → share of its cells that somebody was asked about; `open` ones aside, `n` of them all."""
    by_tool: dict[str, list[str]] = {}
    for cell in cells:
        by_tool.setdefault(cell.model, []).append(cell.verdict)
    table = {}
    for tool, verdicts in sorted(by_tool.items()):
        asked = [verdict for verdict in verdicts if verdict != OPEN]
        of = {v: asked.count(v) / max(1, len(asked)) for v in ("seen", "not_seen", "unsure", "failed")}
        table[tool] = {**of, "n": float(len(asked)), "open": float(len(verdicts) - len(asked))}
    return table
