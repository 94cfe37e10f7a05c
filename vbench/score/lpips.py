"""LPIPS of two pictures, where the weights of its backbone lie on this machine; nothing is fetched."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from vbench.score.full_reference import SHORT_SIDE

WEIGHTS = "alexnet-owt-7be5be79.pth"
"""As torchvision names the file in torch's hub folder; 233 MB."""
MISSING = f"the weights of its backbone are not there: {WEIGHTS} in torch's hub folder (checkpoints), 233 MB"


def is_there() -> bool:
    """Whether LPIPS can be computed without the network."""
    import torch

    return (Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS).is_file()


def lpips(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> float:
    """Learned perceptual distance of two RGB uint8 pictures (H, W, 3) of one size, the short side brought to 256.

    Returns:
        From 0, for equal pictures; lower is nearer.

    Source:
        Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric"; torchmetrics.
    """
    import torch

    with torch.inference_mode():
        return float(_net()(_tensor(a), _tensor(b)).mean())


def _tensor(rgb: NDArray[np.uint8]) -> Any:
    import torch

    height, width = rgb.shape[:2]
    scale = SHORT_SIDE / min(height, width)
    if scale < 1:
        rgb = cv2.resize(rgb, (round(width * scale), round(height * scale)), interpolation=cv2.INTER_AREA)
    return torch.from_numpy(rgb).permute(2, 0, 1)[None].float() / 127.5 - 1


@lru_cache(maxsize=1)
def _net() -> Any:
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    return LearnedPerceptualImagePatchSimilarity(net_type="alex", reduction="mean")
