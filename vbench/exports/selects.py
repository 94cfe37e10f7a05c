"""What people decided about takes, as rows for programs and people."""

from __future__ import annotations

import csv
from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from io import StringIO

from vbench.bench import Bench
from vbench.exports.folder import spoken_approvals, spoken_ranges
from vbench.exports.takes import approvals_by_clip
from vbench.records import Approval, Clip, Note, Select, SelectState
from vbench.text import spreadsheet_cell

COLUMNS = ("model", "prompt_id", "sample", "state", "reason", "stars", "ranges_s", "notes", "approvals")


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """A take with the last word on it, and its notes."""

    clip: Clip
    choice: Select
    notes: tuple[Note, ...]
    approvals: tuple[Approval, ...]
    """Of guests of review links."""


def select_rows(bench: Bench, states: Collection[SelectState] | None = None) -> list[Decided]:
    """Takes that somebody said something about, by prompt, tool and sample; all, or those in these states."""
    choices = bench.last_selects()
    notes: dict[str, list[Note]] = defaultdict(list)
    for note in bench.notes():
        notes[note.clip].append(note)
    approvals = approvals_by_clip(bench)
    rows = [
        Decided(
            clip=clip,
            choice=choices.get(clip.id, Select(clip=clip.id)),
            notes=tuple(notes.get(clip.id, ())),
            approvals=approvals.get(clip.id, ()),
        )
        for clip in bench.clips()
        if clip.id in choices or clip.id in notes or clip.id in approvals
    ]
    return rows if states is None else [row for row in rows if row.choice.state in states]


def rows_as_csv(rows: Sequence[Decided]) -> str:
    """A line per take, under `COLUMNS`."""
    text = StringIO()
    lines = csv.writer(text)
    lines.writerow(COLUMNS)
    for row in rows:
        clip, choice = row.clip, row.choice
        values = (clip.model, clip.prompt.id, clip.sample, choice.state, choice.reason, choice.stars)
        notes = " | ".join(f"{note.start_s:g} s: {note.text}" for note in row.notes)
        approvals = spoken_approvals(row.approvals)
        lines.writerow([spreadsheet_cell(value) for value in (*values, spoken_ranges(choice), notes, approvals)])
    return text.getvalue()
