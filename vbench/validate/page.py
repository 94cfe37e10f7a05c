"""The page of agreement with people: a section for each set, written when somebody has run it."""

from __future__ import annotations

from pathlib import Path

from vbench.errors import OptionError
from vbench.files import write_text
from vbench.validate.run import RatedAgreement
from vbench.validate.sets import SETS

EMPTY = "Nobody has run this set yet: `vbench validate {name} --report PAGE` fills this section."
HEAD = """# How far measures agree with people

Each section is what `vbench validate SET --report` wrote, with the version of the set. A number that is not here was
not measured. Spearman with a 95 % interval over prompts; within: mean over prompts of the correlation among their own
clips; across: that of the means of prompts; pairs: share of pairs of one prompt judged alike, ties calibrated; VBench:
what the set's authors publish for VBench's own dimension.
"""
MOST_ROWS = 12
"""Metrics shown for each rating; all are in the JSON."""


def write_page(path: Path, validation: RatedAgreement) -> None:
    """Put a validation into its section of the page; the page is made where there is none.

    Raises:
        OptionError: the page cannot be written.
    """
    sections = _sections(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in SETS:
        sections.setdefault(name, EMPTY.format(name=name))
    sections[validation.set] = section(validation)
    text = "\n".join([HEAD, *(f"## {name}\n\n{body.strip()}\n" for name, body in sections.items())])
    try:
        write_text(path, text)
    except OSError as error:
        raise OptionError(f"`report=` {path}: {error.strerror}; name a file in a folder that can be written") from None


def empty_page() -> str:
    """The page before anybody has run a set."""
    return "\n".join([HEAD, *(f"## {name}\n\n{EMPTY.format(name=name)}\n" for name in SETS)])


def _sections(text: str) -> dict[str, str]:
    """Title → body of each second-level section."""
    sections = {}
    for part in text.split("\n## ")[1:]:
        title, _, body = part.partition("\n")
        sections[title.strip()] = body
    return sections


def section(validation: RatedAgreement) -> str:
    """One set as Markdown."""
    which = f"commit `{validation.revision}`" if validation.revision else "files given as a folder"
    source = SETS[validation.set].source if validation.set in SETS else ""
    lines = [f"{validation.n_clips} clips, {which}.{f' {source}.' if source else ''}", ""]
    for rating in dict.fromkeys(row.rating for row in validation.rows):
        rows = [row for row in validation.rows if row.rating == rating]
        ceiling = validation.ceiling.get(rating)
        told = f"; a rater against the mean of the others {ceiling.spearman:.2f}" if ceiling else ""
        lines += [f"**{rating}** ({rows[0].n_prompts} prompts{told})", ""]
        lines += ["| metric | clips | Spearman | within | across | pairs | VBench |", "|---|---|---|---|---|---|---|"]
        for row in rows[:MOST_ROWS]:
            interval = f" [{row.ci_low:.2f}, {row.ci_high:.2f}]" if row.ci_low is not None else ""
            cells = [_number(value) for value in (row.within_prompt, row.across_prompts)]
            pairs = "–" if row.pair_accuracy is None else f"{row.pair_accuracy:.1%}"
            lines.append(
                f"| `{row.metric}` | {row.n_clips} | {_number(row.spearman)}{interval} | {' | '.join(cells)} | {pairs} "
                f"| {_number(row.vbench_published)} |"
            )
        lines.append("")
    return "\n".join([*lines, *(f"- {note}" for note in validation.notes)])


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}"
