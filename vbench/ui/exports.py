"""What leaves the bench with the chosen takes: folders, tables, timelines for editors, contact sheets, one video."""

from __future__ import annotations

import csv
import json
import math
import sys
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from PIL import Image, ImageDraw, ImageFont

from vbench.bench import Bench
from vbench.errors import ClipError, VBenchError
from vbench.media import safe_name
from vbench.records import Clip, Event, Note, Select
from vbench.ui.sandbox import Sandbox

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
MARKER_COLOURS = {"note": "GREEN", "cut": "RED", "freeze": "BLUE", "black": "BLACK", "worst": "ORANGE"}
EDL_RATES = (24, 25, 30, 50, 60)
"""Of these, an EDL can count timecode; a clip of another rate is placed by time."""
LIMIT_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Take:
    """A chosen clip with all that goes along."""

    clip: Clip
    name: str
    """Of its file, without suffix: readable, and different for each take."""
    path: Path
    scores: Mapping[str, float]
    notes: tuple[Note, ...]
    events: tuple[Event, ...]
    choice: Select

    @property
    def file(self) -> str:
        return f"{self.name}{self.path.suffix.lower()}"

    @property
    def fps(self) -> float:
        return self.clip.probe.fps or 24.0


def takes_of(bench: Bench, ids: Sequence[str], *, author: str) -> list[Take]:
    """The takes in the order asked for.

    Raises:
        BenchError: an id is not of this bench.
        ClipError: a file is gone.
    """
    choices = {choice.clip: choice for choice in bench.selects() if choice.author == author}
    takes: list[Take] = []
    names: set[str] = set()
    for id in dict.fromkeys(ids):
        clip = bench.clip(id)
        try:
            path = bench.clip_path(clip)
        except FileNotFoundError:
            raise ClipError(
                f"{clip.model}, prompt {clip.prompt.id}, sample {clip.sample}: the file is gone; "
                "put it back, or leave this take out"
            ) from None
        name = safe_name(f"{clip.prompt.id}_{clip.model}_{clip.sample}")
        name = name if name.casefold() not in names else f"{name}_{clip.id[:6]}"
        names.add(name.casefold())
        takes.append(
            Take(
                clip=clip,
                name=name,
                path=path,
                scores={score.key.metric: score.value for score in bench.scores(clip=clip.id)},
                notes=tuple(bench.notes(clip.id)),
                events=tuple(bench.events(clip.id)),
                choice=choices.get(clip.id, Select(clip=clip.id, author=author)),
            )
        )
    return takes


def export(kind: Kind, takes: Sequence[Take], folder: Path, *, at_s: float | None = None) -> Path:
    """Write one export into `folder`; the file appears whole or not at all.

    Raises:
        ClipError: a take cannot be read.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / FILES[kind]
    part = out.with_name(f"part-{out.name}")
    try:
        WRITERS[kind](takes, part, at_s)
        part.replace(out)
    finally:
        part.unlink(missing_ok=True)
    return out


# --- table and folder ---------------------------------------------------------------------------------------------


def write_csv(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """A row per take."""
    out.write_text(table(takes), encoding="utf-8-sig")  # with the mark by which spreadsheets know UTF-8


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
        rows.writerow([_cell(value) for value in row])
    return text.getvalue()


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r") else value


def write_zip(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """The originals under readable names, with table, timelines and notes beside them."""
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for take in takes:
            if take.path.is_dir():
                for frame in sorted(take.path.iterdir()):
                    archive.write(frame, f"takes/{take.name}/{frame.name}")
            else:
                archive.write(take.path, f"takes/{take.file}")
        archive.writestr("takes/takes.csv", "\ufeff" + table(takes))
        archive.writestr("takes/takes.otio", timeline_json(takes))
        archive.writestr("takes/takes.edl", edl(takes))


# --- timelines for editors ----------------------------------------------------------------------------------------


def _timeline(takes: Sequence[Take], *, rate: float | None = None) -> Any:
    """An OpenTimelineIO timeline: the takes one after another, with notes and events as markers.

    Args:
        takes: The takes.
        rate: Count everything at this rate; None: each take at its own.
    """
    import opentimelineio as otio  # here: only exports need it

    track = otio.schema.Track(name="takes", kind=otio.schema.TrackKind.Video)
    for take in takes:
        probe, at = take.clip.probe, rate or take.fps

        def time(seconds: float, at: float = at) -> Any:
            return otio.opentime.RationalTime(round(seconds * at), at)

        whole = otio.opentime.TimeRange(time(0), time(max(probe.duration_s, 1 / at)))
        item = otio.schema.Clip(
            name=take.name,
            source_range=whole,
            media_reference=otio.schema.ExternalReference(target_url=take.file, available_range=whole),
            metadata={
                "vbench": {
                    "model": take.clip.model,
                    "prompt_id": take.clip.prompt.id,
                    "prompt": take.clip.prompt.text,
                    "sample": take.clip.sample,
                    "sha256": take.clip.sha256,
                    "stars": take.choice.stars,
                    "rejected": take.choice.rejected,
                    "scores": dict(take.scores),
                }
            },
        )
        moments = [(note.start_s, note.end_s, "note", note.text) for note in take.notes]
        moments += [(event.start_s, event.end_s, event.kind, f"{event.kind} ({event.metric})") for event in take.events]
        for start_s, end_s, kind, text in sorted(moments):
            marked = otio.opentime.TimeRange(time(start_s), time(max(0.0, end_s - start_s)))
            item.markers.append(otio.schema.Marker(name=text, marked_range=marked, color=MARKER_COLOURS[kind]))
        track.append(item)
    timeline = otio.schema.Timeline(name="takes")
    timeline.tracks.append(track)
    return timeline


def timeline_json(takes: Sequence[Take]) -> str:
    """OpenTimelineIO's own JSON; files are named as in the folder export."""
    return str(_timeline(takes).to_json_string())


def edl(takes: Sequence[Take]) -> str:
    """A CMX 3600 edit decision list with markers as locators.

    Locators are in each take's own time. An EDL counts at one rate: the lowest it knows that is not below any take's.
    """
    import opentimelineio as otio

    fastest = max(take.fps for take in takes)
    rate = next((rate for rate in EDL_RATES if fastest <= rate * 1.002), EDL_RATES[-1])
    timeline = _timeline(takes, rate=rate)
    for item in timeline.tracks[0]:
        item.name = _one_line(item.name)
        for marker in item.markers:
            marker.name = _one_line(marker.name)
    return str(otio.adapters.write_to_string(timeline, adapter_name="cmx_3600", rate=rate))


def _one_line(text: str) -> str:
    """Text as an EDL holds it: one line of ASCII."""
    return " ".join(text.encode("ascii", "replace").decode().split())[:120]


def timecode(seconds: float, fps: float) -> str:
    """`00:00:02:11`: hours, minutes, seconds, and frames at the clip's own rate."""
    frame = math.floor(seconds * fps + 1e-3)  # times are rounded to the container's clock
    whole = max(1, round(fps))
    return (
        f"{frame // (whole * 3600):02d}:{frame // (whole * 60) % 60:02d}:{frame // whole % 60:02d}:{frame % whole:02d}"
    )


def write_otio(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """See `timeline_json`."""
    out.write_text(timeline_json(takes), encoding="utf-8")


def write_edl(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """See `edl`."""
    out.write_text(edl(takes), encoding="ascii")


# --- pictures and video -------------------------------------------------------------------------------------------

PAGE = (1754, 1240)
"""A4 across at 150 dots per inch, in pixels."""
MARGIN, GAP, TEXT = 50, 24, 96
COLUMNS, ROWS = 4, 3
FONTS = (
    "/usr/share/fonts/opentype/noto/NotoSansCJK-Regular.ttc",
    "/usr/share/fonts/truetype/wqy/wqy-zenhei.ttc",
    "/System/Library/Fonts/PingFang.ttc",
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",
)
"""Fonts with more letters than Pillow's own, by preference."""


@lru_cache
def _font(size: int) -> Any:
    path = next((path for path in FONTS if Path(path).exists()), None)
    return ImageFont.truetype(path, size) if path else ImageFont.load_default(size)


def contact_sheets(takes: Sequence[Take], stills: Sequence[Path]) -> list[Image.Image]:
    """Pages of posters with tool, prompt, stars and first note."""
    cell_width = (PAGE[0] - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
    cell_height = (PAGE[1] - 2 * MARGIN - (ROWS - 1) * GAP) // ROWS
    pages: list[Image.Image] = []
    for number, (take, still) in enumerate(zip(takes, stills, strict=True)):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            pages.append(Image.new("RGB", PAGE, "white"))
        left = MARGIN + place % COLUMNS * (cell_width + GAP)
        top = MARGIN + place // COLUMNS * (cell_height + GAP)
        with Image.open(still) as picture:
            thumb = picture.convert("RGB")
        thumb.thumbnail((cell_width, cell_height - TEXT))
        pages[-1].paste(thumb, (left + (cell_width - thumb.width) // 2, top))
        _caption(ImageDraw.Draw(pages[-1]), take, left, top + cell_height - TEXT + 6, cell_width)
    return pages


def _caption(draw: ImageDraw.ImageDraw, take: Take, left: int, top: int, width: int) -> None:
    stars = " " + "*" * take.choice.stars if take.choice.stars else ""
    stars += " (rejected)" if take.choice.rejected else ""
    note = f"{timecode(take.notes[0].start_s, take.fps)} {take.notes[0].text}" if take.notes else ""
    lines = ((20, "black", f"{take.clip.model}{stars}"), (16, "#444", take.clip.prompt.text), (16, "#444", note))
    for size, colour, text in lines:
        draw.text((left, top), _fitted(draw, " ".join(text.split()), _font(size), width), font=_font(size), fill=colour)
        top += size + 9


def _fitted(draw: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    while text and draw.textlength(text, font=font) > width:
        text = text[:-2].removesuffix("…") + "…" if len(text) > 2 else ""
    return text


def _stills(takes: Sequence[Take], folder: Path, sandbox: Sandbox) -> list[Path]:
    stills = []
    for take in takes:
        still = folder / f"{take.clip.id}.png"
        sandbox.call("poster", {"source": str(take.path), "out": str(still)}, limit_s=120)
        stills.append(still)
    return stills


def _write_contact(takes: Sequence[Take], out: Path, *, is_pdf: bool) -> None:
    sandbox = Sandbox()
    try:
        with TemporaryDirectory(prefix="vbench-contact-") as folder:
            pages = contact_sheets(takes, _stills(takes, Path(folder), sandbox))
    finally:
        sandbox.close()
    if is_pdf:
        pages[0].save(out, "PDF", save_all=True, append_images=pages[1:], resolution=150)
        return
    sheet = Image.new("RGB", (PAGE[0], PAGE[1] * len(pages)), "white")
    for number, page in enumerate(pages):
        sheet.paste(page, (0, number * PAGE[1]))
    sheet.save(out, "PNG")


def write_contact_png(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """All pages in one picture."""
    _write_contact(takes, out, is_pdf=False)


def write_contact_pdf(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """A page per twelve takes."""
    _write_contact(takes, out, is_pdf=True)


def write_side_by_side(takes: Sequence[Take], out: Path, _at_s: float | None = None) -> None:
    """One MP4 of all takes on one clock, names burned in."""
    columns = len(takes) if len(takes) <= 3 else math.ceil(math.sqrt(len(takes)))
    height = 480 if len(takes) <= 4 else 360
    _sandboxed(
        "side_by_side",
        sources=[str(take.path) for take in takes],
        labels=[f"{take.clip.model} · {take.clip.prompt.id} · {take.clip.sample}" for take in takes],
        out=str(out),
        height=height,
        columns=columns,
    )


def write_frames(takes: Sequence[Take], out: Path, at_s: float | None = None) -> None:
    """The frame on screen at one moment, of each take, as PNG in full size; of a shorter take, its last."""
    sandbox = Sandbox()
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive, TemporaryDirectory() as folder:
            for take in takes:
                moment = min(at_s or 0.0, take.clip.probe.duration_s)
                picture = Path(folder) / f"{take.clip.id}.png"
                call = {"source": str(take.path), "out": str(picture), "t_s": moment}
                sandbox.call("frame", call, limit_s=300)
                stamp = timecode(moment, take.fps).replace(":", ".")
                archive.write(picture, f"frames/{take.name}_{stamp}.png")
    finally:
        sandbox.close()


def _sandboxed(operation: str, **arguments: Any) -> None:
    sandbox = Sandbox()
    try:
        sandbox.call(operation, arguments, limit_s=LIMIT_S)
    finally:
        sandbox.close()


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


def main() -> None:
    """Write the export that the first argument describes into the folder that the second names."""
    wanted, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    try:
        with Bench.open(create=False) as bench:
            takes = takes_of(bench, wanted["clips"], author=wanted["author"])
            print(export(wanted["kind"], takes, folder, at_s=wanted.get("at_s")).name)
    except VBenchError as error:
        print(error)
        sys.exit(2)


if __name__ == "__main__":
    main()
