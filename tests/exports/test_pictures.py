"""Contact sheets, one video of all takes, frames at a moment."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import av
import pytest
from PIL import Image, ImageDraw

from vbench.errors import ClipError
from vbench.exports import ExportWish, Take, export, pictures
from vbench.video import fonts


def test_contact_sheets(takes: list[Take], tmp_path: Path) -> None:
    with Image.open(export("contact_png", takes * 5, tmp_path)) as sheet:
        assert sheet.size == (pictures.PAGE[0], pictures.PAGE[1] * 2)  # 15 takes, 12 a page
        colours = sheet.convert("RGB").getcolors(maxcolors=2**24)
        assert colours is not None
        assert len(colours) > 20
    data = export("contact_pdf", takes * 5, tmp_path).read_bytes()
    assert data.startswith(b"%PDF")
    assert data.count(b"/Type /Page\n") == 2
    assert {path.name for path in tmp_path.iterdir()} == {"contact-sheet.png", "contact-sheet.pdf", "bench"}


def test_one_video_of_all(takes: list[Take], tmp_path: Path) -> None:
    out = export("side_by_side", takes, tmp_path)
    with av.open(str(out)) as file:
        stream = file.streams.video[0]
        assert stream.frames == 12
        assert stream.width >= 3 * 640
        frame = next(file.decode(video=0)).to_ndarray(format="gray")
    bar = frame[:30]
    assert bar.max() > 200  # names are burnt in above the pictures


def test_frames_at_a_moment(takes: list[Take], tmp_path: Path) -> None:
    with zipfile.ZipFile(export("frames", takes, tmp_path, ExportWish(at_s=0.5))) as archive:
        names = archive.namelist()
        assert names[0] == "frames/boat_alpha_0_00.00.00.04.png"
        with Image.open(io.BytesIO(archive.read(names[0]))) as picture:
            assert (picture.size, picture.format) == ((64, 48), "PNG")
    with zipfile.ZipFile(export("frames", takes, tmp_path, ExportWish(at_s=99.0))) as archive:
        names = archive.namelist()
        assert names[0] == "frames/boat_alpha_0_00.00.01.03.png"  # a shorter take gives its last frame, the twelfth
        assert len(names) == 3


@pytest.mark.parametrize("text", ["short", "long " * 2000, "", "镜头" * 3000])
def test_a_caption_is_as_long_as_there_is_room(text: str) -> None:
    draw, font = ImageDraw.Draw(Image.new("RGB", (10, 10))), fonts.font(16)
    shown = pictures._fitted(draw, text, font, 300)
    assert draw.textlength(shown, font=font) <= 300
    if shown != text:
        assert shown.endswith("…")
        assert draw.textlength(shown + "mm", font=font) > 280  # no room is wasted


def test_a_font_of_this_system_is_used_where_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "FONTS", ("/nowhere.ttf",))
    fonts.font.cache_clear()
    assert fonts.font(16).getname()[0]  # Pillow's own
    monkeypatch.setattr(fonts, "FONTS", ("/nowhere.ttf", "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
    fonts.font.cache_clear()
    if Path(fonts.FONTS[1]).exists():
        assert fonts.font(16).getname()[0] == "DejaVu Sans"
    fonts.font.cache_clear()


def test_an_export_that_fails_leaves_nothing(takes: list[Take], tmp_path: Path) -> None:
    takes[1].path.write_bytes(b"garbage")
    with pytest.raises(ClipError):
        export("side_by_side", takes, tmp_path)
    with pytest.raises(ClipError):
        export("contact_png", takes, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["bench"]
