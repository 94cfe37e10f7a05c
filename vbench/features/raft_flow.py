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


def refined(
    update: Any,
    levels: tuple[list[Tensor], list[Tensor]],
    still: Tensor,
    context: Tensor,
    state: tuple[Tensor, Tensor],
) -> tuple[Tensor, Tensor]:
    """One iteration.

    Args:
        update: torchvision's update block.
        levels: What `correlations` and `neighbourhoods` gave.
        still: What `grid` gave.
        context: Of the first frame, (N, C, h, w).
        state: Hidden state (N, C, h, w), and where each place has moved to, (N, 2, h, w).

    Returns:
        The next state.
    """
    import torch

    hidden, place = state
    flow = place - still
    if hidden.is_contiguous(memory_format=torch.channels_last):  # else the rest is turned where it is joined with it
        flow = flow.contiguous(memory_format=torch.channels_last)
    hidden, step = update(hidden, context, looked_up(*levels, place, hidden.dtype), flow)
    return hidden, place + step


def flow_between(
    model: Any, frames: Tensor, first: Tensor, second: Tensor, *, iterations: int, refine: Any = refined
) -> Tensor:
    """Flow between pairs out of a set of frames.

    Args:
        model: torchvision's `raft_large`.
        frames: In [-1, 1], (M, 3, H, W), sides multiples of 8 and at least 128.
        first: Index of each pair's first frame, (N,).
        second: Of its second, (N,).
        iterations: Refinements of the flow.
        refine: `refined`, or that compiled.

    Returns:
        float (N, 2, H, W) in pixels: right, down.
    """
    import torch

    features, context = model.feature_encoder(frames), model.context_encoder(frames)[first]
    pyramid = correlations(features[first], features[second], levels=model.corr_block.num_levels)
    levels = pyramid, neighbourhoods(pyramid, model.corr_block.radius)
    split = model.update_block.hidden_state_size
    hidden, context = torch.tanh(context[:, :split]), torch.relu(context[:, split:])
    if frames.is_cuda:  # the layout in which a GPU convolves; in the other, each layer turns its input and its output
        hidden, context = (half.contiguous(memory_format=torch.channels_last) for half in (hidden, context))
    height, width = features.shape[-2:]
    still = grid(height, width, features.device)
    place = still.expand(len(first), -1, -1, -1)
    for _ in range(iterations):
        hidden, place = refine(model.update_block, levels, still, context, (hidden, place))
    return upsampled(place - still, model.mask_predictor(hidden))


def correlations(first: Tensor, second: Tensor, *, levels: int) -> list[Tensor]:
    """How alike every place of one is to every place of the other, at halving resolutions: (N h w, 1, h', w') each."""
    from torch.nn.functional import avg_pool2d

    n, channels, height, width = first.shape
    alike = first.flatten(2).transpose(1, 2) @ second.flatten(2) / channels**0.5
    # it is looked up in float32: under autocast the whole pyramid would be converted again for every iteration
    pyramid = [alike.float().view(n * height * width, 1, height, width)]
    for _ in range(levels - 1):
        pyramid.append(avg_pool2d(pyramid[-1], 2))
    return pyramid


def grid(height: int, width: int, device: Any) -> Tensor:
    """x and y of every place, (1, 2, h, w)."""
    import torch

    y, x = torch.meshgrid(torch.arange(height, device=device), torch.arange(width, device=device), indexing="ij")
    return torch.stack([x, y])[None].float()


def neighbourhoods(pyramid: list[Tensor], radius: int) -> list[Tensor]:
    """The offsets around a place that are looked up at each level, (1, 2 r + 1, 2 r + 1, 2), in half pictures.

    torchvision's order, which the trained layers expect: rows of the table go right and columns go down.
    """
    import torch

    steps = torch.arange(-radius, radius + 1, device=pyramid[0].device, dtype=torch.float32)
    right, down = torch.meshgrid(steps, steps, indexing="ij")
    sizes = [level.shape[-2:] for level in pyramid]
    return [torch.stack([right * (2 / columns), down * (2 / rows)], dim=-1)[None] for rows, columns in sizes]


def looked_up(pyramid: list[Tensor], tables: list[Tensor], place: Tensor, dtype: Any) -> Tensor:
    """Correlations around where each place has moved to, (N, levels (2 r + 1)^2, h, w), channels last in memory."""
    import torch
    from torch.nn.functional import grid_sample

    n, _, height, width = place.shape
    x, y = place[:, 0].reshape(-1, 1, 1), place[:, 1].reshape(-1, 1, 1)
    n_offsets = tables[0][0, ..., 0].numel()
    found = torch.empty((n, height, width, len(pyramid) * n_offsets), dtype=dtype, device=place.device)
    for level, (alike, table) in enumerate(zip(pyramid, tables, strict=True)):
        rows, columns = alike.shape[-2:]
        # corners that are not aligned: with aligned ones cuDNN would do it, and that fails from 64 pairs on
        centre = torch.stack([(2 * x / 2**level + 1) / columns - 1, (2 * y / 2**level + 1) / rows - 1], dim=-1)
        sampled = grid_sample(alike, centre + table, mode="bilinear", align_corners=False)
        found[..., level * n_offsets : (level + 1) * n_offsets] = sampled.view(n, height, width, n_offsets)
    return found.permute(0, 3, 1, 2)


def upsampled(flow: Tensor, mask: Tensor) -> Tensor:
    """Each pixel a convex mixture of the nine steps around it, weighted by the network (appendix B of the paper)."""
    import torch
    from torch.nn.functional import unfold

    n, channels, height, width = flow.shape
    weight = torch.softmax(mask.view(n, 1, 9, UP, UP, height, width), dim=2)
    around = unfold(UP * flow, kernel_size=3, padding=1).view(n, channels, 9, 1, 1, height, width)
    mixed = (weight * around).sum(dim=2)
    return mixed.permute(0, 1, 4, 2, 5, 3).reshape(n, channels, UP * height, UP * width)
