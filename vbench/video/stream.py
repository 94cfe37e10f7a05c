"""Reads the video stream of one self-contained file through PyAV."""

from __future__ import annotations

import heapq
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.error import FFmpegError
from av.stream import Disposition

from vbench.errors import ClipError
from vbench.video.facts import FOLDER_FPS, DecodedPicture, Facts, Limits, browser_delay_s, check_size, short_delays
from vbench.video.structure import NEVER_END_IN_ZEROS, ends_in_zeros, is_cut_off

# Demuxers that read one self-contained file; playlists (hls, dash, concat) and patterns (image2) are not among them.
DEMUXERS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,gif,avi,mpeg,mpegts,flv,live_flv,ogg,asf,ivf,h264,hevc,obu,m4v,yuv4mpegpipe,"
    "mp3,wav,flac,aac"
)

COVERS = Disposition.attached_pic | Disposition.timed_thumbnails
"""Kinds of video streams that are never played."""


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


def moving_streams(file: Any) -> list[Any]:
    """The video streams that are no cover pictures or thumbnails."""
    return [stream for stream in file.streams.video if not stream.disposition & COVERS]


def shown_stream(file: Any) -> Any | None:
    """The video stream that players show."""
    return played(moving_streams(file))


def played(streams: Sequence[Any]) -> Any | None:
    """The stream that players take: the first that is marked as default, else the first of all."""
    return next((stream for stream in streams if stream.disposition & Disposition.default), next(iter(streams), None))


def several(what: str, streams: Sequence[Any], chosen: Any) -> list[str]:
    """A sentence where a file has more than one track of a kind: which is measured, and by what right."""
    if len(streams) < 2:
        return []
    n_default = sum(bool(stream.disposition & Disposition.default) for stream in streams)
    place = list(streams).index(chosen) + 1
    n_equal = n_default or len(streams)
    why = "the default one" if n_equal == 1 else f"the first of {n_equal} with equal right"
    return [f"{len(streams)} {what} tracks; track {place} is measured, {why}"]


class StreamSource:
    """The video stream of a container, through PyAV."""

    def __init__(self, path: Path, head: bytes, *, limits: Limits, threads: int, sound: bool, quick: bool) -> None:
        self._path = path
        self._file = open_container(path, limits)
        try:
            self._stream = self._video_stream()
            self._sound = played(self._file.streams.audio) if sound else None
            context = self._stream.codec_context
            if context is None:  # the build knows no decoder of that name
                raise ClipError(
                    f"{path}: its picture is in a codec that cannot be decoded here; convert it or make it again"
                )
            width, height = (context.width, context.height) if context.width else self._claimed_size(limits)
            check_size(path, width, height, limits)
            self.facts = self._read_header(head)
            if sound:  # a survey: what is not measured is told
                self.facts.warnings += several("picture", moving_streams(self._file), self._stream)
                self.facts.warnings += several("sound", self._file.streams.audio, self._sound)
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

    @property
    def profile(self) -> str:
        """Of the codec, in FFmpeg's words; empty where there is none."""
        return str(self._stream.codec_context.profile or "")

    def _video_stream(self) -> Any:
        if (stream := shown_stream(self._file)) is not None:
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
        whole_s = file.duration / av.time_base if file.duration else 0.0
        if not duration_s and not file.streams.audio:
            duration_s = whole_s
        elif not stream.duration and whole_s:  # a tag may be of the file that this one was cut from
            duration_s = min(duration_s, whole_s)
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
        clock = CLOCKS.get(self.facts.container, PresentationClock)(self.facts, self._stream.time_base)
        first_packet_s, is_begun, is_shown = math.inf, False, False
        for packet in self._packets():
            try:
                frames = self._context.decode(packet)
            except FFmpegError:
                self.facts.n_broken += 1
                continue
            if packet is not None:
                clock.decoded(packet)
                if not is_shown and not packet.is_discard and packet.pts is not None:
                    # a key frame that others depend on begins the stream: what it cannot show nobody can
                    is_begun = is_begun or packet.is_keyframe
                    if not is_begun:
                        first_packet_s = min(first_packet_s, float(packet.pts * self._stream.time_base))
            for frame in frames:
                t_s, duration_s = clock.time_of(frame)
                if not is_shown and t_s is not None:
                    is_shown, self.facts.first_s = True, t_s
                    self.facts.missing_start_s = max(0.0, t_s - first_packet_s)
                self.facts.n_interlaced += frame.interlaced_frame
                yield DecodedPicture(frame, t_s, duration_s)
        clock.close()
        self._look_at_end()

    def _look_at_end(self) -> None:
        """Whether the file is as long as it says, by its index or its structure."""
        facts = self.facts
        facts.is_cut_off = facts.is_cut_off or is_cut_off(self._path, facts.container)
        if facts.container in ("mp4", "mov"):
            size = self._path.stat().st_size
            entries = [entry for entry in self._stream.index_entries if not entry.is_discard]
            if self._stream.frames:  # not a row of fragments, of which the index tells those that were found
                facts.n_indexed = len(entries)  # an edit list leaves out some that the header counts
            facts.is_cut_off = facts.is_cut_off or any(entry.pos + entry.size > size for entry in entries)
            if entries and facts.codec in NEVER_END_IN_ZEROS:  # a download that was padded to its full length
                end = max(entry.pos + entry.size for entry in entries)
                facts.is_cut_off = facts.is_cut_off or ends_in_zeros(self._path, end)

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


class PresentationClock:
    """The times that the container gives its pictures."""

    def __init__(self, facts: Facts, tick: Fraction) -> None:
        self.facts, self.tick = facts, tick

    def decoded(self, packet: Any) -> None:
        """Take note of a packet that the decoder has taken."""

    def time_of(self, frame: Any) -> tuple[float | None, float]:
        """When a picture is shown, and for how long; None and 0 where that is not known."""
        stamp = frame.dts if frame.pts is None else frame.pts
        return None if stamp is None else float(stamp * self.tick), float(frame.duration * self.tick)

    def close(self) -> None:
        """Say what was repaired."""


class StorageClock(PresentationClock):
    """AVI numbers its frames as they are stored, and tells no order of showing: the earliest number is shown first."""

    def __init__(self, facts: Facts, tick: Fraction) -> None:
        super().__init__(facts, tick)
        self._waiting: list[int] = []

    def decoded(self, packet: Any) -> None:
        if packet.dts is not None:
            heapq.heappush(self._waiting, packet.dts)

    def time_of(self, frame: Any) -> tuple[float | None, float]:
        stamp = heapq.heappop(self._waiting) if self._waiting else None
        return None if stamp is None else float(stamp * self.tick), float(frame.duration * self.tick)


class DelayClock(PresentationClock):
    """A GIF tells how long each picture stays, as browsers take it; FFmpeg has made 100 ms of 0 already."""

    def __init__(self, facts: Facts, tick: Fraction) -> None:
        super().__init__(facts, tick)
        self._next_s, self._n_short = 0.0, 0

    def time_of(self, frame: Any) -> tuple[float | None, float]:
        t_s = self._next_s
        delay_s = float(frame.duration * self.tick)
        duration_s = browser_delay_s(delay_s)
        self._n_short += duration_s != delay_s
        self._next_s += duration_s
        return t_s, duration_s

    def close(self) -> None:
        self.facts.warnings += short_delays(self._n_short)


CLOCKS: dict[str, type[PresentationClock]] = {"avi": StorageClock, "gif": DelayClock}


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
