"""Decoded frames on a clean clock, converted only to what a consumer asks for."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Literal

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace, Interpolation, VideoReformatter
from numpy.typing import NDArray

from vbench.errors import ClipError, OptionError
from vbench.records import Probe
from vbench.video.depth import PLANAR, in_8_bits, is_deep
from vbench.video.facts import DEFAULT_LIMITS, DecodedPicture, Facts, Limits, VideoSource
from vbench.video.source import open_source

Kernel = Literal["area", "bilinear", "bicubic", "plain"]
"""Scaling; `plain` is swscale's own default, untagged colours taken for BT.601: the pixels OpenCV and decord give."""

# Without these two flags swscale's fast paths are wrong by up to 4 levels.
_EXACT = Interpolation.ACCURATE_RND | Interpolation.FULL_CHR_H_INT
KERNELS: dict[str, int] = {
    "area": int(Interpolation.AREA | _EXACT),
    "bilinear": int(Interpolation.BILINEAR | _EXACT),
    "bicubic": int(Interpolation.BICUBIC | _EXACT),
    "plain": int(Interpolation.BICUBIC),
}
# Values of AVColorSpace (ITU-T H.273 matrix coefficients) that swscale knows.
MATRICES = {1: 1, 4: 4, 5: 5, 6: 5, 7: 7, 9: 9, 10: 9}
FULL_RANGE, LIMITED_RANGE = int(ColorRange.JPEG), int(ColorRange.MPEG)
BT709, BT601 = int(Colorspace.ITU709), int(Colorspace.ITU601)


class Lens:
    """How the pictures of one clip become upright frames of one size; holds the reused converters."""

    __slots__ = ("_alpha", "_deep", "_reformatters", "height", "is_mirrored", "rotation", "width")

    def __init__(self, image: Any, aspect: float) -> None:
        self.rotation, self.is_mirrored = orientation(image)
        # The shorter direction grows, so that no detail is lost.
        width, height = (image.width * aspect, image.height) if aspect >= 1 else (image.width, image.height / aspect)
        width, height = max(1, round(width)), max(1, round(height))
        self.width, self.height = (height, width) if self.rotation % 180 else (width, height)
        self._reformatters: dict[tuple[int, int, str, str], VideoReformatter] = {}
        self._alpha: dict[str, bool] = {}
        self._deep: dict[str, bool] = {}

    def has_alpha(self, image: Any) -> bool:
        """Whether the pixel format carries transparency."""
        name = image.format.name
        if (known := self._alpha.get(name)) is None:
            known = self._alpha[name] = any(part.is_alpha for part in image.format.components)
        return known

    def flat(self, image: Any) -> Any:
        """The image with at most 8 bits a sample."""
        name = image.format.name
        if (known := self._deep.get(name)) is None:
            known = self._deep[name] = is_deep(image)
        size = image.width, image.height
        if known:
            is_full = colour_of(image)[1] == FULL_RANGE
            return in_8_bits(image, lambda deep, form: self.convert(deep, size, form, "area"), is_full=is_full)
        if name.endswith(("555be", "565be", "444be")):  # swscale makes RGB of these as if their bytes were in order
            return self.convert(image, size, f"{name[:-2]}le", "area")
        return image

    def over_black(self, image: Any) -> Any:
        """The image without its alpha, in RGB."""
        rgba = self.convert(self.flat(image), (image.width, image.height), "rgba", "area").to_ndarray()
        alpha, rgb = rgba[..., 3:], rgba[..., :3]
        if int(alpha.min()) < 255:
            rgb = ((rgb.astype(np.uint16) * alpha + 127) // 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(np.ascontiguousarray(rgb), "rgb24")

    def luma_over_black(self, image: Any) -> Any:
        """The image without its alpha, for its luma: of Y'CbCr the luma that was decoded, as if it had no alpha."""
        if is_rgb(image):
            return self.over_black(image)
        image = self.flat(image)
        if not image.format.name.startswith("yuva"):
            image = self.convert(image, (image.width, image.height), "yuva444p", "area")
        opaque = av.VideoFrame(image.width, image.height, image.format.name.replace("yuva", "yuv"))
        opaque.color_range, opaque.colorspace = image.color_range, image.colorspace
        luma, *chroma, alpha = (_rows(plane) for plane in image.planes)
        black = 0 if colour_of(image)[1] == FULL_RANGE else 16
        if int(alpha.min()) < 255:
            above = luma.astype(np.int32) - black
            luma = ((above * alpha + 127) // 255 + black).clip(0, 255).astype(np.uint8)
        for plane, rows in zip(opaque.planes, (luma, *chroma), strict=True):
            _rows(plane)[:] = rows
        return opaque

    def is_transparent(self, image: Any) -> bool:
        """Whether any pixel lets the black behind it through."""
        if not self.has_alpha(image):
            return False
        rgba = self.convert(self.flat(image), (image.width, image.height), "rgba", "area").to_ndarray()
        return int(rgba[..., 3].min()) < 255

    def convert(self, image: Any, size: tuple[int, int], form: str, kernel: Kernel) -> Any:
        """Scale and convert with swscale, keeping the picture's orientation."""
        key = (*size, form, kernel)
        if (reformatter := self._reformatters.get(key)) is None:
            reformatter = self._reformatters[key] = VideoReformatter()
        matrix, levels = colour_of(image, untagged=BT601 if kernel == "plain" else None)
        is_encoding = form == "yuv420p"
        target = BT709 if is_encoding else matrix
        if form == "gray":
            # swscale takes grey for BT.601; said of both sides, luma stays what it is.
            matrix = target = BT601
        return reformatter.reformat(
            image,
            width=size[0],
            height=size[1],
            format=form,
            src_colorspace=matrix,
            dst_colorspace=target,
            interpolation=KERNELS[kernel],
            src_color_range=levels,
            dst_color_range=LIMITED_RANGE if is_encoding else levels if PLANAR.fullmatch(form) else FULL_RANGE,
            threads=1,
        )

    def luma(self, image: Any, size: tuple[int, int] | None, kernel: Kernel) -> NDArray[np.uint8]:
        """Upright luma; that of an RGB picture by BT.709, through 4:4:4, as grey would be BT.601."""
        if is_rgb(image):
            image = self.convert(image, (image.width, image.height), "yuv444p", "area")
        return self.array(image, size, "gray", kernel)

    def array(self, image: Any, size: tuple[int, int] | None, form: str, kernel: Kernel) -> NDArray[np.uint8]:
        """Upright pixels at `size` (width, height)."""
        width, height = size or (self.width, self.height)
        if width < 1 or height < 1:
            raise ValueError(f"size is (width, height) in pixels, both at least 1; got {size}")
        stored = (height, width) if self.rotation % 180 else (width, height)
        pixels: NDArray[np.uint8] = self.convert(image, stored, form, kernel).to_ndarray()
        if self.is_mirrored:
            pixels = pixels[:, ::-1]
        if self.rotation:
            pixels = np.rot90(pixels, k=-self.rotation // 90)
        return np.ascontiguousarray(pixels)


def _rows(plane: Any) -> NDArray[np.uint8]:
    """The samples of one plane of bytes, to read and to write."""
    return np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, -1)[:, : plane.width]


class Frame:
    """One frame of a clip; pixels are made when asked for.

    A frame may hold one of the decoder's buffers: convert it, then let go of it.
    """

    __slots__ = ("_flat", "_image", "_lens", "duration_s", "height", "index", "t_s", "width")

    def __init__(self, image: Any, lens: Lens, index: int, t_s: float, duration_s: float) -> None:
        self._image = image
        self._flat: Any = None
        self._lens = lens
        self.index = index
        self.t_s = t_s
        self.duration_s = duration_s
        self.width = lens.width
        self.height = lens.height

    def rgb(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3), upright, full range.

        Args:
            size: (width, height) in pixels; None: as displayed.
            kernel: Used for scaling, and for the chroma of subsampled formats.
        """
        return self._lens.array(self._opaque(), size, "rgb24", kernel)

    def luma(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> NDArray[np.uint8]:
        """Luma uint8 (H, W), upright, full range: black is 0, white 255; an RGB picture's by BT.709.

        Args:
            size: (width, height) in pixels; None: as displayed.
            kernel: Used for scaling.
        """
        has_alpha = self._lens.has_alpha(self._image)
        image = self._lens.luma_over_black(self._image) if has_alpha else self._opaque()
        return self._lens.luma(image, size, kernel)

    def yuv420p(self, size: tuple[int, int]) -> Any:
        """Limited-range BT.709 `av.VideoFrame` at an even `size` (width, height), for the encoder."""
        lens = self._lens
        if lens.rotation or lens.is_mirrored:
            upright = av.VideoFrame.from_ndarray(lens.array(self._opaque(), size, "rgb24", "area"), "rgb24")
            return lens.convert(upright, size, "yuv420p", "area")
        return lens.convert(self._opaque(), size, "yuv420p", "area")

    @property
    def is_transparent(self) -> bool:
        """Whether any pixel lets the black behind it through."""
        return self._lens.is_transparent(self._image)

    def _opaque(self) -> Any:
        """The picture in at most 8 bits and without alpha, made once."""
        if self._flat is None:
            has_alpha = self._lens.has_alpha(self._image)
            self._flat = self._lens.over_black(self._image) if has_alpha else self._lens.flat(self._image)
        return self._flat


def is_rgb(image: Any) -> bool:
    """Whether the samples are R, G, B, or one grey that stands for all three."""
    return bool(image.format.is_rgb) or image.format.name in ("gray", "ya8", "pal8")


def colour_of(image: Any, *, untagged: int | None = None) -> tuple[int, int]:
    """Matrix (a swscale number) and range of a picture: as tagged, else `untagged`, or as its kind and size suggest."""
    if is_rgb(image):
        return BT709, FULL_RANGE
    is_hd = image.width >= 1280 or image.height > 576
    matrix = MATRICES.get(image.colorspace, untagged or (BT709 if is_hd else BT601))
    if image.format.name.startswith("yuvj"):
        return matrix, FULL_RANGE
    return matrix, FULL_RANGE if image.color_range == FULL_RANGE else LIMITED_RANGE


def orientation(image: Any) -> tuple[int, bool]:
    """Degrees clockwise (0, 90, 180, 270) and mirroring (before the turn) that show a picture upright."""
    matrix = image.side_data.get("DISPLAYMATRIX")
    if matrix is None:
        return 0, False
    a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
    is_mirrored = a * d - b * c < 0
    angle = math.degrees(math.atan2(-b, -a) if is_mirrored else math.atan2(b, a))
    return round(angle / 90) % 4 * 90, is_mirrored


def read_frames(
    path: Path, *, limits: Limits = DEFAULT_LIMITS, threads: int = 0, fps: float | None = None
) -> Iterator[Frame]:
    """Stream the frames of a clip; memory does not grow with its length.

    A damaged file gives the frames that can be had; `probe` says what is missing.

    Args:
        path: A local video file, animated picture, picture, or folder of PNG or JPG frames.
        limits: What is refused unread.
        threads: Decoder threads; 0 lets the decoder choose.
        fps: Rate of a folder of frames (24 where None); a file carries its own.

    Raises:
        ClipError: No frame can be decoded, or a limit is passed.
    """
    with closing(open_source(Path(path), limits=limits, threads=threads, fps=fps)) as source:
        yield from frames_of(source, Path(path), limits)


def frames_of(source: VideoSource, path: Path, limits: Limits) -> Iterator[Frame]:
    """The pictures of an open source as frames; repairs of the clock are counted in its warnings.

    Raises:
        ClipError: No frame can be decoded, or a limit is passed.
    """
    lens: Lens | None = None
    for index, (picture, t_s, duration_s) in enumerate(on_screen(source.pictures(), source.facts, path, limits)):
        lens = lens or lens_of(picture, source.facts, path, limits)
        yield Frame(picture.image, lens, index, t_s, duration_s)


def lens_of(picture: DecodedPicture, facts: Facts, path: Path, limits: Limits) -> Lens:
    """How the pictures of a clip are shown, by its first.

    Raises:
        ClipError: They are shown at more pixels than the limit.
    """
    lens = Lens(picture.image, facts.aspect)
    if lens.width * lens.height > limits.max_pixels:
        raise ClipError(
            f"{path}: shown at {lens.width} x {lens.height} pixels, at most {limits.max_pixels:,} are decoded; "
            "scale it down first",
            code="too_large",
        )
    return lens


def on_screen(
    pictures: Iterator[DecodedPicture], facts: Facts, path: Path, limits: Limits
) -> Iterator[tuple[DecodedPicture, float, float]]:
    """Each picture with the seconds from the first frame at which it appears, and for how many it stays.

    Raises:
        ClipError: There is none, or the clip is longer than the limit.
    """
    shown: tuple[DecodedPicture, float] | None = None
    n_shown = 0
    for picture, t_s in on_clean_clock(pictures, facts):
        if t_s > limits.max_seconds:
            raise ClipError(
                f"{path}: longer than the {limits.max_seconds:.0f} s that are read; cut it or raise the limit",
                code="too_long",
            )
        if shown is not None:
            yield *shown, t_s - shown[1]
            n_shown += 1
        shown = picture, t_s
    if shown is None:
        raise ClipError(f"{path}: no frame could be decoded; delete it and generate or import it again")
    is_still = facts.container in ("png", "jpeg", "webp") and n_shown == 0
    yield *shown, shown[0].duration_s or (0.0 if is_still else facts.interval_s)


def on_clean_clock(pictures: Iterator[DecodedPicture], facts: Facts) -> Iterator[tuple[DecodedPicture, float]]:
    """Seconds from the first frame, finite and strictly increasing.

    An absent or backward timestamp becomes one nominal interval after the frame before, a repeated one half of that,
    so that the frame after it can keep its own.
    """
    n_absent = n_repeated = n_backward = 0
    start_s: float | None = None
    last_s, last_raw = -facts.interval_s, -math.inf
    for picture in pictures:
        raw = picture.t_s
        if raw is None or not math.isfinite(raw):
            n_absent += 1
            t_s = last_s + facts.interval_s
        else:
            if start_s is None:
                start_s = raw - (last_s + facts.interval_s)
            t_s = raw - start_s
            if t_s <= last_s:
                is_repeated = raw == last_raw
                n_repeated, n_backward = n_repeated + is_repeated, n_backward + (not is_repeated)
                t_s = last_s + facts.interval_s / (2 if is_repeated else 1)
            last_raw = raw
        last_s = t_s
        yield picture, t_s
    for count, what in ((n_absent, "absent"), (n_repeated, "repeated"), (n_backward, "backward")):
        if count:
            facts.warnings.append(f"{count} {what} timestamp{'s' if count > 1 else ''} repaired")


# --- frames in memory, for measures inside a training loop ----------------------------------------------------------


def array_frames(rgb: NDArray[np.uint8], fps: float) -> Iterator[Frame]:
    """The same frames that a lossless file of these pictures would give.

    Args:
        rgb: RGB uint8 (T, H, W, 3).
        fps: Frames per second.
    """
    lens: Lens | None = None
    for index, picture in enumerate(rgb):
        image = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), "rgb24")
        lens = lens or Lens(image, 1.0)
        yield Frame(image, lens, index, index / fps, 1 / fps)


def array_probe(rgb: NDArray[np.uint8], fps: float) -> Probe:
    """Facts of frames in memory.

    Raises:
        OptionError: not RGB uint8 (T, H, W, 3) with at least one frame, or no rate.
    """
    if rgb.dtype != np.uint8 or rgb.ndim != 4 or rgb.shape[-1] != 3 or 0 in rgb.shape:
        raise OptionError(f"expected RGB uint8 frames of shape (T, H, W, 3); found {rgb.dtype} {rgb.shape}")
    if not fps > 0:
        raise OptionError(f"fps is {fps}; expected frames per second, above 0")
    return Probe(
        container="memory",
        codec="raw",
        pixel_format="rgb24",
        width=rgb.shape[2],
        height=rgb.shape[1],
        rotation=0,
        n_frames=len(rgb),
        fps=float(fps) if len(rgb) > 1 else 0.0,
        duration_s=len(rgb) / fps,
        is_vfr=False,
        bit_depth=8,
        has_alpha=False,
        has_audio=False,
        size_bytes=rgb.nbytes,
    )
