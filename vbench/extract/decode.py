"""One pass over one clip: decode, let stream features see each frame, and cut out the frames that backbones want.

Also which decoder the frames come from: a choice of the run, part of every score made from frames, never swapped
silently.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeVar, cast, get_args

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.contracts import (
    Bytes,
    FileFeature,
    Floats,
    FrameRequest,
    Kernel,
    Settings,
    SourceFile,
    StreamFeature,
    mean_abs_difference,
    small_luma,
    small_size,
)
from vbench.errors import ItemError, OptionError
from vbench.records import Probe
from vbench.video import Frame, probe, read_frames
from vbench.video.device_frames import DeviceFrame, check_torchcodec, read_device_frames

T = TypeVar("T")
VideoFrame = Frame | DeviceFrame
PassFeature = StreamFeature | FileFeature
"""A feature computed in the pass over a clip, in the process that decodes."""
Backend = Literal["pyav", "torchcodec", "nvdec"]
SETTING = "decode.backend"
SETTINGS = {
    SETTING: "what decodes video: pyav, nvdec (torchcodec on the CUDA device of the run) or torchcodec (on the CPU, to "
    "check nvdec against); default pyav",
}
SAME_LEVELS = 0.05
"""Luma MAE below which a frame is a duplicate of the one before."""
SAME_BLOCK_LEVELS = 1.2
"""... or of which no 8 x 8 block changes its mean luma by more. An encoder goes on refining a frozen picture: at x264's
CRF 16 that moves the MAE by up to 0.5 levels and a block by up to 1.0; slow motion in real clips moves one by 1.2 to 2
from frame to frame, and as frames are compared with the last one that was new, it adds up."""
SAME_LIGHT_LEVELS = 0.25
"""... unless the mean luma of the whole picture moves by more: that is light, which flickers or fades. What an encoder
refines goes up here and down there; at x264's CRF 16 to 30 it moves the mean by up to 0.12 levels."""
CHUNK_BYTES = 4 << 20
_CV2_KERNELS = {"linear": cv2.INTER_LINEAR, "cubic": cv2.INTER_CUBIC}


class SharedFrame:
    """A decoded frame whose conversions are kept while any feature needs them; implements `contracts.ClipFrame`."""

    __slots__ = ("_frame", "_memo", "change", "height", "index", "is_new", "t_s", "width")

    def __init__(self, frame: VideoFrame) -> None:
        self._frame = frame
        self._memo: dict[Any, Any] = {}
        self.index, self.t_s = frame.index, frame.t_s
        self.width, self.height = frame.width, frame.height
        self.is_new, self.change = True, 0.0

    def memo(self, key: Any, make: Callable[[], T]) -> T:
        if key not in self._memo:
            self._memo[key] = make()
        value: T = self._memo[key]
        return value

    def rgb(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        return self._pixels("rgb", size, kernel)

    def luma(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> Bytes:
        return self._pixels("luma", size, kernel)

    def _pixels(self, form: str, size: tuple[int, int] | None, kernel: Kernel) -> Bytes:
        if size == (self.width, self.height):
            size = None
        convert = getattr(self._frame, form)
        if kernel == "plain":
            if size is not None:
                raise ValueError("plain frames come at their own size; resize them yourself")
            return self.memo((form, None, kernel), lambda: convert(None, kernel))
        if size is None:
            return self.memo((form, None), convert)
        if kernel == "area":
            return self.memo((form, size, kernel), lambda: convert(size, "area"))
        whole = self._pixels(form, None, "area")
        # OpenCV's plain kernels, since swscale's are always antialiased
        resized = np.asarray(cv2.resize(whole, size, interpolation=_CV2_KERNELS[kernel]), np.uint8)
        return self.memo((form, size, kernel), lambda: resized)

    def let_go(self) -> None:
        """Forget full-size conversions; the frame may yet be picked as the one before the next."""
        for key in [key for key in self._memo if isinstance(key, tuple) and key[1] is None]:
            del self._memo[key]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToDecode:
    """One clip on its way through."""

    number: int
    """Position in the list of clips; events name their clip by it."""
    path: Path
    probe: Probe | None = None
    """None: probe it first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """Some frames of one clip for one request."""

    clip: int
    """`ToDecode.number`."""
    request: int
    probe: Probe
    t_s: Floats
    frame: NDArray[np.int64]
    frames: Bytes
    """RGB (N, h, w, 3)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Decoded:
    """The end of a pass."""

    clip: int
    values: dict[str, Any]
    """Feature of the pass → its value, or the ItemError that says why there is none."""
    probe: Probe
    decode_s: float
    feature_s: float
    n_frames: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NotDecoded:
    """The end of a pass over a clip that could not be decoded."""

    clip: int
    code: str
    message: str


ClipEvent = Chunk | Decoded | NotDecoded
"""What a pass tells: chunks as they fill, then one of the two ends."""


@dataclass(slots=True)
class _Cutter:
    """Collects the frames of one request into chunks."""

    clip: int
    number: int
    request: FrameRequest
    probe: Probe
    t_s: list[float] = field(default_factory=list)
    index: list[int] = field(default_factory=list)
    frames: list[Bytes] = field(default_factory=list)

    def take(self, picks: Sequence[tuple[Any, float]]) -> Iterator[Chunk]:
        for frame, t_s in picks:
            self.t_s.append(t_s)
            self.index.append(frame.index)
            self.frames.append(frame.memo(("cut", self.number), lambda frame=frame: self.request.cut(frame)))
            if len(self.frames) * self.frames[0].nbytes >= CHUNK_BYTES:
                yield self.flush()

    def flush(self) -> Chunk:
        chunk = Chunk(
            clip=self.clip,
            request=self.number,
            probe=self.probe,
            t_s=np.array(self.t_s),
            frame=np.array(self.index, np.int64),
            frames=np.stack(self.frames),
        )
        self.t_s, self.index, self.frames = [], [], []
        return chunk


def shared_frames(frames: Iterator[VideoFrame]) -> Iterator[SharedFrame]:
    """Frames that know whether they are new."""
    kept: Bytes | None = None
    for decoded in frames:
        frame = SharedFrame(decoded)
        luma = small_luma(frame)
        if kept is not None and luma.shape == kept.shape:
            frame.change = mean_abs_difference(luma, kept)
            frame.is_new = frame.change >= SAME_LEVELS and (
                light_change(luma, kept) > SAME_LIGHT_LEVELS or block_change(luma, kept) > SAME_BLOCK_LEVELS
            )
        if frame.is_new:
            kept = luma
        yield frame


def light_change(a: Bytes, b: Bytes) -> float:
    """By how much the mean luma of the whole picture differs, in 8-bit levels."""
    return abs(float(cv2.mean(a)[0]) - float(cv2.mean(b)[0]))


def block_change(a: Bytes, b: Bytes) -> float:
    """Largest change of mean luma over 8 x 8 blocks, in 8-bit levels; grain and coding noise cancel within a block."""
    difference = cv2.subtract(a, b, dtype=cv2.CV_32F)
    size = (max(1, a.shape[1] // 8), max(1, a.shape[0] // 8))
    return float(np.abs(cv2.resize(difference, size, interpolation=cv2.INTER_AREA)).max())


def run_clip(
    clip: ToDecode,
    features: Sequence[PassFeature],
    requests: Sequence[FrameRequest],
    *,
    decode_on: str | None = None,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[Chunk | Decoded]:
    """Decode a clip once; gives chunks as they fill, and `Decoded` last. Memory does not grow with the clip.

    Args:
        clip: The file.
        features: Stream and file features to compute.
        requests: Frames to cut out for backbones.
        decode_on: Device on which torchcodec decodes; None: PyAV decodes.
        beat: Called once per frame, to show a sign of life.

    Raises:
        ClipError: the file cannot be decoded.
    """
    facts = clip.probe if clip.probe is not None else probe(clip.path, threads=1)
    frames: Iterator[VideoFrame]
    if decode_on is None:
        frames = read_frames(clip.path, threads=1)
    else:
        frames = read_device_frames(clip.path, facts, device=decode_on, common=small_size)
    source = SourceFile(path=clip.path, probe=facts)
    yield from run_frames(source, frames, features, requests, number=clip.number, beat=beat)


def run_frames(
    source: SourceFile,
    frames: Iterator[VideoFrame],
    features: Sequence[PassFeature],
    requests: Sequence[FrameRequest],
    *,
    number: int = 0,
    beat: Callable[[], None] = lambda: None,
) -> Iterator[Chunk | Decoded]:
    """As `run_clip`, over frames that come from anywhere."""
    facts = source.probe
    values: dict[str, Any] = {}
    running = {}
    for feature in features:
        if isinstance(feature, StreamFeature):
            try:
                running[feature.name] = feature.open(source)
            except ItemError as error:
                values[feature.name] = error
    cutters = [_Cutter(number, place, request, facts) for place, request in enumerate(requests)]
    samplers = [request.sampling.open(facts) for request in requests]
    feature_s, last_t, end_s, n_frames = 0.0, 0.0, 0.0, 0
    started = time.perf_counter()
    previous: SharedFrame | None = None
    for frame in shared_frames(frames):
        work = time.perf_counter()
        n_frames += 1
        beat()
        end_s, last_t = frame.t_s + (frame.t_s - last_t), frame.t_s
        for name in list(running):
            try:
                running[name].add(frame)
            except ItemError as error:
                values[name] = error
                del running[name]
        for cutter, sampler in zip(cutters, samplers, strict=True):
            yield from cutter.take(sampler.add(frame))
        if previous is not None:
            previous.let_go()
        previous = frame
        feature_s += time.perf_counter() - work
    work = time.perf_counter()
    for name, accumulator in running.items():
        try:
            values[name] = accumulator.close(end_s)
        except ItemError as error:
            values[name] = error
    for feature in features:
        if isinstance(feature, FileFeature):
            try:
                values[feature.name] = feature.read(source)
            except ItemError as error:
                values[feature.name] = error
    for cutter, sampler in zip(cutters, samplers, strict=True):
        yield from cutter.take(sampler.close(end_s))
        if cutter.frames:
            yield cutter.flush()
    feature_s += time.perf_counter() - work
    decode_s = time.perf_counter() - started - feature_s
    yield Decoded(clip=number, values=values, probe=facts, decode_s=decode_s, feature_s=feature_s, n_frames=n_frames)


def backend_of(settings: Settings) -> Backend:
    """The chosen decoder.

    Raises:
        OptionError: there is no such decoder.
    """
    chosen = settings.get(SETTING, "pyav")
    if chosen not in get_args(Backend):
        raise OptionError(f"{SETTING} is {chosen!r}; expected {', '.join(get_args(Backend))}")
    return cast("Backend", chosen)


def decode_on(settings: Settings) -> str | None:
    """The device on which torchcodec decodes, `cpu` or `cuda:N`; None: PyAV decodes."""
    return {"pyav": None, "torchcodec": "cpu", "nvdec": settings.device}[backend_of(settings)]


def check_decoder(settings: Settings) -> None:
    """Refuse a decoder that cannot work here, before anything is decoded.

    Raises:
        OptionError: torchcodec or what it stands on is missing, or the run is not on a CUDA device.
    """
    backend = backend_of(settings)
    if backend == "pyav":
        return
    if backend == "nvdec" and settings.device == "cpu":
        raise OptionError(
            f"{SETTING} is nvdec, which decodes on a CUDA device, and the device of this run is cpu; "
            "use --device cuda where there is one, or leave decode.backend out"
        )
    check_torchcodec("cpu" if backend == "torchcodec" else settings.device)
