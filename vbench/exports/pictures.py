"""Pictures of the takes: contact sheets, one video of all on one clock, and the frames on screen at a moment."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from PIL import Image, ImageDraw

from vbench.exports.folder import VIDEO_LIMIT_S
from vbench.exports.takes import ExportWish, Take, timecode
from vbench.video import fonts
from vbench.video.sandbox import Sandbox

PAGE = (1754, 1240)
"""A4 across at 150 dots per inch, in pixels."""
MARGIN, GAP, TEXT = 50, 24, 124
COLUMNS, ROWS = 4, 3
GREY = "#444"


def contact_sheets(takes: Sequence[Take], stills: Sequence[Path]) -> list[Image.Image]:
    """Pages of posters with tool, prompt, stars and first note."""
    cell_width = (PAGE[0] - 2 * MARGIN - (COLUMNS - 1) * GAP) // COLUMNS
    cell_height = (PAGE[1] - 2 * MARGIN - (ROWS - 1) * GAP) // ROWS
    pages: list[Image.Image] = []
    for number, (take, still) in enumerate(zip(takes, stills, strict=True)):
        place = number % (COLUMNS * ROWS)
        if place == 0:
            pages.append(_empty_page(len(pages) + 1, -(-len(takes) // (COLUMNS * ROWS))))
        left = MARGIN + place % COLUMNS * (cell_width + GAP)
        top = MARGIN + place // COLUMNS * (cell_height + GAP)
        with Image.open(still) as picture:
            thumb = picture.convert("RGB")
        thumb.thumbnail((cell_width, cell_height - TEXT))
        pages[-1].paste(thumb, (left + (cell_width - thumb.width) // 2, top))
        _caption(ImageDraw.Draw(pages[-1]), take, left, top + cell_height - TEXT + 6, cell_width)
    return pages


def _empty_page(number: int, of: int) -> Image.Image:
    page = Image.new("RGB", PAGE, "white")
    corner = (PAGE[0] - MARGIN, PAGE[1] - MARGIN // 2)
    ImageDraw.Draw(page).text(corner, f"{number} / {of}", font=fonts.font(16), fill=GREY, anchor="rm")
    return page


def _caption(draw: ImageDraw.ImageDraw, take: Take, left: int, top: int, width: int) -> None:
    """Tool and stars, file and length, prompt, first note: a line each."""
    stars = " " + "*" * take.choice.stars if take.choice.stars else ""
    stars += f" ({take.choice.state})" if take.choice.state else ""
    note = f"{timecode(take.notes[0].start_s, take.fps)} {take.notes[0].text}" if take.notes else ""
    lines = (
        (20, "black", f"{take.clip.model}{stars}"),
        (16, GREY, f"{take.clip.probe.duration_s:.1f} s · {take.file}"),
        (16, GREY, take.clip.prompt.text),
        (16, GREY, note),
    )
    for size, colour, text in lines:
        font = fonts.font(size)
        draw.text((left, top), _fitted(draw, " ".join(text.split()), font, width), font=font, fill=colour)
        top += size + 9


def _fitted(draw: ImageDraw.ImageDraw, text: str, font: Any, width: int) -> str:
    """As much of a text as fits, found by halving: a prompt may have thousands of letters."""
    if draw.textlength(text, font=font) <= width:
        return text
    fits, too_many = 0, len(text)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        if draw.textlength(text[:middle] + "…", font=font) <= width:
            fits = middle
        else:
            too_many = middle
    return text[:fits] + "…"


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


def write_contact_png(takes: Sequence[Take], out: Path, _wish: ExportWish) -> None:
    """All pages in one picture."""
    _write_contact(takes, out, is_pdf=False)


def write_contact_pdf(takes: Sequence[Take], out: Path, _wish: ExportWish) -> None:
    """A page per twelve takes."""
    _write_contact(takes, out, is_pdf=True)


# --- video and frames -------------------------------------------------------------------------------------------------


def write_side_by_side(takes: Sequence[Take], out: Path, _wish: ExportWish) -> None:
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


def write_frames(takes: Sequence[Take], out: Path, wish: ExportWish) -> None:
    """The frame on screen at one moment, of each take, as PNG in full size; of a shorter take, its last."""
    sandbox = Sandbox()
    try:
        with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive, TemporaryDirectory() as folder:
            for take in takes:
                seconds = take.clip.probe.duration_s
                moment = min(wish.at_s or 0.0, seconds)
                picture = Path(folder) / f"{take.clip.id}.png"
                call = {"source": str(take.path), "out": str(picture), "t_s": moment}
                sandbox.call("frame", call, limit_s=300)
                shown_s = min(moment, max(0.0, seconds - 1 / take.fps))  # from there on, the last frame
                stamp = timecode(shown_s, take.fps).replace(":", ".")
                archive.write(picture, f"frames/{take.name}_{stamp}.png")
    finally:
        sandbox.close()


def _sandboxed(operation: str, **arguments: Any) -> None:
    sandbox = Sandbox()
    try:
        sandbox.call(operation, arguments, limit_s=VIDEO_LIMIT_S)
    finally:
        sandbox.close()
