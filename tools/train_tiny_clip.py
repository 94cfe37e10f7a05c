"""Trains the small CLIP of the synthetic world, measures it on scenes it never saw, and writes it with its card.

    python tools/train_tiny_clip.py vbench/data/tiny-clip

Two frames of each scene, at random times, are pulled to a caption of the scene (the usual contrastive loss, on the mean
of the two unit embeddings). Heads that name what is in the picture speed this up and are thrown away afterwards.
"""

from __future__ import annotations

import argparse
import json
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
PEAK_RATE = 1.2e-3
HEAD_SCALE = 11.3
"""Square root of the width: unit embeddings reach the heads with entries of about 1."""


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
    tower = {
        "hidden_size": 128,
        "intermediate_size": 384,
        "num_attention_heads": 4,
        "projection_dim": 128,
        "hidden_act": "gelu",
    }
    text = {
        **tower,
        "num_hidden_layers": 3,
        "vocab_size": len(tokenizer),
        "max_position_embeddings": MAX_TOKENS,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    vision = {**tower, "num_hidden_layers": 4, "image_size": SIDE, "patch_size": 16}
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=128))
    model.set_attn_implementation("eager")  # twice as fast as the fused one in bfloat16 on a CPU
    return model


def unit(embeddings: Any) -> Tensor:
    """Unit rows of what `get_text_features` or `get_image_features` returns."""
    rows = embeddings if isinstance(embeddings, Tensor) else embeddings.pooler_output
    return functional.normalize(rows.float(), dim=-1)


def train(model: CLIPModel, tokenizer: CLIPTokenizer, *, n_scenes: int, n_steps: int, batch: int = 128) -> None:
    """Train in place for `n_steps` batches out of `n_scenes` scenes drawn before; bfloat16 where it is safe."""
    rng, started = random.Random(SEED), time.monotonic()
    known = [scene for scene, _ in zip(scenes(rng, held_out=False), range(n_scenes), strict=False)]
    frames = torch.from_numpy(np.stack([training_frames(scene, i) for i, scene in enumerate(known)]))
    targets = torch.tensor([labels(scene) for scene in known])
    print(f"drew {n_scenes} scenes in {time.monotonic() - started:.0f} s", flush=True)
    head = nn.Linear(model.config.projection_dim, targets.shape[1])
    parameters = [*model.parameters(), *head.parameters()]
    optimiser = torch.optim.AdamW(parameters, weight_decay=0.05, betas=(0.9, 0.98))
    model.train()
    for step in range(n_steps):
        for group in optimiser.param_groups:
            group["lr"] = PEAK_RATE * min(1.0, (step + 1) / 100) * (0.02 + 0.98 * (1 - step / n_steps) ** 1.2)
        chosen = rng.sample(range(n_scenes), batch)
        times = torch.stack([torch.randperm(FRAMES_PER_SCENE)[:2] for _ in chosen])
        shown = pixels(frames[torch.tensor(chosen)[:, None], times].flatten(0, 1))
        shown = shown * (1 + 0.08 * torch.randn(len(shown), 1, 1, 1)) + 0.03 * torch.randn_like(shown)
        words = tokenizer([caption(known[i], rng) for i in chosen], padding=True, return_tensors="pt")
        with torch.autocast("cpu", torch.bfloat16):
            pictures, texts = model.get_image_features(pixel_values=shown), model.get_text_features(**words)
        pictures, texts = unit(pictures), unit(texts)
        named = functional.binary_cross_entropy_with_logits(
            head(pictures * HEAD_SCALE), targets[chosen].repeat_interleave(2, 0)
        )
        videos = functional.normalize(pictures.view(batch, 2, -1).mean(1), dim=-1)
        logits = model.logit_scale.exp().clamp(max=50) * videos @ texts.T
        truth = torch.arange(batch)
        matched = (functional.cross_entropy(logits, truth) + functional.cross_entropy(logits.T, truth)) / 2
        optimiser.zero_grad()
        (matched + 5 * named).backward()
        nn.utils.clip_grad_norm_(parameters, 1.0)
        optimiser.step()
        if step % 50 == 49:
            spent = time.monotonic() - started
            print(f"step {step + 1}: match {matched.item():.3f} name {named.item():.4f}, {spent:.0f} s", flush=True)
    model.eval()


# --- measuring -----------------------------------------------------------------------------------------------------


@torch.inference_mode()
def video_embedding(model: CLIPModel, processor: CLIPProcessor, scene: Scene, seed: int) -> Tensor:
    """Mean of the unit embeddings of 8 frames, so that its product with a caption is the mean cosine."""
    renderer = Renderer(scene, width=384, height=256, seconds=scene.seconds, seed=seed)
    frames = [renderer.frame((i + 0.5) / 8 * scene.seconds, grain=i) for i in range(8)]
    return unit(model.get_image_features(**processor(images=frames, return_tensors="pt"))).mean(0)


@torch.inference_mode()
def caption_embeddings(model: CLIPModel, processor: CLIPProcessor, captions: list[str]) -> Tensor:
    """Unit rows, one per caption."""
    return unit(model.get_text_features(**processor(text=captions, padding=True, return_tensors="pt")))


def retrieval(model: CLIPModel, processor: CLIPProcessor, *, n_clips: int, seed: int) -> float:
    """Share of held-out clips whose own caption beats those of 15 other held-out scenes; chance is 1/16."""
    rng = random.Random(seed)
    pool = [scene for scene, _ in zip(scenes(rng, held_out=True), range(n_clips), strict=False)]
    texts = caption_embeddings(model, processor, [caption(scene, rng) for scene in pool])
    n_won = 0
    for i, scene in enumerate(pool):
        others = rng.sample([j for j in range(n_clips) if pool[j] != scene], N_DISTRACTORS)
        cosines = texts[[i, *others]] @ video_embedding(model, processor, scene, seed + i)
        n_won += bool(cosines[0] > cosines[1:].max())
    return n_won / n_clips


def one_word_pairs(model: CLIPModel, processor: CLIPProcessor, *, n_clips: int, seed: int) -> dict[str, float]:
    """For each part of a scene: share of held-out clips whose caption beats one with that part alone swapped."""
    rng = random.Random(seed)
    n_won = dict.fromkeys(("shape", "colour", "background", "pattern", "size", "motion", "camera"), 0)
    for i, scene in zip(range(n_clips), scenes(rng, held_out=True), strict=False):
        first = scene.objects[0]
        other = draw_other(scene, rng)
        changed = {
            "shape": replace(scene, objects=(replace(first, shape=other.objects[0].shape), *scene.objects[1:])),
            "colour": replace(scene, objects=(replace(first, colour=other.objects[0].colour), *scene.objects[1:])),
            "background": replace(scene, colour=other.colour),
            "pattern": replace(scene, pattern=other.pattern),
            "size": replace(scene, objects=(replace(first, size=other.objects[0].size), *scene.objects[1:])),
            "motion": replace(scene, objects=(replace(first, motion=other.objects[0].motion), *scene.objects[1:])),
            "camera": replace(scene, camera=other.camera),
        }
        state = rng.getstate()
        captions = []
        for each in (scene, *changed.values()):  # the same phrasing for all
            rng.setstate(state)
            captions.append(caption(each, rng))
        cosines = caption_embeddings(model, processor, captions) @ video_embedding(model, processor, scene, seed + i)
        for name, cosine in zip(changed, cosines[1:], strict=True):
            n_won[name] += bool(cosines[0] > cosine)
    return {name: won / n_clips for name, won in n_won.items()}


def draw_other(scene: Scene, rng: random.Random) -> Scene:
    """A scene that differs from `scene` in every part of it and of its first object."""
    first, used = scene.objects[0], {scene.colour, *(o.colour for o in scene.objects)}
    while True:
        other = draw_scene(rng)
        thing = other.objects[0]
        same = (
            thing.shape in {o.shape for o in scene.objects},
            bool({thing.colour, other.colour} & used),
            other.pattern == scene.pattern,
            thing.size == first.size,
            thing.motion == first.motion,
            other.camera == scene.camera,
        )
        if not any(same):
            return other


CARD = """\
---
license: apache-2.0
library_name: transformers
tags: [clip, synthetic]
---
# A small CLIP of the synthetic world

It knows {n_shapes} shapes in {n_colours} colours and {n_sizes} sizes, their {n_motions} motions,
{n_patterns} background patterns and {n_cameras} camera moves, as `vbench.synthetic` draws them, **and nothing else**.
On any other picture or text its numbers mean nothing. vbench uses it for the demo and for tests, and for real clips
never unless it is asked for by name.

A `transformers.CLIPModel` of {n_parameters:,} parameters ({n_bytes:,} bytes, stored in float16, used in float32), for
{side} x {side} pixels. Made by `tools/train_tiny_clip.py` with seed {seed}: {n_steps} steps of 128 scenes
with two frames each, out of {n_scenes:,} scenes. One in eight of all triples (shape, its colour, background colour) was
kept from training.

Measured on scenes with such a triple, 384 x 256 pixels, mean cosine over 8 frames:

| question | right | chance |
|---|---|---|
| which of 16 captions of held-out scenes ({n_clips} clips) | {retrieval:.1%} | 6.2% |
{pairs}

It sees colours and patterns surely and shapes roughly. A frame does not show where things go: left to right and right
to left look alike to it, and so do grow and shrink. What it knows of motion and camera is where things are on average.
"""


def save(model: CLIPModel, processor: CLIPProcessor, out: Path, *, n_scenes: int, n_steps: int) -> None:
    """Write the model, load it again as a user would, measure that, and write its card."""
    model.half().save_pretrained(out)
    processor.save_pretrained(out)
    processor.image_processor.save_pretrained(out)  # by itself too, for readers that know no processors
    config = json.loads((out / "config.json").read_text())
    config["dtype"] = "float32"  # as what it is loaded; the file holds half the bytes
    (out / "config.json").write_text(json.dumps(config, indent=2) + "\n")
    loaded, its_processor = CLIPModel.from_pretrained(out), CLIPProcessor.from_pretrained(out)
    loaded.eval()
    won = retrieval(loaded, its_processor, n_clips=400, seed=SEED)
    pairs = one_word_pairs(loaded, its_processor, n_clips=200, seed=SEED + 1)
    print(f"retrieval {won:.3f}", pairs, flush=True)
    rows = [
        f"| own caption or one with another {name} (200 clips) | {share:.1%} | 50% |" for name, share in pairs.items()
    ]
    card = CARD.format(
        n_shapes=len(SHAPES),
        n_colours=len(COLOURS),
        n_sizes=len(SIZES),
        n_motions=len(MOTIONS),
        n_patterns=len(PATTERNS),
        n_cameras=len(CAMERAS),
        n_parameters=sum(p.numel() for p in loaded.parameters()),
        n_bytes=(out / "model.safetensors").stat().st_size,
        side=SIDE,
        seed=SEED,
        n_steps=n_steps,
        n_scenes=n_scenes,
        n_clips=400,
        retrieval=won,
        pairs="\n".join(rows),
    )
    (out / "README.md").write_text(card)
    for path in out.iterdir():
        path.chmod(0o644)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, help="folder to write")
    parser.add_argument("--steps", type=int, default=1200, help="0.15 s each on a core with AMX")
    parser.add_argument("--scenes", type=int, default=10_000, help="drawn beforehand; 50 kB and 7 ms each")
    options = parser.parse_args()
    torch.manual_seed(SEED)
    tokenizer = train_tokenizer(random.Random(SEED))
    model = new_model(tokenizer)
    train(model, tokenizer, n_scenes=options.scenes, n_steps=options.steps)
    processor = CLIPProcessor(image_processor=image_processor(), tokenizer=tokenizer)
    save(model, processor, options.out, n_scenes=options.scenes, n_steps=options.steps)


if __name__ == "__main__":
    main()
