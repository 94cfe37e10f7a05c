"""The chosen takes as a table, and as a folder of the originals with table and timelines beside them."""

from __future__ import annotations

import csv
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

from vbench.errors import OptionError
from vbench.exports.takes import ExportWish, Take, at_rate, each_once, timecode
from vbench.exports.timelines import Form, one_rate, timeline
from vbench.files import frames_in, write_text, written_whole
from vbench.records import Approval, Select
from vbench.text import spreadsheet_cell
from vbench.video.sandbox import Sandbox

TIMELINE_FILES: dict[Form, str] = {
    "otio": "takes.otio",
    "edl": "takes.edl",
    "fcpxml": "takes.fcpxml",
    "xmeml": "takes-premiere.xml",
    "resolve": "takes-resolve-markers.edl",
}
VIDEO_LIMIT_S = 1800.0


def write_csv(takes: Sequence[Take], out: Path, _wish: ExportWish) -> None:
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
            "state",
            "ranges_s",
            *facts,
            *metrics,
            "notes",
            "approvals",
            "prompt_sent",
        ]
    )
    for take in takes:
        clip, probe, origin = take.clip, take.clip.probe, take.clip.provenance
        notes = " | ".join(f"{timecode(note.start_s, take.fps)} {note.text}" for note in take.notes)
        row = [
            *(take.file, clip.model, clip.prompt.id, clip.prompt.text, clip.sample),
            *(take.choice.stars, take.choice.state, spoken_ranges(take.choice)),
            *(probe.duration_s, probe.fps, probe.width, probe.height),
            *(origin.seed, origin.latency_s, origin.cost_usd, origin.licence, clip.sha256),
            *(take.scores.get(metric) for metric in metrics),
            *(notes, spoken_approvals(take.approvals), origin.prompt_sent),
        ]
        rows.writerow([spreadsheet_cell(value) for value in row])
    return text.getvalue()


def spoken_ranges(choice: Select) -> str:
    """`0.5-2 3-4.25`: the seconds to use; empty: all."""
    return " ".join(f"{start:g}-{end:g}" for start, end in choice.ranges)


def spoken_approvals(approvals: Sequence[Approval]) -> str:
    """`Maya: approved | Li: changes`: what guests said."""
    return " | ".join(f"{approval.guest}: {approval.state}" for approval in approvals)


def write_zip(takes: Sequence[Take], out: Path, wish: ExportWish) -> None:
    """The originals under readable names, with table and timelines beside them."""
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive,
        TemporaryDirectory(prefix="vbench-takes-") as scratch,
    ):
        for name, path in _files(takes, wish.rate, Path(scratch)):
            archive.write(path, f"takes/{name}")
        archive.writestr("takes/takes.csv", "\ufeff" + table(takes))
        for form, text in _timelines(takes, wish.rate):
            archive.writestr(f"takes/{TIMELINE_FILES[form]}", text)


def write_folder(takes: Sequence[Take], folder: Path, form: Form, rate: float | None) -> Path:
    """The originals and one timeline that finds them, in a folder; the path of the timeline.

    Raises:
        OptionError: as `timelines.one_rate`; nothing is written.
        ClipError: a copy at the rate cannot be made.
    """
    text = timeline(form, takes, rate)
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix="vbench-takes-") as scratch:
        for name, path in _files(takes, rate, Path(scratch)):
            (folder / name).parent.mkdir(exist_ok=True)
            with written_whole(folder / name) as part:
                shutil.copyfile(path, part)
    out = folder / TIMELINE_FILES[form]
    write_text(out, text)
    return out


def _timelines(takes: Sequence[Take], rate: float | None) -> Iterator[tuple[Form, str]]:
    """Every form of timeline that there is at this rate; without one, and of takes that differ, only OTIO's."""
    for form in TIMELINE_FILES:
        try:
            yield form, timeline(form, takes, rate)
        except OptionError:
            if rate is not None:
                raise


def _files(takes: Sequence[Take], rate: float | None, scratch: Path) -> Iterator[tuple[str, Path]]:
    """Name and file of all that goes along: originals, frames, and copies at a constant rate where these are needed."""
    sandbox = Sandbox()
    try:
        for take in each_once(takes if rate is None else at_rate(takes, float(one_rate(takes, rate)))):
            if take.conformed_fps:
                copy = scratch / take.file
                call = {"source": str(take.path), "out": str(copy), "fps": take.conformed_fps}
                sandbox.call("conform", call, limit_s=VIDEO_LIMIT_S)
                yield take.file, copy
                copy.unlink()
            elif take.path.is_dir():
                yield from ((f"{take.name}/{frame.name}", frame) for frame in frames_in(take.path))
            else:
                yield take.file, take.path
    finally:
        sandbox.close()
