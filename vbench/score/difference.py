"""One clip against others that should equal it: each decoded once, side by side in time, a curve for every measure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from vbench.errors import ClipError, ItemError, MetricError
from vbench.records import MetricInfo
from vbench.score import full_reference, lpips
from vbench.video import Frame, read_frames

Pixels = NDArray[np.uint8]


def _info(
    name: str, unit: str, bounds: tuple[float, float], about: str, *, is_nearer_higher: bool = True
) -> MetricInfo:
    return MetricInfo(
        name=name,
        version=1,
        unit=unit,
        higher_is_better=is_nearer_higher,
        bounds=bounds,
        group="picture",
        about=about,
    )


MEASURES: Mapping[str, MetricInfo] = {
    info.name: info
    for info in (
        _info("psnr", "dB", (0.0, full_reference.PSNR_OF_EQUALS), "Peak signal-to-noise ratio over R, G and B."),
        _info("ssim", "", (-1.0, 1.0), "Structural similarity of luma, as FFmpeg computes it."),
        _info("ms_ssim", "", (0.0, 1.0), "Multi-scale structural similarity of luma, its short side near 256."),
        _info(
            "psnr_aligned",
            "dB",
            (0.0, full_reference.PSNR_OF_EQUALS),
            "PSNR of luma, its short side near 256, after the picture was moved onto the other by optical flow.",
        ),
        _info("ssim_aligned", "", (-1.0, 1.0), "SSIM of luma after the same move."),
        _info("lpips", "", (0.0, 1.0), "Learned perceptual distance (AlexNet).", is_nearer_higher=False),
    )
}
"""Of two clips; `higher_is_better` means that higher is nearer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """How one clip differs from another, frame by frame."""

    t_s: tuple[float, ...]
    """Seconds from the first frame of the reference."""
    curves: Mapping[str, tuple[float, ...]]
    """Measure → a value for each time."""
    left_out: Mapping[str, str] = field(default_factory=dict)
    """Measure → why it has no curve."""
    notes: tuple[str, ...] = ()
    """On length and rate."""

    @property
    def means(self) -> dict[str, float]:
        """Measure → mean over frames."""
        return {name: float(np.mean(curve)) for name, curve in self.curves.items()}


def differences(reference: Path, others: Sequence[Path]) -> list[Difference | ItemError]:
    """How each of several clips differs from one, which is decoded once for all of them.

    Frames are paired by time: each of the reference with the one of the other clip that is nearest, up to the end of
    the shorter one. One thread does it all: clips are compared side by side.

    Args:
        reference: A video file.
        others: Those that should equal it.

    Returns:
        In the order of `others`; the error of one that cannot be read, or is of another size.

    Raises:
        ClipError: the reference cannot be read.
    """
    tracks = [_Track(path) for path in others]
    n_read, last_t, step = 0, 0.0, 0.0
    for frame in read_frames(reference, threads=1):
        step, last_t = (frame.t_s - last_t) or frame.duration_s, frame.t_s
        views = _Views(frame.rgb())
        n_read += 1
        for track in tracks:
            track.follow(views, frame.t_s, step)
    return [track.result(n_read) for track in tracks]


class _Views:
    """One picture, and what several measures want of it, each made once."""

    def __init__(self, rgb: Pixels) -> None:
        self.rgb = rgb
        self.luma = full_reference.luma(rgb)
        self.small = full_reference.reduced(self.luma)


class _Track:
    """A clip that is read beside the reference."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._frames: Iterator[Frame] = read_frames(path, threads=1)
        self._current: tuple[float, _Views | Pixels] | None = None
        self._next: tuple[float, Pixels] | None = None
        self._is_over = False
        self._n_read = self._n_used = 0
        self._error: ItemError | None = None
        self._t_s: list[float] = []
        self._curves: dict[str, list[float]] = {}
        self._left_out: dict[str, str] = {} if lpips.is_there() else {"lpips": lpips.MISSING}

    def follow(self, reference: _Views, t_s: float, step_s: float) -> None:
        """Measure the frame that is on screen at a time of the reference."""
        if self._error is not None:
            return
        try:
            picture = self._at(t_s, step_s)
            if picture is not None:
                self._measure(reference, picture, t_s)
        except ItemError as error:
            self._error = error

    def _read(self) -> tuple[float, Pixels] | None:
        frame = next(self._frames, None)
        if frame is None:
            self._is_over = True
            return None
        self._n_read += 1
        return frame.t_s, frame.rgb()

    def _at(self, t_s: float, step_s: float) -> _Views | None:
        """The picture nearest in time; None where the clip is over."""
        if self._current is None:
            self._current, self._next = self._read(), self._read()
        while self._next is not None and self._current is not None:
            if abs(self._next[0] - t_s) > abs(self._current[0] - t_s):
                break
            self._current, self._next = self._next, self._read()
        if self._current is None or (self._next is None and t_s - self._current[0] > 0.75 * step_s):
            return None
        at, picture = self._current
        if not isinstance(picture, _Views):
            picture = _Views(picture)
            self._current = at, picture
            self._n_used += 1
        return picture

    def _measure(self, reference: _Views, picture: _Views, t_s: float) -> None:
        if reference.rgb.shape != picture.rgb.shape:
            (h, w, _), (height, width, _) = reference.rgb.shape, picture.rgb.shape
            raise MetricError(
                f"{self._path.name} has {width} x {height} pixels, its reference {w} x {h}; clips of one size are "
                "compared, and none is resized here",
                code="other_size",
            )
        self._t_s.append(t_s)
        is_same = np.array_equal(reference.rgb, picture.rgb)
        moved = reference.small if is_same else full_reference.aligned(reference.small, picture.small)
        pairs = {
            "psnr": (reference.rgb, picture.rgb),
            "ssim": (reference.luma, picture.luma),
            "ms_ssim": (reference.small, picture.small),
            "psnr_aligned": (reference.small, moved),
            "ssim_aligned": (reference.small, moved),
            "lpips": (reference.rgb, picture.rgb),
        }
        for name, (a, b) in pairs.items():
            if name in self._left_out:
                continue
            try:
                value = _OF_EQUALS[name] if is_same else _COMPUTE[name](a, b)
            except MetricError as error:
                self._left_out[name] = str(error)
            else:
                self._curves.setdefault(name, []).append(value)

    def result(self, n_reference: int) -> Difference | ItemError:
        """What was found, when the reference is over."""
        if self._error is None:
            try:
                while not self._is_over:
                    self._read()
            except ItemError as error:
                self._error = error
        if self._error is not None:
            return self._error
        if not self._t_s:
            return ClipError(f"{self._path.name}: no frame at a time of its reference")
        notes = []
        if self._n_read != n_reference or len(self._t_s) != n_reference:
            notes.append(
                f"{self._path.name} has {self._n_read} frames and its reference {n_reference}: compared by time, over "
                f"{len(self._t_s)} of them"
            )
        return Difference(
            t_s=tuple(self._t_s),
            curves={name: tuple(curve) for name, curve in self._curves.items() if name not in self._left_out},
            left_out=dict(self._left_out),
            notes=tuple(notes),
        )


_COMPUTE = {
    "psnr": full_reference.psnr,
    "ssim": full_reference.ssim,
    "ms_ssim": full_reference.ms_ssim,
    "psnr_aligned": full_reference.psnr,
    "ssim_aligned": full_reference.ssim,
    "lpips": lpips.lpips,
}
_OF_EQUALS = {
    name: 0.0 if name == "lpips" else full_reference.PSNR_OF_EQUALS if "psnr" in name else 1.0 for name in _COMPUTE
}
