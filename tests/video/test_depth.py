"""One picture gives one number, whatever pixel format it is stored in."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from av.video.reformatter import VideoReformatter

from tests.video import clips
from vbench.features.picture import banding, blockiness, look_at, sharpness
from vbench.video import read_frames
from vbench.video.frames import BT601, FULL_RANGE, KERNELS, LIMITED_RANGE, Frame, Lens

RATIOS = {(32, 24): "420", (32, 48): "422", (64, 48): "444", (64, 24): "440", (16, 48): "411", (16, 12): "410"}


def family(name: Any) -> str | None:
    """The plain 8-bit format that holds the same picture; None: not for pictures of a clip."""
    form = av.VideoFormat(name, 64, 48)
    if (
        not form.components
        or max(part.bits for part in form.components) < 8
        or name.startswith(("pal", "bayer", "xyz"))
    ):
        return None
    if name.startswith(("gray", "ya")):
        return "gray"
    if form.is_rgb or name.startswith("gbr"):
        return "rgb24"
    return f"yuv{RATIOS[form.chroma_width(64), form.chroma_height(48)]}p"


def converted(image: Any, name: Any, levels: Any) -> Any:
    """The same samples in another format: by going to no fewer bits."""
    ranges = {"src_color_range": levels, "dst_color_range": levels}
    made = VideoReformatter().reformat(
        image,
        format=name,
        src_colorspace=BT601,
        dst_colorspace=BT601,
        interpolation=KERNELS["area"],
        threads=1,
        **ranges,
    )
    made.color_range = levels
    return made


def pixels(image: Any) -> Any:
    """Luma, luma at half the size, and RGB, as integers."""
    lens = Lens(image, 1.0)
    asked = [Frame(image, lens, 0, 0.0, 1.0) for _ in range(3)]
    arrays = asked[0].luma(), asked[1].luma((32, 24)), asked[2].rgb()
    return [array.astype(int) for array in arrays]


@pytest.fixture(scope="module")
def picture() -> Any:
    rng = np.random.default_rng(0)
    rgb = clips.moving(2)[1].astype(int) + rng.integers(-30, 30, (48, 64, 3))
    return av.VideoFrame.from_ndarray(rgb.clip(0, 255).astype(np.uint8), "rgb24")


@pytest.mark.parametrize("levels", [LIMITED_RANGE, FULL_RANGE], ids=["limited", "full"])
@pytest.mark.parametrize("name", sorted(name for name in av.video.format.names if not name.startswith("d3d")))
def test_every_format_gives_the_numbers_of_8_bits(picture: Any, name: Any, levels: Any) -> None:
    try:
        base = family(name)
    except (ValueError, KeyError):
        base = None
    if base is None or (name.startswith("yuvj") and levels == LIMITED_RANGE):
        return
    levels = levels if base.startswith("yuv") else FULL_RANGE
    plain = converted(picture, base, levels)
    try:
        stored = converted(plain, name, levels)
    except (OSError, ValueError):  # a format that swscale does not write
        return
    for kind, got, right in zip(("luma", "small luma", "rgb"), pixels(stored), pixels(plain), strict=True):
        difference = np.abs(got - right)
        tolerance = 2 if name.startswith("ya") or base == "rgb24" else 1
        assert difference.max() <= tolerance, (kind, difference.max())
        assert difference.mean() < 0.25, (kind, difference.mean())
        if levels == LIMITED_RANGE and kind == "luma":
            assert not difference.any()


@pytest.mark.parametrize("name", ["yuv420p10le", "yuv422p12le", "yuv444p16le", "p010le", "yuva420p10le", "yuv420p10be"])
@pytest.mark.parametrize("levels", [LIMITED_RANGE, FULL_RANGE], ids=["limited", "full"])
def test_rounding_is_that_of_numpy(name: str, levels: Any) -> None:
    """Codes between two levels go to the nearer one."""
    bits = {"10": 10, "12": 12, "16": 16}[name.removesuffix("le").removesuffix("be")[-2:]]
    codes = np.linspace(0, (1 << bits) - 1, 64 * 48).round().astype(np.uint16).reshape(48, 64)
    image = av.VideoFrame(64, 48, name)
    image.color_range = levels
    for number, plane in enumerate(image.planes):
        shift = 6 if name == "p010le" else 0
        middle = 1 << (bits - 1) if number else 0
        top = (1 << bits) - 1
        dtype = ">u2" if name.endswith("be") else "<u2"
        rows = np.frombuffer(memoryview(plane), dtype).reshape(plane.height, -1)
        rows[:] = (top if number == 3 else middle) << shift
        if number == 0:
            rows[:, :64] = codes << shift
    got = Frame(image, Lens(image, 1.0), 0, 0.0, 1.0).luma().astype(int)
    if levels == FULL_RANGE:
        right = np.floor(codes * 255.0 / ((1 << bits) - 1) + 0.5)
    else:
        level = np.minimum(np.floor(codes / 2.0 ** (bits - 8) + 0.5), 255)
        right = ((level.clip(16, 235) - 16) * 255 / 219).round()
    assert np.abs(got - right).max() <= 1
    assert np.abs(got - right).mean() < 0.1


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize(("name", "bits"), [("rgb555", 5), ("rgb565", 6), ("rgb444", 4), ("bgr565", 6)])
def test_coarse_colours_are_read_in_either_order_of_bytes(picture: Any, name: str, bits: int, order: str) -> None:
    rgb = picture.to_ndarray().astype(np.uint16)
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if name.startswith("bgr"):
        red, blue = blue, red
    outer = min(bits, 5)
    codes = (red >> (8 - outer) << (bits + outer)) | (green >> (8 - bits) << outer) | (blue >> (8 - outer))
    image = av.VideoFrame(64, 48, name + order)
    rows = np.frombuffer(memoryview(image.planes[0]), "<u2" if order == "le" else ">u2").reshape(48, -1)
    rows[:, :64] = codes
    got = Frame(image, Lens(image, 1.0), 0, 0.0, 1.0).rgb().astype(int)
    assert np.abs(got - rgb).max() <= 1 << (8 - outer)


def stairs(width: int = 320, height: int = 180) -> Any:
    """A sky of few colours, 6 levels apart from left to right."""
    level = (60 + np.arange(width) * 120 // width // 6 * 6).astype(np.uint8)
    return np.repeat(np.repeat(level[None, :, None], height, 0), 3, 2)


def test_a_staircase_of_10_bits_has_its_sharpness_and_bands(tmp_path: Path) -> None:
    numbers = []
    for pix_fmt in ("yuv420p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv444p16le"):
        path = clips.encode(tmp_path / f"{pix_fmt}.mkv", [stairs()] * 2, codec="ffv1", pix_fmt=pix_fmt)
        frame = next(read_frames(path))
        luma = frame.luma()
        numbers.append((sharpness(luma), blockiness(luma), banding(luma), *look_at(luma, frame.rgb(), luma)[:3]))
    for other in numbers[1:]:
        assert other == pytest.approx(numbers[0], abs=0.01)


def test_alpha_changes_no_luma_that_it_does_not_cover(picture: Any) -> None:
    opaque = converted(picture, "yuv420p", LIMITED_RANGE)
    covered = converted(opaque, "yuva420p", LIMITED_RANGE)
    wanted = Frame(opaque, Lens(opaque, 1.0), 0, 0.0, 1.0).luma()
    assert np.array_equal(Frame(covered, Lens(covered, 1.0), 0, 0.0, 1.0).luma(), wanted)
    rows = np.frombuffer(memoryview(covered.planes[3]), np.uint8).reshape(48, -1)
    rows[:24] = 0
    frame = Frame(covered, Lens(covered, 1.0), 0, 0.0, 1.0)
    assert frame.is_transparent
    assert not frame.luma()[:24].any()
    assert np.array_equal(frame.luma()[24:], wanted[24:])
