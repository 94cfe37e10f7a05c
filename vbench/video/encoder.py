"""The one encoder for everything the project writes: H.264, yuv420p, BT.709, constant quality, fast start."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.audio.resampler import AudioResampler
from av.error import FFmpegError
from av.video.frame import PictureType
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc, VideoReformatter
from numpy.typing import NDArray

from vbench.errors import ClipError
from vbench.files import written_whole
from vbench.video.frames import BT709, KERNELS, LIMITED_RANGE

AAC_RATES = frozenset({96000, 88200, 64000, 48000, 44100, 32000, 24000, 22050, 16000, 12000, 11025, 8000, 7350})
THREADS = 4
"""Fixed: x264 gives other bits with other thread counts, and a file must not depend on the machine."""
Audio = tuple[NDArray[np.float32], int]
AudioChunks = tuple[Iterable[NDArray[np.float32]], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class EncoderSettings:
    """How a file was written; goes into records as it is."""

    width: int
    height: int
    fps: str
    """Exact, as a fraction: `24000/1001`."""
    n_frames: int
    crf: int
    preset: str
    gop: int
    """Longest distance between key frames; 0: the encoder's choice."""
    b_frames: bool
    padded_right: int
    """Columns repeated from the edge to make the width even."""
    padded_bottom: int
    audio: str
    """`aac 48000 Hz 2 ch`; empty: silent."""
    n_repeated: int = 0
    """Frames shown again to fill a constant grid."""
    n_dropped: int = 0
    """Frames that shared a step of the grid with a later one."""
    codec: str = "h264"
    pixel_format: str = "yuv420p"
    colour: str = "bt709 limited"
    encoder: str = f"libx264, PyAV {av.__version__}"

    def as_dict(self) -> dict[str, Any]:
        """JSON values only."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class X264Options:
    """How x264 weighs size against quality and time."""

    crf: int
    """Constant quality, 0 to 51, lower is better."""
    preset: str
    """Of speed."""
    gop: int = 0
    """Longest distance between key frames; 0: the encoder's choice."""
    b_frames: bool = True


def exact_rate(fps: float | Fraction) -> Fraction:
    """The frame rate that a rounded number means: 23.976 is 24000/1001, 29.97 is 30000/1001.

    Raises:
        ClipError: It is no rate between 0 and 1000.
    """
    if not 0 < fps <= 1000:
        raise ClipError(f"fps is {fps}; give frames per second between 0 and 1000")
    if isinstance(fps, Fraction):
        return fps
    whole = round(fps)
    if whole and abs(fps - whole) < 2e-3:
        return Fraction(whole)
    film = Fraction(round(fps * 1.001) * 1000, 1001)
    if film and film.numerator // 1000 % 6 == 0 and abs(fps - film) < 6e-3:
        return film
    return Fraction(fps).limit_denominator(1001)


def write_clip(
    frames: Iterable[NDArray[Any]],
    path: Path,
    *,
    fps: float | Fraction,
    crf: int = 16,
    preset: str = "medium",
    audio: Audio | None = None,
    metadata: Mapping[str, str] | None = None,
) -> EncoderSettings:
    """Write an MP4; the same input gives the same bytes, and a file is there whole or not at all.

    Args:
        frames: RGB (H, W, 3), uint8 or float in 0..1, all of one size; odd sizes grow by a repeated edge.
        path: Where to; replaced if it exists.
        fps: Frames per second; 23.976 and its like are taken as the exact fraction.
        crf: x264's constant quality, 0 to 51, lower is better.
        preset: x264's speed preset.
        audio: Samples, float32 (n, channels) in -1..1, and their rate in Hz.
        metadata: Written into the container.

    Raises:
        ClipError: There is no frame, one has another size or kind, or the file cannot be written.
    """
    chunks = None
    if audio is not None:
        samples, rate = audio
        step = max(1, rate // 4)
        chunks = ((samples[start : start + step] for start in range(0, len(samples), step)), rate)
    pictures, x264 = _pictures(frames, Path(path)), X264Options(crf=crf, preset=preset)
    return encode(pictures, path, fps=exact_rate(fps), x264=x264, audio=chunks, metadata=dict(metadata or {}))


@dataclass(slots=True)
class Drawn:
    """One `av.VideoFrame` for the encoder, and what was done to it."""

    image: Any
    padded_right: int = 0
    padded_bottom: int = 0


def encode(
    pictures: Iterable[Drawn],
    path: Path,
    *,
    fps: Fraction,
    x264: X264Options,
    audio: AudioChunks | None = None,
    metadata: Mapping[str, str] | None = None,
) -> EncoderSettings:
    """Encode yuv420p BT.709 pictures of one even size on a constant grid.

    Raises:
        ClipError: There is no picture, or the file cannot be written.
    """
    path = Path(path)
    pictures = iter(pictures)
    first = next(pictures, None)
    if first is None:
        raise ClipError(f"{path}: no frame to write; give at least one", code="empty")
    with output_file(path) as part:
        flags = "+faststart+use_metadata_tags" if metadata else "+faststart"
        with av.open(str(part), "w", format="mp4", options={"movflags": flags}) as file:
            file.metadata.update(metadata or {})
            video = _video_stream(file, first.image, fps, x264)
            track = _AudioTrack(file, *audio) if audio else None
            n_frames = 0
            drawn: Drawn | None = first
            while drawn is not None:
                image = drawn.image
                image.pts, image.time_base = n_frames, 1 / fps
                image.pict_type = PictureType.NONE  # a decoded picture would impose its own type on the encoder
                file.mux(video.encode(image))
                n_frames += 1
                if track:
                    track.write_until(n_frames / fps)
                drawn = next(pictures, None)
            file.mux(video.encode(None))
            if track:
                track.write_until(None)
    return EncoderSettings(
        width=first.image.width,
        height=first.image.height,
        fps=f"{fps.numerator}/{fps.denominator}",
        n_frames=n_frames,
        crf=x264.crf,
        preset=x264.preset,
        gop=x264.gop,
        b_frames=x264.b_frames,
        padded_right=first.padded_right,
        padded_bottom=first.padded_bottom,
        audio=track.name if track else "",
    )


@contextmanager
def output_file(path: Path) -> Iterator[Path]:
    """`written_whole` in a folder that is there already: a misspelt one is no place for a video.

    Raises:
        ClipError: it cannot be written.
    """
    try:
        path.parent.stat()
        with written_whole(path) as part:
            yield part
    except (FFmpegError, OSError) as error:
        raise ClipError(
            f"{path}: cannot be written ({error.strerror or error}); check the folder and the free space",
            code="unwritable",
        ) from error


def _video_stream(file: Any, image: Any, fps: Fraction, x264: X264Options) -> Any:
    options = {"crf": str(x264.crf), "preset": x264.preset, "a53cc": "0"}  # a picture may carry the original's captions
    parameters = ["mbtree=0"]  # x264's macroblock tree reads memory it never wrote: now and then, other bits come out
    if x264.gop:
        parameters += [f"keyint={x264.gop}", "min-keyint=1"]
    options["x264-params"] = ":".join(parameters)
    stream = file.add_stream("libx264", rate=fps, options=options)
    stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv420p"
    context = stream.codec_context
    context.time_base = 1 / fps
    context.thread_count = THREADS
    context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
    context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
    if not x264.b_frames:
        context.max_b_frames = 0
    return stream


class _AudioTrack:
    """AAC beside the pictures, muxed as far as the pictures have come, so that nothing piles up."""

    def __init__(self, file: Any, chunks: Iterable[NDArray[np.float32]], rate: int) -> None:
        self._chunks, self._rate, self._n = iter(chunks), rate, 0
        first = next(self._chunks, None)
        if first is None or first.ndim != 2 or not 1 <= first.shape[1] <= 2:
            shape = "none" if first is None else first.shape
            raise ClipError(f"sound is (n, channels) with 1 or 2 channels; got {shape}; mix it down first")
        self._next: NDArray[np.float32] | None = first
        layout = "mono" if first.shape[1] == 1 else "stereo"
        out_rate = rate if rate in AAC_RATES else 48000
        self._file = file
        self._stream = file.add_stream("aac", rate=out_rate, layout=layout, bit_rate=96_000 * first.shape[1])
        self._resampler = AudioResampler(format="fltp", layout=layout, rate=out_rate)
        self._layout = layout
        self.name = f"aac {out_rate} Hz {first.shape[1]} ch"

    def write_until(self, t_s: Fraction | None) -> None:
        """Encode the chunks that start before `t_s`; None: all that are left."""
        while self._next is not None and (t_s is None or self._n < t_s * self._rate):
            planar = np.ascontiguousarray(self._next.T, dtype=np.float32)
            frame = av.AudioFrame.from_ndarray(planar, format="fltp", layout=self._layout)
            frame.sample_rate, frame.pts, frame.time_base = self._rate, self._n, Fraction(1, self._rate)
            self._n += planar.shape[1]
            self._encode(frame)
            self._next = next(self._chunks, None)
        if t_s is None:
            self._encode(None)
            self._file.mux(self._stream.encode(None))

    def _encode(self, frame: Any) -> None:
        for resampled in self._resampler.resample(frame):
            self._file.mux(self._stream.encode(resampled))


def _pictures(frames: Iterable[NDArray[Any]], path: Path) -> Iterator[Drawn]:
    """RGB arrays as even-sized yuv420p."""
    reformatter, shape = VideoReformatter(), None
    for index, frame in enumerate(frames):
        frame = np.asarray(frame)
        shape = shape or frame.shape
        if frame.ndim != 3 or frame.shape[2] != 3 or frame.shape != shape or not frame.size:
            raise ClipError(
                f"{path}: frame {index} has shape {frame.shape}, the first {shape}; give (H, W, 3), the same for all"
            )
        pixels, right, bottom = as_uint8(frame, index, path), frame.shape[1] % 2, frame.shape[0] % 2
        if right or bottom:
            pixels = np.pad(pixels, ((0, bottom), (0, right), (0, 0)), mode="edge")
        image = reformatter.reformat(
            av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgb24"),
            format="yuv420p",
            dst_colorspace=BT709,
            interpolation=KERNELS["area"],
            src_color_range=int(ColorRange.JPEG),
            dst_color_range=LIMITED_RANGE,
            threads=1,
        )
        yield Drawn(image, right, bottom)


def as_uint8(frame: NDArray[Any], index: int, path: Path) -> NDArray[np.uint8]:
    """uint8 as it is; floats from 0..1, rounded.

    Raises:
        ClipError: Another type, a value that is not finite, or floats on another scale.
    """
    if frame.dtype == np.uint8:
        return frame.astype(np.uint8, copy=False)
    if not np.issubdtype(frame.dtype, np.floating):
        raise ClipError(f"{path}: frame {index} is {frame.dtype}; give uint8, or float in 0..1")
    low, high = float(frame.min()), float(frame.max())
    if not (math.isfinite(low) and math.isfinite(high)) or low < -0.01 or high > 1.01:
        raise ClipError(f"{path}: frame {index} has values from {low:g} to {high:g}; floats go from 0 to 1")
    rounded: NDArray[np.uint8] = np.rint(np.clip(frame, 0, 1) * 255).astype(np.uint8)
    return rounded
