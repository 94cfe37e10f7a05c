"""Trains the small CLIP of the synthetic world, measures it on scenes it never saw, and writes it with its card.

    python tools/train_tiny_clip.py vbench/data/tiny-clip --minutes 18

Two frames of each scene, at random times, are pulled to a caption of the scene (the usual contrastive loss, on the mean
of the two unit embeddings). Heads that name what is in the picture speed this up and are thrown away afterwards.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
from torch import Tensor, nn
from torch.nn import functional
from transformers import CLIPConfig, CLIPImageProcessor, CLIPModel, CLIPProcessor, CLIPTokenizer

from vbench.records import digest
from vbench.synthetic.render import Renderer
from vbench.synthetic.scene import CAMERAS, COLOURS, MOTIONS, PATTERNS, SHAPES, SIZES, Scene, caption, draw_scene

SEED = 20261123
SIDE = 64
"""Pixels; frames are resized to this short side and cut to a square."""
MEAN, STD = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the pixels, as OpenAI's CLIP has them, so that one preprocessing serves both."""
MAX_TOKENS = 77
FRAMES_PER_SCENE = 4
N_DISTRACTORS = 15


def is_held_out(scene: Scene) -> bool:
    """Whether a scene is kept from training: one in eight of the triples (shape, its colour, background)."""
    return any(int(digest("held out", o.shape, o.colour, scene.colour), 16) % 8 == 0 for o in scene.objects)


def scenes(rng: random.Random, *, held_out: bool) -> Iterator[Scene]:
    """Scenes without end, all held out or none."""
    while True:
        scene = draw_scene(rng)
        if is_held_out(scene) == held_out:
            yield scene


# --- words ---------------------------------------------------------------------------------------------------------


def train_tokenizer(rng: random.Random) -> CLIPTokenizer:
    """CLIP's byte-level BPE in which every word of the synthetic world is one token and any other text is spelt out."""
    captions = [caption(draw_scene(rng), rng) for _ in range(20_000)]
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix="</w>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Split(",", behavior="isolated")]
    )
    tokenizer.train_from_iterator(
        captions, trainers.BpeTrainer(vocab_size=4096, end_of_word_suffix="</w>", show_progress=False)
    )
    merges = [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokens = [*alphabet, *(c + "</w>" for c in alphabet), *("".join(merge) for merge in merges)]
    tokens = [*dict.fromkeys(tokens), "<|startoftext|>", "<|endoftext|>"]
    vocabulary = {token: i for i, token in enumerate(tokens)}
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=MAX_TOKENS)


def image_processor() -> CLIPImageProcessor:
    """Short side to `SIDE`, the square in the middle, CLIP's mean and deviation."""
    return CLIPImageProcessor(
        size={"shortest_edge": SIDE},
        crop_size={"height": SIDE, "width": SIDE},
        image_mean=list(MEAN),
        image_std=list(STD),
    )


# --- pictures ------------------------------------------------------------------------------------------------------


def training_frames(scene: Scene, seed: int) -> np.ndarray[Any, Any]:
    """Frames of a scene at random times, uint8 ``(FRAMES_PER_SCENE, SIDE, SIDE, 3)``."""
    draw = np.random.default_rng(seed)
    width = 2 * round(SIDE * float(draw.choice([4 / 3, 3 / 2, 16 / 9])))
    renderer = Renderer(scene, width=width, height=2 * SIDE, seconds=scene.seconds, seed=seed)
    left = (width // 2 - SIDE) // 2
    shown = []
    for i, t_s in enumerate(draw.uniform(0, scene.seconds, FRAMES_PER_SCENE)):
        frame = renderer.frame(float(t_s), grain=i).reshape(SIDE, 2, width // 2, 2, 3).mean((1, 3))
        shown.append(frame[:, left : left + SIDE])
    return np.rint(np.stack(shown)).astype(np.uint8)


def labels(scene: Scene) -> list[float]:
    """What can be seen: background, pattern, colours, shapes, coloured shapes, each with 0 or 1."""
    seen = {(o.shape, o.colour) for o in scene.objects}
    return [
        *(float(c == scene.colour) for c in COLOURS),
        *(float(p == scene.pattern) for p in PATTERNS),
        *(float(any(c == colour for _, colour in seen)) for c in COLOURS),
        *(float(any(s == shape for shape, _ in seen)) for s in SHAPES),
        *(float((s, c) in seen) for s in SHAPES for c in COLOURS),
        *(float(any(z == o.size for o in scene.objects)) for z in SIZES),
        *(float(any(m == o.motion for o in scene.objects)) for m in MOTIONS),
        *(float(m == scene.camera) for m in CAMERAS),
    ]


def pixels(frames: Tensor) -> Tensor:
    """uint8 ``(N, H, W, 3)`` → normalised float ``(N, 3, H, W)``."""
    scaled = frames.permute(0, 3, 1, 2).float() / 255
    return (scaled - torch.tensor(MEAN)[:, None, None]) / torch.tensor(STD)[:, None, None]


# --- training ------------------------------------------------------------------------------------------------------


def new_model(tokenizer: CLIPTokenizer) -> CLIPModel:
    """About 1.5 million parameters, drawn at random."""
    tower = {"hidden_size": 128, "intermediate_size": 384, "num_attention_heads": 4, "projection_dim": 128}
    text = {
        **tower,
        "num_hidden_layers": 3,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**tower, "num_hidden_layers": 4, "image_size": SIDE, "patch_size": 8}
    return CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=128))


def unit(embeddings: Any) -> Tensor:
    """Unit rows of what `get_text_features` or `get_image_features` returns."""
    rows = embeddings if isinstance(embeddings, Tensor) else embeddings.pooler_output
    return functional.normalize(rows.float(), dim=-1)


def train(model: CLIPModel, tokenizer: CLIPTokenizer, *, n_scenes: int, minutes: float, batch: int = 128) -> None:
    """Train in place for `minutes`, over `n_scenes` scenes drawn before."""
    rng, started = random.Random(SEED), time.monotonic()
    known = [scene for scene, _ in zip(scenes(rng, held_out=False), range(n_scenes), strict=False)]
    frames = torch.from_numpy(np.stack([training_frames(scene, i) for i, scene in enumerate(known)]))
    targets = torch.tensor([labels(scene) for scene in known])
    print(f"drew {n_scenes} scenes in {time.monotonic() - started:.0f} s", flush=True)
    head = nn.Linear(128, targets.shape[1])
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.05, betas=(0.9, 0.98))
    model.train()
    started, step, done = time.monotonic(), 0, 0.0
    while done < 1:
        chosen = rng.sample(range(n_scenes), batch)
        for group in optimiser.param_groups:
            group["lr"] = 1.2e-3 * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * math.cos(math.pi / 2 * done) ** 2)
        times = torch.stack([torch.randperm(FRAMES_PER_SCENE)[:2] for _ in chosen])
        shown = frames[torch.tensor(chosen)[:, None], times].flatten(0, 1)
        noisy = pixels(shown) * (1 + 0.08 * torch.randn(len(shown), 1, 1, 1)) + 0.03 * torch.randn(len(shown), 3, SIDE, SIDE)
        words = [caption(known[i], rng) for i in chosen]
        tokens = tokenizer(words, padding=True, return_tensors="pt")
        pictures = unit(model.get_image_features(pixel_values=noisy))
        named = functional.binary_cross_entropy_with_logits(
            head(pictures * 11.3), targets[chosen].repeat_interleave(2, 0)
        )
        videos = functional.normalize(pictures.view(batch, 2, -1).mean(1), dim=-1)
        logits = model.logit_scale.exp().clamp(max=50) * videos @ unit(model.get_text_features(**tokens)).T
        truth = torch.arange(batch)
        matched = (functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)) / 2
        loss = matched + 5 * named
        optimiser.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        step, done = step + 1, (time.monotonic() - started) / (60 * minutes)
        if step % 50 == 0:
            print(f"{done:4.0%} step {step}: match {matched.item():.3f} name {named.item():.4f}", flush=True)
    model.eval()
