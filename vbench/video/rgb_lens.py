"""Turns, resizes and corrects the colours of pictures that are RGB tensors already, on their own device."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from vbench.video.frames import BT601, BT709, MATRICES, Lens, colour_of, is_rgb

if TYPE_CHECKING:
    from torch import Tensor

LUMA_WEIGHTS = {
    1: (0.2126, 0.7152, 0.0722),
    4: (0.30, 0.59, 0.11),
    5: (0.299, 0.587, 0.114),
    7: (0.212, 0.701, 0.087),
    9: (0.2627, 0.6780, 0.0593),
}
"""Of R, G and B by swscale's number of a matrix: BT.709, FCC, BT.601, SMPTE 240M, BT.2020."""
BY_NVDEC = {1: 1, 9: 9, 10: 9}
"""H.273 number of a tag → matrix that torchcodec's CUDA kernels take; BT.601 where there is another, or none."""


class RGBLens:
    """How the tensors of one clip become upright frames of one size.

    Args:
        lens: Geometry by PyAV.
        image: The first picture as PyAV decodes it, for its colours.
        turned: Degrees counter-clockwise by which torchcodec has turned its pictures; None: not at all.
        device: Where they are.
    """

    def __init__(self, lens: Lens, image: Any, turned: float | None, device: str) -> None:
        self.width, self.height = lens.width, lens.height
        self._undo = -round((turned or 0.0) / 90) % 4
        self._turns = -(lens.rotation // 90) % 4
        self._is_mirrored = lens.is_mirrored
        matrix, _ = colour_of(image)
        known = MATRICES if device == "cpu" else BY_NVDEC
        assumed = BT709 if is_rgb(image) else known.get(image.colorspace, BT601)
        self._luma, self._correction = [LUMA_WEIGHTS[assumed]], None
        if matrix != assumed:
            self._correction = (to_rgb(matrix) @ np.linalg.inv(to_rgb(assumed))).tolist()

    def rgb(self, pictures: Tensor, size: tuple[int, int] | None) -> Tensor:
        """uint8 (N, h, w, 3) at `size` (width, height), of pictures (N, H, W, 3) as torchcodec gives them."""
        resized = self._resized(pictures, size)
        return as_bytes(resized if self._correction is None else mixed(resized, self._correction))

    def luma(self, pictures: Tensor, size: tuple[int, int] | None) -> Tensor:
        """uint8 (N, h, w): the luma that was decoded, which the choice of a matrix leaves as it is."""
        return as_bytes(mixed(self._resized(pictures, size), self._luma)[..., 0])

    def _resized(self, pictures: Tensor, size: tuple[int, int] | None) -> Tensor:
        import torch

        width, height = size or (self.width, self.height)
        if width < 1 or height < 1:
            raise ValueError(f"size is (width, height) in pixels, both at least 1; got {size}")
        upright = self._upright(pictures)
        if upright.shape[1:3] == (height, width):
            return upright
        # on the CPU one by one: the intermediate values of a whole batch leave its cache
        parts = torch.split(upright, 1 if upright.device.type == "cpu" else len(upright))
        return torch.cat([area_axis(area_axis(part, height, 1), width, 2) for part in parts])

    def _upright(self, pictures: Tensor) -> Tensor:
        if self._is_mirrored:  # before the turn, as `orientation` has it
            return pictures.rot90(self._undo, (1, 2)).flip(2).rot90(self._turns, (1, 2))
        turns = (self._undo + self._turns) % 4
        return pictures.rot90(turns, (1, 2)) if turns else pictures


def to_rgb(matrix: int) -> NDArray[np.float64]:
    """Y'CbCr (Y in 0..1, Cb and Cr in -0.5..0.5) → R'G'B' in 0..1, by swscale's number of the matrix."""
    red, green, blue = LUMA_WEIGHTS[matrix]
    return np.array(
        [
            [1.0, 0.0, 2 * (1 - red)],
            [1.0, -2 * blue * (1 - blue) / green, -2 * red * (1 - red) / green],
            [1.0, 2 * (1 - blue), 0.0],
        ]
    )


def mixed(pictures: Tensor, rows: list[Any]) -> Tensor:
    """Channels (N, H, W, 3) summed with the weights of each row; never in the TF32 of a matrix product."""
    import torch

    red, green, blue = pictures.float().unbind(-1)
    return torch.stack([r * red + g * green + b * blue for r, g, b in rows], -1)


def as_bytes(values: Tensor) -> Tensor:
    """Rounded to uint8, contiguous; bytes stay what they are."""
    import torch

    if values.dtype != torch.uint8:
        values = values.round().clamp(0, 255).to(torch.uint8)
    return values.contiguous()


def area_axis(pictures: Tensor, n_out: int, axis: int) -> Tensor:
    """One axis of (N, H, W, C) resized as swscale's `area` does: averages where it shrinks, linear where it grows.

    Returns:
        float32, or the pictures themselves where the axis has that length.
    """
    if pictures.shape[axis] == n_out:
        return pictures
    shape = [1, 1, 1, 1]
    shape[axis] = n_out
    total: Tensor | None = None
    for index, weight in taps_on(pictures.shape[axis], n_out, str(pictures.device)):
        part = pictures.index_select(axis, index).float()
        total = part.mul_(weight.view(shape)) if total is None else total.addcmul_(part, weight.view(shape))
    assert total is not None  # there is at least one tap
    return total


@lru_cache(maxsize=64)
def taps_on(n_in: int, n_out: int, device: str) -> list[tuple[Tensor, Tensor]]:
    """`taps` as tensors, kept on the device: each copy to it would wait for what runs there."""
    import torch

    index, weight = taps(n_in, n_out)
    return [
        (torch.from_numpy(i).to(device), torch.from_numpy(w).to(device)) for i, w in zip(index, weight, strict=True)
    ]


def taps(n_in: int, n_out: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Which pixels make each pixel of a resized axis, and their shares, each of shape (K, n_out); shares sum to 1."""
    place = np.arange(n_out)
    if n_out > n_in:
        centre = np.clip((place + 0.5) * n_in / n_out - 0.5, 0, n_in - 1)
        first = centre.astype(np.int64)
        index = np.stack([first, np.minimum(first + 1, n_in - 1)])
        weight = np.stack([1 - (centre - first), centre - first])
    else:
        low, high = place * n_in / n_out, (place + 1) * n_in / n_out
        pixel = low.astype(np.int64) + np.arange(int(np.ceil(n_in / n_out)) + 1)[:, None]
        index = np.minimum(pixel, n_in - 1)
        weight = np.clip(np.minimum(high, pixel + 1) - np.maximum(low, pixel), 0, None) / (high - low)
        used = weight.any(axis=1)
        index, weight = index[used], weight[used]
    return index, weight.astype(np.float32)
