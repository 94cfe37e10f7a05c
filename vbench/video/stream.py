"""Reads the video stream of one self-contained file through PyAV."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError

from vbench.errors import ClipError
from vbench.video.facts import FOLDER_FPS, DecodedPicture, Facts, Limits, check_size

# Demuxers that read one self-contained file; playlists (hls, dash, concat) and patterns (image2) are not among them.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpeg,mpegts,flv,live_flv,ogg,asf,ivf,h264,hevc,obu,m4v,yuv4mpegpipe,"
    "mp3,wav,flac,aac"
)


def open_container(path: Path, limits: Limits, *, decoders: str | None = None) -> Any:
    """Open one self-contained local file with PyAV; nothing it points to is followed.

    Args:
        path: The file.
        limits: Of its pictures.
        decoders: Names of the only decoders that may look into it; None: any.

    Raises:
        ClipError: FFmpeg does not know it.
    """
    options = {"protocol_whitelist": "file", "format_whitelist": DEMUXERS, "max_pixels": str(limits.max_pixels)}
    if decoders is not None:
        options["codec_whitelist"] = decoders
    try:
        return av.open(f"file:{path.absolute()}", options=options, metadata_errors="replace")
    except (FFmpegError, ValueError) as error:
        raise ClipError(f"{path}: not a video that can be read; generate or import it again") from error


class StreamSource:
    """The video stream of a container, through PyAV."""

    def __init__(self, path: Path, head: bytes, *, limits: Limits, threads: int, sound: bool, quick: bool) -> None:
        self._path = path
        self._file = open_container(path, limits)
        try:
            self._stream = self._video_stream()
            self._sound = self._file.streams.audio[0] if sound and self._file.streams.audio else None
            context = self._stream.codec_context
            if context is None:  # the build knows no decoder of that name
                raise ClipError(
                    f"{path}: its picture is in a codec that cannot be decoded here; convert it or make it again"
                )
            width, height = (context.width, context.height) if context.width else self._claimed_size(limits)
            check_size(path, width, height, limits)
            self.facts = self._read_header(head)
            if self.facts.header_duration_s > limits.max_seconds:
                raise ClipError(
                    f"{path}: {self.facts.header_duration_s:.0f} s long, at most {limits.max_seconds:.0f} s are read; "
                    "cut it or raise the limit",
                    code="too_long",
                )
            if "1" in (self._stream.metadata.get(key) for key in ("alpha_mode", "ALPHA_MODE")) and self.facts.codec in (
                "vp8",
                "vp9",
            ):
                # The built-in decoder leaves the alpha layer out.
                context = av.CodecContext.create(f"libvpx{'-vp9' if self.facts.codec == 'vp9' else ''}", "r")
            context.options = {"max_pixels": str(limits.max_pixels)} | ({"skip_loop_filter": "all"} if quick else {})
            context.thread_type = "AUTO"
            context.thread_count = threads
            self._context = context
        except BaseException:
            self._file.close()
            raise

    @property
    def index(self) -> int:
        """Of the video stream among all streams of the file."""
        return int(self._stream.index)

    def _video_stream(self) -> Any:
        for stream in self._file.streams.video:
            if not stream.disposition & av.stream.Disposition.attached_pic:
                return stream
        raise ClipError(f"{self._path}: no video stream; give a file with pictures", code="no_video")

    def _claimed_size(self, limits: Limits) -> tuple[int, int]:
        """Width and height by the container alone: a decoder that refused a picture as too large has forgotten them."""
        with closing(open_container(self._path, limits, decoders="none")) as file:
            context = file.streams[self._stream.index].codec_context
            return context.width, context.height

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

    def pictures(self) -> Iterator[DecodedPicture]:
        tick, decode = self._stream.time_base, self._context.decode
        for packet in self._packets():
            try:
                frames = decode(packet)
            except FFmpegError:
                self.facts.n_broken += 1
                continue
            for frame in frames:
                stamp = frame.dts if frame.pts is None else frame.pts
                yield DecodedPicture(
                    frame, None if stamp is None else float(stamp * tick), float(frame.duration * tick)
                )

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
