"""What leaves the bench with the chosen takes: folders, tables, timelines for editors, contact sheets, one video."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

from vbench.exports.folder import TIMELINE_FILES, write_csv, write_folder, write_zip
from vbench.exports.pictures import write_contact_pdf, write_contact_png, write_frames, write_side_by_side
from vbench.exports.takes import ExportWish, Take, takes_of, takes_of_cut
from vbench.exports.timelines import Form, timeline
from vbench.files import write_text, written_whole

__all__ = [
    "FILES",
    "QUICK",
    "TIMELINE_FILES",
    "ExportWish",
    "Form",
    "Kind",
    "Take",
    "export",
    "takes_of",
    "takes_of_cut",
    "timeline",
    "write_folder",
]

Kind = Literal[
    "zip",
    "csv",
    "otio",
    "edl",
    "fcpxml",
    "xmeml",
    "resolve",
    "contact_png",
    "contact_pdf",
    "side_by_side",
    "frames",
]
FILES: dict[Kind, str] = {
    "zip": "takes.zip",
    "csv": "takes.csv",
    **{form: name for form, name in TIMELINE_FILES.items()},  # noqa: C416  so that its keys are kinds
    "contact_png": "contact-sheet.png",
    "contact_pdf": "contact-sheet.pdf",
    "side_by_side": "side-by-side.mp4",
    "frames": "frames.zip",
}
QUICK: frozenset[Kind] = frozenset({"csv", *TIMELINE_FILES})
"""Made while the browser waits; the others are tasks."""


def _write_timeline(form: Form, takes: Sequence[Take], out: Path, wish: ExportWish) -> None:
    write_text(out, timeline(form, takes, wish.rate))


WRITERS: dict[Kind, Callable[[Sequence[Take], Path, ExportWish], None]] = {
    "zip": write_zip,
    "csv": write_csv,
    **{form: partial(_write_timeline, form) for form in TIMELINE_FILES},
    "contact_png": write_contact_png,
    "contact_pdf": write_contact_pdf,
    "side_by_side": write_side_by_side,
    "frames": write_frames,
}


def export(kind: Kind, takes: Sequence[Take], folder: Path, wish: ExportWish | None = None) -> Path:
    """Write one export into `folder`; the file appears whole or not at all.

    Raises:
        ClipError: a take cannot be read.
        OptionError: a timeline counts at one rate, and there is none.
    """
    out = folder / FILES[kind]
    with written_whole(out) as part:
        WRITERS[kind](takes, part, wish or ExportWish())
    return out
