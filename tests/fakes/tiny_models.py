"""Backbones of the real classes with few, random weights, saved as the published ones are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from transformers import CLIPConfig, CLIPModel, CLIPTokenizer, ViTConfig, ViTModel

SIDE = 32
"""Pixels of a side that the models of `save_clip` and `save_xclip` see."""
WORDS = ("a", "red", "ball", "rolls", "over", "the", "grass", "van", "gogh", "style", "slowly")


def randomise(module: Any, seed: Any, std: float = 0.3) -> Any:
    """Weights large enough that every part of the model is felt in what comes out."""
    generator = torch.Generator().manual_seed(seed)
    for parameter in module.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * std
    return module.eval()


def tiny_dino(folder: Any, *, image: int = 64, patch: int = 16) -> Any:
    """A ViT of two layers; `image` is the size its positions were made for."""
    config = ViTConfig(
        hidden_size=48,
        num_hidden_layers=2,
        num_attention_heads=3,
        intermediate_size=64,
        image_size=image,
        patch_size=patch,
    )
    randomise(ViTModel(config, add_pooling_layer=False), 1).save_pretrained(folder)
    return folder


def tiny_clip(folder: Any, *, image: int = 64, seed: int = 2) -> Any:
    """Two towers of two layers and a tokenizer that knows `WORDS` and letters."""
    tokenizer = tiny_tokenizer()
    ends = {"bos_token_id": len(tokenizer) - 2, "eos_token_id": len(tokenizer) - 1}
    text = {**_tower(), **ends, "vocab_size": len(tokenizer), "max_position_embeddings": 77}
    vision = {**_tower(), "image_size": image, "patch_size": 16}
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=24)
    randomise(CLIPModel(config), seed).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _tower() -> Any:
    return {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 2}


def _words(n_tokens: Any) -> Any:
    """Of a text tower whose last two tokens are its start and its end."""
    start, end = n_tokens - 2, n_tokens - 1
    places = {"bos_token_id": start, "eos_token_id": end, "pad_token_id": end}
    return {"vocab_size": n_tokens, "max_position_embeddings": 77} | places


def tiny_tokenizer() -> Any:
    """CLIP's tokenizer over letters and a few whole words; the end token has the highest number, as in CLIP."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    merges, tokens = [], [*letters, *(c + "</w>" for c in letters)]
    for word in WORDS:
        parts = [*word[:-1], word[-1] + "</w>"]
        while len(parts) > 1:
            if (parts[0], parts[1]) not in merges:
                merges.append((parts[0], parts[1]))
                tokens.append(parts[0] + parts[1])
            parts = [parts[0] + parts[1], *parts[2:]]
    tokens += ["<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={token: i for i, token in enumerate(dict.fromkeys(tokens))}, merges=merges)


def tiny_head(path: Any, dim: int = 24) -> Any:
    """A linear aesthetic head."""
    torch.save(randomise(torch.nn.Linear(dim, 1), 3, std=2.0).state_dict(), path)
    return path


def random_raft(path: Any) -> Any:
    """RAFT large (it has one size) as torchvision makes it anew: its flow is wrong, but it is a flow."""
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(4)
    torch.save(raft_large(weights=None).state_dict(), path)
    return path


def tiny_viclip(
    path: Any, *, side: int = 32, patch: int = 8, width: int = 64, frames: int = 8, layers: int = 2, out: int = 16
) -> Any:
    """A state dict with ViCLIP's names, wrapped as it is published."""
    generator = torch.Generator().manual_seed(5)

    def some(*shape: Any) -> Any:
        return torch.randn(shape, generator=generator) * 0.2

    def block(prefix: Any, n: Any) -> Any:
        named = {}
        for i in range(n):
            at = f"{prefix}.transformer.resblocks.{i}"
            named |= {
                f"{at}.attn.in_proj_weight": some(3 * width, width),
                f"{at}.attn.in_proj_bias": some(3 * width),
                f"{at}.attn.out_proj.weight": some(width, width),
                f"{at}.attn.out_proj.bias": some(width),
                f"{at}.ln_1.weight": some(width),
                f"{at}.ln_1.bias": some(width),
                f"{at}.mlp.c_fc.weight": some(4 * width, width),
                f"{at}.mlp.c_fc.bias": some(4 * width),
                f"{at}.mlp.c_proj.weight": some(width, 4 * width),
                f"{at}.mlp.c_proj.bias": some(width),
                f"{at}.ln_2.weight": some(width),
                f"{at}.ln_2.bias": some(width),
            }
        return named

    state = {
        "temp": torch.tensor(0.01),
        "vision_encoder.class_embedding": some(width),
        "vision_encoder.positional_embedding": some((side // patch) ** 2 + 1, width),
        "vision_encoder.temporal_positional_embedding": some(1, frames, width),
        "vision_encoder.proj": some(width, out),
        "vision_encoder.conv1.weight": some(width, 3, 1, patch, patch),
        **{f"vision_encoder.{ln}.{part}": some(width) for ln in ("ln_pre", "ln_post") for part in ("weight", "bias")},
        **block("vision_encoder", layers),
        "text_encoder.positional_embedding": some(32, width),
        "text_encoder.text_projection": some(width, out),
        "text_encoder.token_embedding.weight": some(len(tiny_tokenizer()), width),
        "text_encoder.ln_final.weight": some(width),
        "text_encoder.ln_final.bias": some(width),
        **block("text_encoder", layers),
    }
    torch.save({"model": state, "epoch": 3}, path)
    return path


def save_tokenizer(folder: Path) -> int:
    """A byte-level CLIP tokenizer without merges; gives its size."""
    from transformers.models.clip.tokenization_clip import CLIPTokenizer

    alphabet = list(bytes_to_unicode().values())
    words = [*alphabet, *(letter + "</w>" for letter in alphabet), "<|startoftext|>", "<|endoftext|>"]
    vocab = {word: i for i, word in enumerate(words)}
    (folder / "vocab.json").write_text(json.dumps(vocab))
    (folder / "merges.txt").write_text("#version: 0.2\n")
    CLIPTokenizer(str(folder / "vocab.json"), str(folder / "merges.txt")).save_pretrained(folder)
    return len(vocab)


def bytes_to_unicode() -> dict[int, str]:
    """The printable stand-ins of bytes that CLIP's tokenizer uses."""
    kept = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    table = {byte: chr(byte) for byte in kept}
    for byte in range(256):
        if byte not in table:
            table[byte] = chr(256 + len(table) - len(kept))
    return table


def save_clip(folder: Path, *, seed: int = 0) -> Path:
    """A CLIPModel with tokenizer and processor."""
    from transformers import (
        AutoTokenizer,
        CLIPConfig,
        CLIPImageProcessor,
        CLIPModel,
        CLIPProcessor,
        CLIPTextConfig,
        CLIPVisionConfig,
    )

    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder)
    torch.manual_seed(seed)
    text = CLIPTextConfig(**_tower(), **_words(size))
    vision = CLIPVisionConfig(**_tower(), image_size=SIDE, patch_size=8)
    config = CLIPConfig(text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24)
    CLIPModel(config).save_pretrained(folder)
    square = {"height": SIDE, "width": SIDE}
    images = CLIPImageProcessor(size={"shortest_edge": SIDE}, crop_size=square)
    CLIPProcessor(images, AutoTokenizer.from_pretrained(folder)).save_pretrained(folder)
    images.save_pretrained(folder)
    return folder


def save_dino(folder: Path, *, seed: int = 0) -> Path:
    """A Dinov2Model."""
    from transformers import Dinov2Config, Dinov2Model

    torch.manual_seed(seed)
    config = Dinov2Config(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, image_size=70, patch_size=14)
    Dinov2Model(config).save_pretrained(folder)
    return folder


def save_xclip(folder: Path, *, seed: int = 0) -> Path:
    """An XCLIPModel with tokenizer."""
    from transformers import XCLIPConfig, XCLIPModel, XCLIPTextConfig, XCLIPVisionConfig

    folder.mkdir(parents=True, exist_ok=True)
    size = save_tokenizer(folder)
    torch.manual_seed(seed)
    text = XCLIPTextConfig(**_tower(), **_words(size))
    vision = XCLIPVisionConfig(
        **_tower(),
        image_size=SIDE,
        patch_size=8,
        num_frames=8,
        mit_hidden_size=24,
        mit_intermediate_size=48,
        mit_num_hidden_layers=1,
        mit_num_attention_heads=2,
    )
    config = XCLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24, prompt_num_attention_heads=2
    )
    XCLIPModel(config).save_pretrained(folder)
    return folder
