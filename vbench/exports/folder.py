"""The chosen takes as a table, and as a folder of the originals with table and timelines beside them."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Sequence
from io import StringIO
from pathlib import Path

from vbench.exports.takes import Take, timecode
from vbench.exports.timelines import edl, timeline_json
from vbench.files import frames_in, write_text
from vbench.text import spreadsheet_cell


def write_csv(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """A row per take."""
    write_text(out, "\ufeff" + table(takes))  # with the mark by which spreadsheets know UTF-8


def table(takes: Sequence[Take]) -> str:
    """The takes as CSV; text that a spreadsheet would run as a formula is made text."""
    metrics = sorted({metric for take in takes for metric in take.scores})
    text = StringIO()
    rows = csv.writer(text)
    facts = ("seconds", "fps", "width", "height", "seed", "latency_s", "cost_usd", "licence", "sha256")
    rows.writerow(
        [
            "file",
            "model",
            "prompt_id",
            "prompt",
            "sample",
            "stars",
            "rejected",
            *facts,
            *metrics,
            "notes",
            "prompt_sent",
        ]
    )
    for take in takes:
        clip, probe, origin = take.clip, take.clip.probe, take.clip.provenance
        notes = " | ".join(f"{timecode(note.start_s, take.fps)} {note.text}" for note in take.notes)
        row = [
            *(take.file, clip.model, clip.prompt.id, clip.prompt.text, clip.sample),
            *(take.choice.stars, int(take.choice.rejected)),
            *(probe.duration_s, probe.fps, probe.width, probe.height),
            *(origin.seed, origin.latency_s, origin.cost_usd, origin.licence, clip.sha256),
            *(take.scores.get(metric) for metric in metrics),
            *(notes, origin.prompt_sent),
        ]
        rows.writerow([spreadsheet_cell(value) for value in row])
    return text.getvalue()


def write_zip(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """The originals under readable names, with table, timelines and notes beside them."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for take in takes:
            if take.path.is_dir():
                for frame in frames_in(take.path):
                    archive.write(frame, f"takes/{take.name}/{frame.name}")
            else:
                archive.write(take.path, f"takes/{take.file}")
        archive.writestr("takes/takes.csv", "\ufeff" + table(takes))
        archive.writestr("takes/takes.otio", timeline_json(takes))
        archive.writestr("takes/takes.edl", edl(takes))
