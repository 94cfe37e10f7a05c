"""RAFT's forward pass (Teed and Deng 2020, arXiv:2003.12039) over torchvision's layers, with no work done twice.

torchvision's own pass encodes a frame anew for each pair and direction it is in, upsamples after every iteration, and
copies two small tensors from the host in each, for which the device has to stop. Here a frame is encoded once, only
the last flow is upsampled, and nothing waits. The numbers are the same up to rounding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

UP = 8
"""Pixels of the frame to a step of the features."""


def flow_between(model: Any, frames: Tensor, first: Tensor, second: Tensor, *, iterations: int) -> Tensor:
    """Flow between pairs out of a set of frames.

    Args:
        model: torchvision's `raft_large`.
        frames: In [-1, 1], (M, 3, H, W), sides multiples of 8 and at least 128.
        first: Index of each pair's first frame, (N,).
        second: Of its second, (N,).
        iterations: Refinements of the flow.

    Returns:
        float (N, 2, H, W) in pixels: right, down.
    """
    import torch

    features, context = model.feature_encoder(frames), model.context_encoder(frames)[first]
    pyramid = correlations(features[first], features[second], levels=model.corr_block.num_levels)
    split = model.update_block.hidden_state_size
    hidden, context = torch.tanh(context[:, :split]), torch.relu(context[:, split:])
    height, width = features.shape[-2:]
    still = grid(height, width, features.device)
    offsets = neighbourhood(model.corr_block.radius, features.device)
    place = still.expand(len(first), -1, -1, -1)
    for _ in range(iterations):
        likeness = looked_up(pyramid, place, offsets)
        hidden, step = model.update_block(hidden, context, likeness, place - still)
        place = place + step
    return upsampled(place - still, model.mask_predictor(hidden))


def correlations(first: Tensor, second: Tensor, *, levels: int) -> list[Tensor]:
    """How alike every place of one is to every place of the other, at halving resolutions: (N h w, 1, h', w') each."""
    from torch.nn.functional import avg_pool2d

    n, channels, height, width = first.shape
    alike = first.flatten(2).transpose(1, 2) @ second.flatten(2) / channels**0.5
    pyramid = [alike.view(n * height * width, 1, height, width)]
    for _ in range(levels - 1):
        pyramid.append(avg_pool2d(pyramid[-1], 2))
    return pyramid


def grid(height: int, width: int, device: Any) -> Tensor:
    """x and y of every place, (1, 2, h, w)."""
    import torch

    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y])[None].float()


def neighbourhood(radius: int, device: Any) -> Tensor:
    """The offsets around a place that are looked up, (1, 2 r + 1, 2 r + 1, 2).

    torchvision's order, which the trained layers expect: rows of the table go right and columns go down.
    """
    import torch

    steps = torch.arange(-radius, radius + 1, device=device, dtype=torch.float32)
    return torch.stack(torch.meshgrid(steps, steps, indexing="ij"), dim=-1)[None]


def looked_up(pyramid: list[Tensor], place: Tensor, offsets: Tensor) -> Tensor:
    """Correlations around where each place has moved to, (N, levels (2 r + 1)^2, h, w)."""
    import torch
    from torch.nn.functional import grid_sample

    n, _, height, width = place.shape
    centre = place.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    levels = []
    for level, alike in enumerate(pyramid):
        rows, columns = alike.shape[-2:]
        at = centre / 2**level + offsets
        unit = torch.stack([2 * at[..., 0] / (columns - 1) - 1, 2 * at[..., 1] / (rows - 1) - 1], dim=-1)
        levels.append(grid_sample(alike, unit, mode="bilinear", align_corners=True).view(n, height, width, -1))
    return torch.cat(levels, dim=-1).permute(0, 3, 1, 2).contiguous()


def upsampled(flow: Tensor, mask: Tensor) -> Tensor:
    """Each pixel a convex mixture of the nine steps around it, weighted by the network (appendix B of the paper)."""
    import torch
    from torch.nn.functional import unfold

    n, channels, height, width = flow.shape
    weight = torch.softmax(mask.view(n, 1, 9, UP, UP, height, width), dim=2)
    around = unfold(UP * flow, kernel_size=3, padding=1).view(n, channels, 9, 1, 1, height, width)
    mixed = (weight * around).sum(dim=2)
    return mixed.permute(0, 1, 4, 2, 5, 3).reshape(n, channels, UP * height, UP * width)
