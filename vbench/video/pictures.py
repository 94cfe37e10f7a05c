"""Pictures that clips start from, end on or refer to: checked, made plain, and kept under the digest of their bytes."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps

from vbench.errors import OptionError
from vbench.files import written_whole
from vbench.video.images import IMAGE_ERRORS, IMAGE_FORMATS

MAX_BYTES = 30 * 2**20
MAX_SIDE, MIN_SIDE = 8192, 64
MAX_RATIO = 4.0
"""Of the longer side to the shorter: no tool takes a longer strip."""
SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "WEBP": ".webp"}
ORIENTATION = 0x0112
"""The tag of a photograph that says how it is turned."""
DEEP, LAID = "{name}: has 16 bits; it was made 8 bits", "transparency; it was laid over black"
HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"mif1", b"msf1", b"avif")
SAME_SHAPE = 0.02
"""Two frames of one clip may differ so far in their ratio: sides are rounded to even pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenPicture:
    """A picture that can be sent to tools: 8 bits, no transparency, upright."""

    path: Path
    """Named by the digest of its bytes."""
    width: int
    height: int
    notes: tuple[str, ...]
    """What was changed so that tools can take it, in sentences."""


def take_picture(source: Path, folder: Path, *, name: str = "") -> TakenPicture:
    """Check a picture, make it plain where it is not, and keep it in a folder.

    Transparency is laid over black, as clips with transparent pixels are shown; 16 bits become 8; a picture that a
    camera stored turned is turned upright. A picture that needs none of this is kept byte for byte.

    Args:
        source: PNG, JPEG or WebP.
        folder: Where it is kept.
        name: What messages call it; empty: its path.

    Raises:
        OptionError: it is no picture, animated, too large, too small or too narrow.
    """
    name = name or str(source)
    data = _bytes_of(source, name)
    try:
        with _opened(data, name) as image:
            _check(image, name)
            image.load()
            plain, notes = _plain(image, data, name)
            kind = str(image.format)
    except IMAGE_ERRORS as error:
        raise OptionError(f"{name}: the picture is damaged ({error}); save or download it again") from None
    if notes:
        buffer = io.BytesIO()
        plain.save(buffer, "PNG")
        data, kind = buffer.getvalue(), "PNG"
    path = folder / f"{hashlib.sha256(data).hexdigest()[:32]}{SUFFIXES[kind]}"
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as part:
            part.write_bytes(data)
    return TakenPicture(path=path, width=plain.width, height=plain.height, notes=tuple(notes))


def check_picture(source: Path) -> tuple[int, int]:
    """(width, height) of a picture that `take_picture` would take, from its header alone.

    Raises:
        OptionError: it would not.
    """
    with _opened(_bytes_of(source, str(source)), str(source)) as image:
        _check(image, str(source))
        return image.size


def check_same_shape(first: TakenPicture, last: TakenPicture, *, name: str) -> None:
    """Refuse a first and a last frame that cannot be frames of one clip.

    Raises:
        OptionError: their ratios differ by more than 2 %.
    """
    off = (first.width / first.height) / (last.width / last.height)
    if abs(off - 1) > SAME_SHAPE:
        raise OptionError(
            f"{name}: the first frame is {first.width}x{first.height} and the last one {last.width}x{last.height}; "
            "a clip has one shape, so crop one of them to that of the other"
        )


def read_picture(path: Path) -> NDArray[np.uint8]:
    """RGB uint8 (H, W, 3) of a picture that `take_picture` has kept.

    Raises:
        OSError: it is not there, or no picture any more.
    """
    with Image.open(path, formats=IMAGE_FORMATS) as image:
        return np.asarray(image.convert("RGB"), np.uint8)


def _bytes_of(source: Path, name: str) -> bytes:
    try:
        size = source.stat().st_size
        if size > MAX_BYTES:
            raise OptionError(
                f"{name}: the picture has {size / 2**20:.0f} MiB, tools take at most {MAX_BYTES / 2**20:.0f}; "
                "save it smaller, or as JPEG"
            )
        return source.read_bytes()
    except OSError as error:
        raise OptionError(f"{name}: cannot be read ({error.strerror}); give the path of a PNG, JPEG or WebP") from None


def _opened(data: bytes, name: str) -> Image.Image:
    if data[4:8] == b"ftyp" and data[8:12] in HEIF_BRANDS:
        raise OptionError(f"{name}: is a HEIC or AVIF picture, which few tools take; save it as PNG or JPEG")
    if data.startswith(b"GIF8"):
        raise OptionError(f"{name}: is a GIF; save the one frame you mean as PNG or JPEG")
    try:
        return Image.open(io.BytesIO(data), formats=IMAGE_FORMATS)
    except Image.DecompressionBombError:
        raise OptionError(f"{name}: the picture is too large; give one of at most {MAX_SIDE} pixels a side") from None
    except IMAGE_ERRORS:
        raise OptionError(f"{name}: is no picture that can be read; give a PNG, JPEG or WebP") from None


def _check(image: Image.Image, name: str) -> None:
    width, height = image.size
    if (n := int(getattr(image, "n_frames", 1))) > 1:
        raise OptionError(f"{name}: is animated ({n} pictures); save the one frame you mean as PNG or JPEG")
    if max(width, height) > MAX_SIDE:
        raise OptionError(f"{name}: is {width}x{height}, at most {MAX_SIDE} pixels a side are taken; scale it down")
    if min(width, height) < MIN_SIDE:
        raise OptionError(
            f"{name}: is {width}x{height}, at least {MIN_SIDE} pixels a side are needed; give a larger one"
        )
    if max(width, height) / min(width, height) > MAX_RATIO:
        raise OptionError(
            f"{name}: is {width}x{height}, longer than {MAX_RATIO:g} to 1; crop it to the shape of the clip you want"
        )


def _plain(image: Image.Image, data: bytes, name: str) -> tuple[Image.Image, list[str]]:
    """The picture as 8-bit RGB without transparency, upright, and a sentence for each thing that was changed."""
    notes: list[str] = []
    plain = image
    if image.getexif().get(ORIENTATION, 1) != 1:
        plain = ImageOps.exif_transpose(image)
        notes.append(f"{name}: is stored turned; it was turned upright")
    if plain.mode.startswith("I"):  # Pillow's own conversion clips 16 bits at 255
        plain = Image.fromarray((np.asarray(plain).astype(np.int64) >> 8).clip(0, 255).astype(np.uint8))
        notes.append(DEEP.format(name=name))
    elif data.startswith(b"\x89PNG") and data[24] == 16:  # of colour, which Pillow reads as 8 bits
        notes.append(DEEP.format(name=name))
    if plain.has_transparency_data:
        rgba = plain.convert("RGBA")
        is_opaque = rgba.getchannel("A").getextrema() == (255, 255)
        notes.append(f"{name}: has {'a layer for transparency; it was left out' if is_opaque else LAID}")
        plain = Image.alpha_composite(Image.new("RGBA", rgba.size, (0, 0, 0, 255)), rgba)
    elif plain.mode == "CMYK":
        notes.append(f"{name}: is in the colours of print (CMYK); it was made RGB")
    return plain.convert("RGB"), notes
