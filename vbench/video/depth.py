"""Pictures of more than 8 bits a sample, rounded to 8: swscale would dither, and grain that nobody made be measured."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray

PLANAR = re.compile(r"(yuva?4[0-4]{2}p|gbra?p|gray)(9|10|12|14|16)le")
"""Formats whose planes hold samples of two bytes, low byte first, counted from the lowest bit."""
GREY = re.compile(r"(gray|ya)(16|f32)(le|be)")
GREY_TYPES = {"16": {"le": "<u2", "be": ">u2"}, "f32": {"le": "<f4", "be": ">f4"}}
"""swscale takes floating grey for another range, and grey with alpha through colours."""
Convert = Callable[[Any, str], Any]
"""An image and the name of a format → the image in that format, the same size and colours."""


def is_deep(image: Any) -> bool:
    """Whether a sample of the picture has more than 8 bits."""
    return any(part.bits > 8 for part in image.format.components)


def in_8_bits(image: Any, convert: Convert, *, is_full: bool) -> Any:
    """The picture with each sample rounded to 8 bits, in the 8-bit format of its family.

    Args:
        image: `av.VideoFrame` of any format that swscale reads.
        convert: Makes planes of what is packed, by going to more bits, where nothing is lost.
        is_full: Samples fill their range: black is 0.
    """
    if (direct := GREY.fullmatch(image.format.name)) is not None:
        return grey_in_8_bits(image, dtype=GREY_TYPES[direct[2]][direct[3]], has_alpha=direct[1] == "ya")
    n_used = min(16, max(part.bits for part in image.format.components))
    if (match := PLANAR.fullmatch(image.format.name)) is None:
        image = convert(image, planar_form(image.format))
        match = PLANAR.fullmatch(image.format.name)
        assert match is not None  # `planar_form` names no other
    family, bits = match[1], int(match[2])
    flat = av.VideoFrame(image.width, image.height, family)
    flat.color_range, flat.colorspace = image.color_range, image.colorspace
    is_yuv = family.startswith("yuv")
    # swscale fills the bits that it adds to Y'CbCr with zeros, to RGB with the highest bits again
    most = ((1 << n_used) - 1) << (bits - n_used) if is_yuv else (1 << bits) - 1
    middle_code = 1 << (bits - 1)
    for number, (deep, plane) in enumerate(zip(image.planes, flat.planes, strict=True)):
        samples = np.frombuffer(deep, "<u2").reshape(deep.height, -1)[:, : deep.width]
        is_shifted = is_yuv and not is_full and number < 3
        middle = middle_code if is_yuv and number in (1, 2) else 0
        rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
        rows[:, : plane.width] = shifted(samples, bits) if is_shifted else scaled(samples, most, middle)
    return flat


def grey_in_8_bits(image: Any, *, dtype: str, has_alpha: bool) -> Any:
    """One plane of grey, or of grey and alpha in turn, as integers of 16 bits or as floating point from 0 to 1."""
    flat = av.VideoFrame(image.width, image.height, "ya8" if has_alpha else "gray")
    (deep,), (plane,) = image.planes, flat.planes
    n = image.width * (2 if has_alpha else 1)
    samples = np.frombuffer(deep, dtype).reshape(deep.height, -1)[:, :n]
    if samples.dtype.kind == "f":
        samples = (np.nan_to_num(samples).clip(0, 1) * 65535).round()
    rows = np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)
    rows[:, :n] = scaled(samples.astype(np.uint16), 65535, 0)
    return flat


def planar_form(form: Any) -> str:
    """The 16-bit planar format that holds all of a packed, big-endian or floating-point one."""
    name: str = form.name
    if PLANAR.fullmatch(swapped := name.removesuffix("be") + "le"):
        return swapped
    has_alpha = any(part.is_alpha for part in form.components)
    if name.startswith("gray"):
        return "gray16le"
    if form.is_rgb or name.startswith("xyz"):
        return "gbrap16le" if has_alpha else "gbrp16le"
    halves = (form.chroma_width(64) < 64, form.chroma_height(64) < 64)
    ratio = {(True, True): "420", (True, False): "422"}.get(halves, "444")
    return f"yuv{'a' if has_alpha else ''}{ratio}p16le"


def shifted(samples: NDArray[np.uint16], bits: int) -> NDArray[np.uint16]:
    """Limited range: a level of 8 bits is 2 to the power of the other bits."""
    levels: NDArray[np.uint16] = np.minimum(((samples >> (bits - 9)) + 1) >> 1, 255)
    return levels


def scaled(samples: NDArray[np.uint16], most: int, middle: int) -> NDArray[np.uint32]:
    """Full range: the code `most` is white; of a colour difference it is as far from the middle code as one can be."""
    if middle:
        offset = (samples.astype(np.int64) - middle) * 255
        return np.clip((2 * offset + most) // (2 * most) + 128, 0, 255).astype(np.uint32)
    return np.minimum((samples.astype(np.uint32) * 255 + most // 2) // most, 255)
