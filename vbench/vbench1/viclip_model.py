"""ViCLIP-L/14, the video-text model of VBench 1.0's overall consistency and temporal style (arXiv:2307.06942).

An image tower of CLIP over the patches of eight frames at once, and CLIP's text tower over at most 32 tokens. Written
from the paper and the published state dict, whose names the modules here carry; never run on the published weights.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

HEAD_WIDTH = 64
MAX_TOKENS = 32


class QuickGelu(nn.Module):
    """x sigmoid(1.702 x), as OpenAI's CLIP has it."""

    def forward(self, x: Tensor) -> Tensor:
        return x * torch.sigmoid(1.702 * x)


class Block(nn.Module):
    """Attention and a two-layer perceptron, each after a layer norm and added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.attn = nn.MultiheadAttention(width, width // HEAD_WIDTH, batch_first=True)
        self.ln_1, self.ln_2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.mlp = nn.Sequential(
            OrderedDict(c_fc=nn.Linear(width, 4 * width), gelu=QuickGelu(), c_proj=nn.Linear(4 * width, width))
        )

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        """(N, L, D) → (N, L, D); `mask` (L, L) is added to the attention."""
        normal = self.ln_1(x)
        x = x + self.attn(normal, normal, normal, need_weights=False, attn_mask=mask)[0]
        out: Tensor = x + self.mlp(self.ln_2(x))
        return out


class Blocks(nn.Module):
    """Blocks one after another, under the name that the published weights have for them."""

    def __init__(self, width: int, layers: int) -> None:
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width) for _ in range(layers))

    def forward(self, x: Tensor, mask: Tensor | None = None) -> Tensor:
        for block in self.resblocks:
            x = block(x, mask)
        return x


class VideoTower(nn.Module):
    """Eight frames as one sequence: a class token, then every patch of every frame."""

    def __init__(self, *, width: int, layers: int, patch: int, n_patches: int, n_frames: int, out: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv3d(3, width, (1, patch, patch), (1, patch, patch), bias=False)
        self.class_embedding = nn.Parameter(torch.zeros(width))
        self.positional_embedding = nn.Parameter(torch.zeros(n_patches + 1, width))
        self.temporal_positional_embedding = nn.Parameter(torch.zeros(1, n_frames, width))
        self.ln_pre, self.ln_post = nn.LayerNorm(width), nn.LayerNorm(width)
        self.transformer = Blocks(width, layers)
        self.proj = nn.Parameter(torch.zeros(width, out))

    def forward(self, frames: Tensor) -> Tensor:
        """Normalised (N, T, 3, side, side) → (N, D).

        A patch carries where it is and when; the class token carries only its own place.
        """
        patches = self.conv1(frames.transpose(1, 2)).flatten(3).permute(0, 2, 3, 1)
        place, time = self.positional_embedding, self.temporal_positional_embedding
        patches = patches + place[1:] + time[:, :, None]
        first = (self.class_embedding + place[0]).expand(len(frames), 1, -1)
        x = self.transformer(self.ln_pre(torch.cat([first, patches.flatten(1, 2)], dim=1)))
        row: Tensor = self.ln_post(x[:, 0]) @ self.proj
        return row


class TextTower(nn.Module):
    """Causal attention over tokens; the row is that of the end-of-text token."""

    def __init__(self, *, width: int, layers: int, vocabulary: int, context: int, out: int) -> None:
        super().__init__()
        self.token_embedding = nn.Embedding(vocabulary, width)
        self.positional_embedding = nn.Parameter(torch.zeros(context, width))
        self.transformer = Blocks(width, layers)
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.zeros(width, out))

    def forward(self, tokens: Tensor) -> Tensor:
        """(N, L), the end-of-text token having the highest number → (N, D)."""
        length = tokens.shape[1]
        x = self.token_embedding(tokens) + self.positional_embedding[:length]
        mask = torch.full((length, length), float("-inf"), device=x.device).triu(1)
        x = self.ln_final(self.transformer(x, mask))
        row: Tensor = x[torch.arange(len(tokens), device=x.device), tokens.argmax(dim=1)] @ self.text_projection
        return row


class ViClip(nn.Module):
    """Both towers."""

    def __init__(self, video: VideoTower, text: TextTower) -> None:
        super().__init__()
        self.vision_encoder, self.text_encoder = video, text
        self.temp = nn.Parameter(torch.tensor(0.01))

    @property
    def side(self) -> int:
        """Pixels of the square frames it sees: 224."""
        patches: int = self.vision_encoder.positional_embedding.size(0) - 1
        return math.isqrt(patches) * self.vision_encoder.conv1.kernel_size[-1]

    @property
    def n_frames(self) -> int:
        """Frames it was made for: 8."""
        return int(self.vision_encoder.temporal_positional_embedding.size(1))

    def video_rows(self, frames: Tensor) -> Tensor:
        """Unit rows (N, D) of normalised (N, T, 3, side, side)."""
        return functional.normalize(self.vision_encoder(frames), dim=-1)

    def text_row(self, tokens: list[int]) -> Tensor:
        """Unit row (D,) of one text, start and end tokens included, cut as ViCLIP cuts: its end token is kept."""
        limit = min(MAX_TOKENS, len(self.text_encoder.positional_embedding))
        kept = tokens if len(tokens) <= limit else [*tokens[: limit - 1], tokens[-1]]
        device = self.text_encoder.positional_embedding.device
        return functional.normalize(self.text_encoder(torch.tensor([kept], device=device)), dim=-1)[0]


def empty_like(state: Mapping[str, Any]) -> ViClip:
    """An empty model of the size that a state dict has.

    Raises:
        KeyError, AttributeError: it is not ViCLIP's.
    """
    conv = state["vision_encoder.conv1.weight"]
    tokens = state["text_encoder.token_embedding.weight"]
    return ViClip(
        VideoTower(
            width=conv.shape[0],
            layers=_layers(state, "vision_encoder"),
            patch=conv.shape[-1],
            n_patches=len(state["vision_encoder.positional_embedding"]) - 1,
            n_frames=state["vision_encoder.temporal_positional_embedding"].shape[1],
            out=state["vision_encoder.proj"].shape[1],
        ),
        TextTower(
            width=tokens.shape[1],
            layers=_layers(state, "text_encoder"),
            vocabulary=tokens.shape[0],
            context=len(state["text_encoder.positional_embedding"]),
            out=state["text_encoder.text_projection"].shape[1],
        ),
    )


def _layers(state: Mapping[str, Any], part: str) -> int:
    prefix = f"{part}.transformer.resblocks."
    return len({name[len(prefix) :].split(".")[0] for name in state if name.startswith(prefix)})
