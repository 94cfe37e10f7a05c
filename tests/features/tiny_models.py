"""Random models of the real classes, small enough for a test, in the layout that weights come in."""

from __future__ import annotations

import json
from pathlib import Path

import torch

SIDE = 32


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
    text = CLIPTextConfig(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1,
    )  # fmt: skip
    vision = CLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=8
    )
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
    text = XCLIPTextConfig(
        vocab_size=size, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=77, bos_token_id=size - 2, eos_token_id=size - 1, pad_token_id=size - 1,
    )  # fmt: skip
    vision = XCLIPVisionConfig(
        hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2, image_size=SIDE, patch_size=8,
        num_frames=8, mit_hidden_size=24, mit_intermediate_size=48, mit_num_hidden_layers=1, mit_num_attention_heads=2,
    )  # fmt: skip
    config = XCLIPConfig(
        text_config=text.to_dict(), vision_config=vision.to_dict(), projection_dim=24, prompt_num_attention_heads=2
    )
    XCLIPModel(config).save_pretrained(folder)
    return folder
