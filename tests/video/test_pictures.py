"""Pictures for tools: what is refused and why, what is made plain and said, what stays byte for byte."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vbench.errors import OptionError
from vbench.video.pictures import MAX_BYTES, TakenPicture, check_same_shape, read_picture, take_picture


def ramp(width: int = 96, height: int = 64) -> Image.Image:
    """Red rises to the right, green downwards."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    return Image.fromarray(np.stack([x, y, np.full_like(x, 80)], axis=-1).astype(np.uint8))


def saved(path: Path, image: Image.Image, **options: Any) -> Path:
    image.save(path, **options)
    return path


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".webp"])
def test_a_plain_picture_is_kept_byte_for_byte(tmp_path: Path, suffix: str) -> None:
    source = saved(tmp_path / f"a{suffix}", ramp())
    taken = take_picture(source, tmp_path / "kept")
    assert taken.notes == ()
    assert (taken.width, taken.height) == (96, 64)
    assert taken.path.read_bytes() == source.read_bytes()
    assert taken.path.name == hashlib.sha256(source.read_bytes()).hexdigest()[:32] + suffix
    assert take_picture(taken.path, tmp_path / "kept") == taken


def test_transparency_is_laid_over_black_and_said(tmp_path: Path) -> None:
    image = ramp().convert("RGBA")
    image.putalpha(Image.new("L", image.size, 128))
    taken = take_picture(saved(tmp_path / "a.png", image), tmp_path / "kept")
    assert taken.notes == (f"{tmp_path / 'a.png'}: has transparency; it was laid over black",)
    assert np.abs(read_picture(taken.path).astype(int) - np.asarray(ramp()).astype(int) * 128 / 255).max() <= 1


def test_an_opaque_layer_is_left_out_and_said(tmp_path: Path) -> None:
    taken = take_picture(saved(tmp_path / "a.png", ramp().convert("RGBA")), tmp_path / "kept")
    assert "a layer for transparency; it was left out" in taken.notes[0]
    assert (read_picture(taken.path) == np.asarray(ramp())).all()


def test_sixteen_bits_become_eight_without_clipping(tmp_path: Path) -> None:
    deep = np.linspace(0, 65535, 96 * 64).reshape(64, 96).astype(np.uint16)
    taken = take_picture(saved(tmp_path / "a.png", Image.fromarray(deep)), tmp_path / "kept")
    assert "has 16 bits; it was made 8 bits" in taken.notes[0]
    assert (read_picture(taken.path)[..., 0] == deep >> 8).all()


def test_a_turned_photograph_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right
    taken = take_picture(saved(tmp_path / "a.png", ramp(), exif=exif), tmp_path / "kept")
    assert (taken.width, taken.height) == (64, 96)
    assert "turned upright" in taken.notes[0]
    assert (read_picture(taken.path) == np.rot90(np.asarray(ramp()), -1)).all()


def test_print_colours_become_rgb(tmp_path: Path) -> None:
    taken = take_picture(saved(tmp_path / "a.jpg", ramp().convert("CMYK")), tmp_path / "kept")
    assert "CMYK" in taken.notes[0]
    assert read_picture(taken.path).shape == (64, 96, 3)


def _text(path: Path) -> None:
    path.write_text("no picture")


def _animated(path: Path) -> None:
    ramp().save(path, "WEBP", save_all=True, append_images=[ramp().rotate(90), ramp().rotate(45)])


def _heic(path: Path) -> None:
    path.write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 200)


def _cut(path: Path) -> None:
    ramp(300, 200).save(path, "PNG")
    path.write_bytes(path.read_bytes()[:400])


def _heavy(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MAX_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (_text, "is no picture that can be read; give a PNG, JPEG or WebP"),
        (_animated, r"is animated \(3 pictures\); save the one frame you mean"),
        (lambda path: ramp().save(path, "GIF"), "is a GIF; save the one frame"),
        (_heic, "is a HEIC or AVIF picture, which few tools take; save it as PNG or JPEG"),
        (_cut, "the picture is damaged"),
        (_heavy, "has 30 MiB, tools take at most 30"),
        (lambda path: ramp(8200, 2100).save(path, "PNG"), "is 8200x2100, at most 8192 pixels a side"),
        (lambda path: ramp(40, 40).save(path, "PNG"), "is 40x40, at least 64 pixels a side are needed"),
        (lambda path: ramp(640, 100).save(path, "PNG"), "is 640x100, longer than 4 to 1; crop it"),
        (lambda path: None, "cannot be read .No such file"),
    ],
)
def test_what_no_tool_could_use_is_refused_with_a_sentence(tmp_path: Path, make: Any, says: str) -> None:
    make(tmp_path / "a")
    with pytest.raises(OptionError, match=says):
        take_picture(tmp_path / "a", tmp_path / "kept")
    assert not list(tmp_path.glob("kept/*"))


def test_a_message_calls_the_picture_what_its_owner_calls_it(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    with pytest.raises(OptionError, match=r"^https://example\.org/a\.png: is no picture"):
        take_picture(tmp_path / "a", tmp_path / "kept", name="https://example.org/a.png")


def test_first_and_last_frame_have_one_shape() -> None:
    def of(width: int, height: int) -> TakenPicture:
        return TakenPicture(path=Path("a"), width=width, height=height, notes=())

    check_same_shape(of(1280, 720), of(1920, 1080), name="x")
    check_same_shape(of(1280, 720), of(854, 480), name="x")
    with pytest.raises(
        OptionError, match=r"the first frame is 1280x720 and the last one 720x1280; a clip has one shape"
    ):
        check_same_shape(of(1280, 720), of(720, 1280), name="x")
