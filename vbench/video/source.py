"""Opens a video file or a folder of frames and yields its pictures as the decoder gives them."""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import av
import numpy as np
from av.error import FFmpegError
from PIL import Image

from vbench.errors import ClipError

FOLDER_FPS = 24.0
ANIMATION_DEFAULT_S = 0.1
"""What browsers show where an animated picture claims 10 ms or less per frame."""

# Demuxers that read one self-contained file; playlists (hls, dash, concat) and patterns (image2) are not among them.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpeg,mpegts,flv,live_flv,ogg,asf,ivf,h264,hevc,obu,m4v,yuv4mpegpipe,"
    "mp3,wav,flac,aac"
)
PLAYLISTS = (b"#EXTM3U", b"ffconcat", b"[playlist]", b"<MPD", b"<?xml", b"<smil", b"#EXT-")
IMAGE_FORMATS = ("WEBP", "PNG", "JPEG")
FOLDER_SUFFIXES = frozenset({".png", ".jpg", ".jpeg"})
IMAGE_ERRORS = (OSError, SyntaxError, ValueError, EOFError)
"""What Pillow raises for a damaged picture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much one clip may ask for; what passes them is refused before it is decoded."""

    max_pixels: int = 50_000_000
    """Of one frame; 8K has 33 million."""
    max_seconds: float = 4 * 3600.0
    max_bytes: int = 16 * 2**30


DEFAULT_LIMITS = Limits()


class Picture(NamedTuple):
    """One decoded picture, in the decoder's own format."""

    image: Any
    """`av.VideoFrame`."""
    t_s: float | None
    """On the container's clock; None where it has no timestamp."""
    duration_s: float
    """0 where unknown."""


@dataclass(slots=True, kw_only=True)
class Facts:
    """What is known of a source so far; grows while its pictures are read."""

    container: str
    codec: str
    tick_s: float
    """The container's time base."""
    interval_s: float
    """Nominal seconds per frame, used where a timestamp is missing."""
    header_n_frames: int = 0
    header_duration_s: float = 0.0
    aspect: float = 1.0
    """Sample aspect ratio: width of a pixel over its height."""
    audio_codec: str = ""
    audio_start_s: float = math.inf
    audio_end_s: float = -math.inf
    n_broken: int = 0
    """Packets or pictures that could not be decoded."""
    warnings: list[str] = field(default_factory=list)


class Source(Protocol):
    """A file or folder that is open for one pass."""

    facts: Facts

    def pictures(self) -> Iterator[Picture]:
        """Decoded pictures in presentation order."""

    def close(self) -> None:
        """Give the file back."""


def open_source(
    path: Path, *, limits: Limits, threads: int = 0, fps: float | None = None, sound: bool = False, quick: bool = False
) -> Source:
    """Open what lies at `path` by its content, never by its name.

    Args:
        path: A local regular file, or a folder of PNG or JPG frames.
        limits: What is refused unread.
        threads: Decoder threads; 0 lets the decoder choose.
        fps: Rate of a folder of frames; a file carries its own.
        sound: Also measure the span of the sound stream.
        quick: Leave out the loop filter: for counting frames, not for looking at them.

    Raises:
        ClipError: The path is not such a file, or passes a limit.
    """
    if path.is_dir():
        return FolderSource(path, limits=limits, fps=fps)
    head = check_file(path, limits)
    if is_image(head):
        return ImageSource(path, limits=limits)
    return StreamSource(path, head, limits=limits, threads=threads, sound=sound, quick=quick)


def check_file(path: Path, limits: Limits) -> bytes:
    """The first bytes of a local regular file that is no playlist.

    Raises:
        ClipError: It is something else, is empty, cannot be read, or passes `limits.max_bytes`.
    """
    try:
        facts = path.stat()
        if not stat.S_ISREG(facts.st_mode):
            raise ClipError(f"{path}: a pipe, socket or device; give a local file", code="protocol")
        with path.open("rb") as file:
            head = file.read(64)
    except (OSError, ValueError) as error:
        raise ClipError(f"{path}: cannot be read ({error}); check the path and its permissions") from error
    if not head:
        raise ClipError(f"{path}: the file is empty; generate or import it again", code="empty")
    if facts.st_size > limits.max_bytes:
        raise ClipError(
            f"{path}: {facts.st_size:,} bytes, at most {limits.max_bytes:,} are read; cut it or raise the limit",
            code="too_large",
        )
    if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(PLAYLISTS):
        raise ClipError(f"{path}: a playlist that points to other files; give the video file itself", code="protocol")
    return head


def open_container(path: Path, limits: Limits) -> Any:
    """Open one self-contained local file with PyAV; nothing it points to is followed.

    Raises:
        ClipError: FFmpeg does not know it.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "max_pixels": str(limits.max_pixels)}
    try:
        return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise ClipError(f"{path}: not a video that can be read; generate or import it again") from error


def is_image(head: bytes) -> bool:
    """Whether a file starts like WebP, PNG or JPEG, which Pillow reads."""
    return head.startswith((b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP")


def check_size(path: Path, width: int, height: int, limits: Limits) -> None:
    """Refuse a picture larger than the limit.

    Raises:
        ClipError: Its pixels pass `limits.max_pixels`.
    """
    if width * height > limits.max_pixels:
        raise ClipError(
            f"{path}: {width} x {height} pixels, at most {limits.max_pixels:,} are decoded; scale it down first",
            code="too_large",
        )


class StreamSource:
    """The video stream of a container, through PyAV."""

    def __init__(self, path: Path, head: bytes, *, limits: Limits, threads: int, sound: bool, quick: bool) -> None:
        self._path = path
        self._file = open_container(path, limits)
        try:
            self._stream = self._video_stream()
            self._sound = self._file.streams.audio[0] if sound and self._file.streams.audio else None
            context = self._stream.codec_context
            check_size(path, context.width, context.height, limits)
            self.facts = self._read_header(head)
            if self.facts.header_duration_s > limits.max_seconds:
                raise ClipError(
                    f"{path}: {self.facts.header_duration_s:.0f} s long, at most {limits.max_seconds:.0f} s are read; "
                    "cut it or raise the limit",
                    code="too_long",
                )
            if self._stream.metadata.get("alpha_mode") == "1" and self.facts.codec in ("vp8", "vp9"):
                # The built-in decoder leaves the alpha layer out.
                context = av.CodecContext.create(f"libvpx{'-vp9' if self.facts.codec == 'vp9' else ''}", "r")
            context.options = {"max_pixels": str(limits.max_pixels)} | ({"skip_loop_filter": "all"} if quick else {})
            context.thread_type = "AUTO"
            context.thread_count = threads
            self._context = context
        except BaseException:
            self._file.close()
            raise

    def _video_stream(self) -> Any:
        for stream in self._file.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic:
                return stream
        raise ClipError(f"{self._path}: no video stream; give a file with pictures", code="no_video")

    def _read_header(self, head: bytes) -> Facts:
        stream, file = self._stream, self._file
        rate = stream.average_rate or stream.guessed_rate
        duration_s = float(stream.duration * stream.time_base) if stream.duration else _tag_seconds(stream.metadata)
        if not duration_s and file.duration and not file.streams.audio:
            duration_s = file.duration / av.time_base
        return Facts(
            container=_container_name(file, head),
            codec=stream.codec_context.codec.canonical_name,
            tick_s=float(stream.time_base),
            interval_s=1 / float(rate) if rate and 0 < rate <= 1000 else 1 / FOLDER_FPS,
            header_n_frames=stream.frames or _tag_count(stream.metadata),
            header_duration_s=duration_s,
            aspect=float(stream.sample_aspect_ratio or 1) or 1.0,
            audio_codec=self._sound.codec_context.codec.canonical_name if self._sound else "",
        )

    def pictures(self) -> Iterator[Picture]:
        tick, decode = self._stream.time_base, self._context.decode
        for packet in self._packets():
            try:
                frames = decode(packet)
            except FFmpegError:
                self.facts.n_broken += 1
                continue
            for frame in frames:
                stamp = frame.dts if frame.pts is None else frame.pts
                yield Picture(frame, None if stamp is None else float(stamp * tick), float(frame.duration * tick))

    def _packets(self) -> Iterator[Any]:
        """Packets of the video stream, then None to drain the decoder; measures the sound on the way."""
        streams = (self._stream, self._sound) if self._sound else (self._stream,)
        try:
            for packet in self._file.demux(*streams):
                if not packet.size:
                    continue
                if packet.stream_index != self._stream.index:
                    self._measure_sound(packet)
                elif packet.is_corrupt:
                    self.facts.n_broken += 1
                else:
                    yield packet
        except FFmpegError as error:
            self.facts.warnings.append(f"reading stopped early: {error.strerror}")
        yield None

    def _measure_sound(self, packet: Any) -> None:
        if packet.pts is not None:
            start_s = float(packet.pts * packet.time_base)
            self.facts.audio_start_s = min(self.facts.audio_start_s, start_s)
            self.facts.audio_end_s = max(
                self.facts.audio_end_s, start_s + float((packet.duration or 0) * packet.time_base)
            )

    def close(self) -> None:
        self._file.close()


class ImageSource:
    """A still or animated WebP, PNG or JPEG, through Pillow, which composes and disposes its frames."""

    def __init__(self, path: Path, *, limits: Limits) -> None:
        self._path = path
        self._image = open_image(path, limits)
        kind = (self._image.format or "").lower()
        self._n = int(getattr(self._image, "n_frames", 1))
        # An animated PNG may carry a cover picture that is no part of the animation.
        self._first = 1 if getattr(self._image, "default_image", False) and self._n > 1 else 0
        self.facts = Facts(
            container="apng" if kind == "png" and self._n > 1 else kind,
            codec=kind,
            tick_s=0.001,
            interval_s=ANIMATION_DEFAULT_S,
            header_n_frames=self._n - self._first,
        )

    def pictures(self) -> Iterator[Picture]:
        t_s, n_short = 0.0, 0
        for index in range(self._first, self._n):
            try:
                self._image.seek(index)
                frame = as_frame(self._image)
            except IMAGE_ERRORS as error:
                self.facts.n_broken += 1
                self.facts.warnings.append(f"reading stopped early: {error}")
                break
            duration_s = float(self._image.info.get("duration") or 0) / 1000
            if self.facts.header_n_frames == 1:
                duration_s = 0.0
            elif duration_s <= 0.01:
                duration_s, n_short = ANIMATION_DEFAULT_S, n_short + 1
            yield Picture(frame, t_s, duration_s)
            t_s += duration_s
        if n_short:
            self.facts.warnings.append(f"{n_short} frames claim 10 ms or less; taken as 100 ms, as browsers show them")

    def close(self) -> None:
        self._image.close()


class FolderSource:
    """A folder of PNG or JPG frames, in the natural order of their numbers."""

    def __init__(self, path: Path, *, limits: Limits, fps: float | None) -> None:
        entries = sorted((entry for entry in path.iterdir() if not entry.name.startswith(".")), key=natural_key)
        self._frames = [entry for entry in entries if entry.suffix.lower() in FOLDER_SUFFIXES and entry.is_file()]
        self._limits = limits
        if not self._frames:
            raise ClipError(f"{path}: a folder without PNG or JPG frames; give a video file or frames", code="no_video")
        if fps is not None and not 0 < fps <= 1000:
            raise ClipError(f"{path}: fps is {fps}; give a rate between 0 and 1000")
        self._interval_s = 1 / (fps or FOLDER_FPS)
        if len(self._frames) * self._interval_s > limits.max_seconds:
            raise ClipError(
                f"{path}: {len(self._frames)} frames are more than {limits.max_seconds:.0f} s; "
                "give fewer or raise the limit",
                code="too_long",
            )
        suffix = self._frames[0].suffix.lower()
        self.facts = Facts(
            container="folder",
            codec="png" if suffix == ".png" else "jpeg",
            tick_s=1e-6,
            interval_s=self._interval_s,
            header_n_frames=len(self._frames),
        )
        if fps is None:
            self.facts.warnings.append(f"a folder of frames tells no rate; {FOLDER_FPS:g} fps assumed")
        if n_other := len(entries) - len(self._frames):
            self.facts.warnings.append(f"{n_other} entries of the folder are not PNG or JPG and were left out")

    def pictures(self) -> Iterator[Picture]:
        for index, path in enumerate(self._frames):
            try:
                with open_image(path, self._limits) as image:
                    frame = as_frame(image)
            except IMAGE_ERRORS as error:
                raise ClipError(f"{path}: frame {index} of the folder cannot be decoded ({error})") from error
            yield Picture(frame, index * self._interval_s, self._interval_s)

    def close(self) -> None:
        """Nothing stays open between frames."""


def natural_key(path: Path) -> list[tuple[int, int, str]]:
    """Sorts `frame2` before `frame10`."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part), "") if index % 2 else (1, 0, part.lower()) for index, part in enumerate(parts)]


def open_image(path: Path, limits: Limits) -> Image.Image:
    """Read a picture's header with Pillow and check its size.

    Raises:
        ClipError: It is no WebP, PNG or JPEG, or passes `limits.max_pixels`.
    """
    try:
        image = Image.open(path, formats=IMAGE_FORMATS)
    except Image.DecompressionBombError as error:
        raise ClipError(f"{path}: {error}; scale it down first", code="too_large") from error
    except IMAGE_ERRORS as error:
        raise ClipError(f"{path}: not a picture that can be read; make or import it again") from error
    try:
        check_size(path, *image.size, limits)
    except ClipError:
        image.close()
        raise
    return image


def as_frame(image: Image.Image) -> Any:
    """The current frame of a Pillow image as `av.VideoFrame`, rgba where it is transparent, else rgb24."""
    if image.mode.startswith("I;16") or image.mode == "I":
        # Pillow's own conversion clips 16 bit at 255.
        grey = (np.asarray(image).astype(np.uint32) >> 8).clip(0, 255).astype(np.uint8)
        return av.VideoFrame.from_ndarray(np.repeat(grey[..., None], 3, axis=2), "rgb24")
    has_alpha = image.has_transparency_data
    pixels = np.asarray(image.convert("RGBA" if has_alpha else "RGB"))
    return av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), "rgba" if has_alpha else "rgb24")


def _container_name(file: Any, head: bytes) -> str:
    name = str(file.format.name)
    if name.startswith("mov"):
        return "mov" if file.metadata.get("major_brand", "qt  ").startswith("qt") else "mp4"
    if name.startswith("matroska"):
        return "webm" if b"webm" in head else "mkv"
    return name


def _tag_count(metadata: dict[str, str]) -> int:
    text = metadata.get("NUMBER_OF_FRAMES", "")
    return int(text) if text.isdecimal() else 0


def _tag_seconds(metadata: dict[str, str]) -> float:
    """Matroska's statistics tag `DURATION`, as `HH:MM:SS.fraction`."""
    match = re.fullmatch(r"(\d+):(\d+):(\d+(?:\.\d+)?)", metadata.get("DURATION", ""))
    return int(match[1]) * 3600 + int(match[2]) * 60 + float(match[3]) if match else 0.0
