"""Frames that torchcodec decodes, on the CPU or by NVDEC; they stay on that device until pixels are asked for.

Which picture of a file is shown, when, how large and which way up is taken from PyAV's reading of its first picture, so
that both readers agree; a file of which torchcodec makes something else is refused. Pictures and folders of frames,
which no video decoder reads, are those of `read_frames`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vbench.errors import ClipError, OptionError
from vbench.records import Probe
from vbench.text import first_line
from vbench.video.facts import DEFAULT_LIMITS, DecodedPicture, Facts
from vbench.video.frames import Frame, Kernel, frames_of, lens_of, on_screen
from vbench.video.rgb_lens import RGBLens
from vbench.video.source import open_source
from vbench.video.stream import StreamSource

if TYPE_CHECKING:
    from torch import Tensor

BATCH_BYTES, MAX_BATCH = 32 << 20, 32
"""Of pictures that are decoded at once, as RGB; two such batches are held."""
SAME_TIME_S = 0.002
"""Matroska rounds to milliseconds, and the two readers need not round alike."""

Size = Callable[[int, int], tuple[int, int]]
"""(width, height) as displayed → (width, height) wanted."""


def check_torchcodec(device: str) -> str:
    """What would decode on a device, e.g. `torchcodec 0.17.0 with FFmpeg 5`.

    Args:
        device: `cpu`, or `cuda:N` for NVDEC.

    Raises:
        OptionError: torchcodec, FFmpeg's libraries, or NVDEC are not there.
    """
    try:
        import torchcodec
        from torchcodec._core import ffmpeg_major_version
    except ImportError as error:
        raise OptionError(
            f"torchcodec cannot be imported ({error}); pip install 'vbench-studio[nvdec]', or leave decode.backend out"
        ) from error
    except (OSError, RuntimeError) as error:
        raise OptionError(
            f"torchcodec does not fit the torch of this machine ({first_line(error)}); install a pair that belongs "
            "together, or leave decode.backend out"
        ) from error
    if ffmpeg_major_version is None:
        raise OptionError(
            "torchcodec finds no shared libraries of FFmpeg 4 to 9; install them (Debian and Ubuntu: apt-get install "
            "ffmpeg), or leave decode.backend out"
        )
    if device != "cpu":
        _check_nvdec(device)
    return f"torchcodec {torchcodec.__version__} with FFmpeg {ffmpeg_major_version}"


def _check_nvdec(device: str) -> None:
    import torch

    if not torch.cuda.is_available():
        raise OptionError(f"NVDEC decodes on a CUDA device; torch finds none for {device}; leave decode.backend out")
    try:
        ctypes.CDLL("libnvcuvid.so.1")
    except OSError as error:
        raise OptionError(
            f"NVDEC needs the driver's libnvcuvid.so.1, which cannot be loaded ({error}); in a container set "
            "NVIDIA_DRIVER_CAPABILITIES=all, or leave decode.backend out"
        ) from error


class DeviceFrame:
    """One frame of a clip among those decoded with it; implements what features read of `Frame`."""

    __slots__ = ("_batch", "_place", "duration_s", "height", "index", "t_s", "width")

    def __init__(self, batch: _Batch, place: int, index: int, t_s: float, duration_s: float) -> None:
        self._batch, self._place = batch, place
        self.index, self.t_s, self.duration_s = index, t_s, duration_s
        self.width, self.height = batch.lens.width, batch.lens.height

    def rgb(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> NDArray[np.uint8]:
        """RGB uint8 (H, W, 3), upright, full range, resized on the device.

        Args:
            size: (width, height) in pixels; None: as displayed.
            kernel: `area`; there is no other here.
        """
        return self._batch.pixels(self._place, size, kernel, "rgb")

    def luma(self, size: tuple[int, int] | None = None, kernel: Kernel = "area") -> NDArray[np.uint8]:
        """Luma uint8 (H, W) by the matrix of the clip, upright, full range.

        Args:
            size: (width, height) in pixels; None: as displayed.
            kernel: `area`; there is no other here.
        """
        return self._batch.pixels(self._place, size, kernel, "luma")


class _Batch:
    """Neighbouring pictures on the device; a size that all of them are asked for is made and copied at once."""

    def __init__(self, pictures: Tensor, lens: RGBLens, common: tuple[int, int] | None) -> None:
        self.lens = lens
        self._pictures, self._common = pictures, common
        self._ready = to_host(lens.rgb(pictures, common)) if common is not None else None

    def pixels(self, place: int, size: tuple[int, int] | None, kernel: Kernel, form: str) -> NDArray[np.uint8]:
        if kernel != "area":
            raise ClipError(
                f"the kernel {kernel!r} cannot be had from torchcodec, which converts colours as it decodes; "
                "measure this with decode.backend=pyav",
                code="decoder",
            )
        if self._ready is not None and form == "rgb" and size == self._common:
            on_host = self._ready()
        else:
            alone, place = self._pictures[place : place + 1], 0
            on_host = to_host(self.lens.rgb(alone, size) if form == "rgb" else self.lens.luma(alone, size))()
        picture: NDArray[np.uint8] = on_host[place]
        return picture


def to_host(values: Tensor) -> Callable[[], NDArray[Any]]:
    """Start the copy to the host; what comes back waits for it alone and gives the array."""
    if values.device.type == "cpu":
        array: NDArray[Any] = values.numpy()
        return lambda: array
    import torch

    host = torch.empty(values.shape, dtype=values.dtype, pin_memory=True)
    host.copy_(values, non_blocking=True)
    copied: Any = torch.cuda.Event()  # type: ignore[no-untyped-call]
    copied.record(torch.cuda.current_stream(values.device))

    def wait() -> NDArray[Any]:
        copied.synchronize()
        on_host: NDArray[Any] = host.numpy()
        return on_host

    return wait


def read_device_frames(
    path: Path,
    facts: Probe,
    *,
    device: str,
    common: Size | None = None,
) -> Iterator[Frame | DeviceFrame]:
    """As `read_frames`, decoded by torchcodec.

    Args:
        path: A local video file, animated picture, picture, or folder of frames.
        facts: What `probe` says of it.
        device: `cpu`, or `cuda:N` for NVDEC.
        common: A size that every frame will be asked for in RGB: made and copied for a batch at once.

    Raises:
        ClipError: The file cannot be read; or, with code `decoder`, torchcodec cannot decode it, gives other frames
            than the probe counted, or would fall back from NVDEC to the CPU.
    """
    with closing(open_source(path, limits=DEFAULT_LIMITS, threads=1)) as source:
        if not isinstance(source, StreamSource):
            yield from frames_of(source, path, DEFAULT_LIMITS)
            return
        first = next(source.pictures(), None)
        if first is None:
            raise ClipError(f"{path}: no frame could be decoded; delete it and generate or import it again")
        lens, index, clock = lens_of(first, source.facts, path, DEFAULT_LIMITS), source.index, source.facts
        if device != "cpu" and (reason := wrong_by_nvdec(source.facts.codec, source.profile)):
            raise refusal(path, reason)
    if lens.has_alpha(first.image):
        raise refusal(path, f"its {first.image.format.name} pictures may be transparent, which torchcodec leaves out")
    decoder = _open(path, index, device)
    if len(decoder) != facts.n_frames:
        raise refusal(path, f"torchcodec finds {len(decoder)} frames, and {facts.n_frames} can be decoded")
    yield from _frames(
        decoder, path, facts, RGBLens(lens, first.image, decoder.metadata.rotation, device), clock, common
    )


def wrong_by_nvdec(codec: str, profile: str) -> str:
    """Why NVDEC gives wrong pictures of such a stream without an error, as seen on an H100; empty: it does not."""
    if codec == "vp9":
        return "NVDEC does not decode it right: it drops what VP9 says of its colours"
    if codec == "h264" and "4:4:4" in profile:
        return f"NVDEC does not decode it right: it knows no H.264 of the profile {profile}"
    return ""


def refusal(path: Path, reason: str) -> ClipError:
    """A clip that has to be measured with the other decoder."""
    return ClipError(f"{path}: {reason}; measure this clip with decode.backend=pyav", code="decoder")


def _open(path: Path, index: int, device: str) -> Any:
    from torchcodec.decoders import VideoDecoder

    try:
        decoder = VideoDecoder(
            path.absolute(), stream_index=index, dimension_order="NHWC", num_ffmpeg_threads=1, device=device
        )
    except (RuntimeError, ValueError) as error:
        raise refusal(path, f"torchcodec cannot open it ({_reason(error)})") from error
    if decoder.cpu_fallback:
        raise refusal(path, f"NVDEC does not decode it ({decoder.metadata.codec}, {decoder.metadata.pixel_format})")
    return decoder


def _frames(
    decoder: Any, path: Path, facts: Probe, lens: RGBLens, clock: Facts, common: Size | None
) -> Iterator[DeviceFrame]:
    size = common(lens.width, lens.height) if common is not None else None
    pictures = _pictures(decoder, path, lens, size)
    for number, (picture, t_s, duration_s) in enumerate(on_screen(pictures, clock, path, DEFAULT_LIMITS)):
        batch, place = picture.image
        if number == facts.n_frames - 1:
            if facts.fps and abs(t_s - number / facts.fps) > SAME_TIME_S:
                raise refusal(
                    path, f"torchcodec shows its last frame at {t_s:.3f} s, and it is due at {number / facts.fps:.3f} s"
                )
            duration_s = facts.duration_s - t_s  # torchcodec tells another for the last of unequal frames
        yield DeviceFrame(batch, place, number, t_s, duration_s)


def _pictures(decoder: Any, path: Path, lens: RGBLens, common: tuple[int, int] | None) -> Iterator[DecodedPicture]:
    """(batch, place in it) of each picture; one batch is decoded ahead, so that the copies of the last have time."""
    upcoming: tuple[Any, _Batch] | None = None
    for decoded in _decoded(decoder, path, lens, common):
        current, upcoming = upcoming, decoded
        if current is not None:
            yield from _placed(*current)
    if upcoming is not None:
        yield from _placed(*upcoming)


def _placed(decoded: Any, batch: _Batch) -> Iterator[DecodedPicture]:
    times = zip(decoded.pts_seconds.tolist(), decoded.duration_seconds.tolist(), strict=True)
    for place, (t_s, duration_s) in enumerate(times):
        yield DecodedPicture((batch, place), t_s, duration_s)


def _decoded(decoder: Any, path: Path, lens: RGBLens, common: tuple[int, int] | None) -> Iterator[tuple[Any, _Batch]]:
    import torch

    n, meta = len(decoder), decoder.metadata
    step = max(1, min(MAX_BATCH, BATCH_BYTES // max(1, 3 * meta.width * meta.height)))
    for start in range(0, n, step):
        try:
            decoded = decoder.get_frames_in_range(start, min(start + step, n))
            batch = _Batch(decoded.data, lens, common)
        except torch.OutOfMemoryError as error:
            raise ClipError(
                f"{path}: the device has no memory for {step} frames of {meta.width} x {meta.height}; use fewer "
                "decode processes, or measure with decode.backend=pyav",
                code="out_of_memory",
            ) from error
        except (RuntimeError, IndexError, ValueError) as error:
            raise refusal(path, f"torchcodec cannot decode frames from {start} on ({_reason(error)})") from error
        yield decoded, batch


def _reason(error: Exception) -> str:
    """The first sentence of what torchcodec says, without the place in its source that stands before it."""
    line = first_line(error)
    return line.rpartition(".cpp:")[2].partition(", ")[2].split(". ")[0] or line
