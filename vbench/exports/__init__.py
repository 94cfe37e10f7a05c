"""What leaves the bench with the chosen takes: folders, tables, timelines for editors, contact sheets, one video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from vbench.exports.folder import write_csv, write_zip
from vbench.exports.pictures import write_contact_pdf, write_contact_png, write_frames, write_side_by_side
from vbench.exports.takes import Take, takes_of
from vbench.exports.timelines import write_edl, write_otio
from vbench.files import written_whole

__all__ = ["FILES", "QUICK", "Kind", "Take", "export", "takes_of"]

Kind = Literal["zip", "csv", "otio", "edl", "contact_png", "contact_pdf", "side_by_side", "frames"]
FILES: dict[Kind, str] = {
    "zip": "takes.zip",
    "csv": "takes.csv",
    "otio": "takes.otio",
    "edl": "takes.edl",
    "contact_png": "contact-sheet.png",
    "contact_pdf": "contact-sheet.pdf",
    "side_by_side": "side-by-side.mp4",
    "frames": "frames.zip",
}
QUICK: frozenset[Kind] = frozenset({"csv", "otio", "edl"})
"""Made while the browser waits; the others are tasks."""
WRITERS: dict[Kind, Callable[[Sequence[Take], Path, float | None], None]] = {
    "zip": write_zip,
    "csv": write_csv,
    "otio": write_otio,
    "edl": write_edl,
    "contact_png": write_contact_png,
    "contact_pdf": write_contact_pdf,
    "side_by_side": write_side_by_side,
    "frames": write_frames,
}


def export(kind: Kind, takes: Sequence[Take], folder: Path, *, at_s: float | None = None) -> Path:
    """Write one export into `folder`; the file appears whole or not at all.

    Raises:
        ClipError: a take cannot be read.
    """
    out = folder / FILES[kind]
    with written_whole(out) as part:
        WRITERS[kind](takes, part, at_s)
    return out
