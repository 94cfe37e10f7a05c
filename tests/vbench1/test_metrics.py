"""VBench 1.0's dimensions from files to numbers, against its recipe written a second time: torchvision's transforms on
float frames, plain attention over the same weights, numpy loops. Nothing of the package is in what is expected."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest
import torch
import torchvision.transforms as tv
from PIL import Image
from torchvision.transforms import InterpolationMode
from transformers import CLIPModel, CLIPTokenizer, ViTModel

from tests.fakes import tiny_models
from vbench.contracts import Embeddings, PairFlow, Rates
from vbench.errors import MetricError, OptionError, WeightsError
from vbench.metrics import METRICS
from vbench.records import Prompt
from vbench.score import measure_file
from vbench.vbench1 import metrics as dimensions

CLIP_NORMAL = tv.Normalize((0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711))
DINO_NORMAL = tv.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))
PROMPT = Prompt(
    id="ball",
    text="a red ball rolls over the grass slowly",
    expects={"vbench": {"appearance_style": {"appearance_style": "van gogh style"}}},
)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """`--set` values for tiny models of every backbone."""
    root = tmp_path_factory.mktemp("weights")
    return {
        "vbench.dino.model": str(tiny_models.tiny_dino(root / "dino")),
        "vbench.clip.model": str(tiny_models.tiny_clip(root / "clip")),
        "vbench.clip_l.model": str(tiny_models.tiny_clip(root / "clip_l", image=48, seed=7)),
        "vbench.aesthetic.head": str(tiny_models.tiny_head(root / "head.pth")),
        "vbench.viclip.model": str(tiny_models.tiny_viclip(root / "viclip.pth")),
        "vbench.raft.model": str(tiny_models.random_raft(root / "raft.pth")),
    }


def noise_clip(folder: Any, n: Any, width: Any, height: Any, seed: int = 0, *, stark: bool = False) -> Any:
    """Frames that change in every pixel, as PNG, so that what is read is what was written; RGB uint8 (n, H, W, 3)."""
    rng = np.random.default_rng(seed)
    rows, columns = np.arange(height) * 5 // height, np.arange(width) * 6 // width
    blocks = rng.integers(0, 208, (n, 5, 6, 3), np.uint8)[:, rows][:, :, columns]
    frames = blocks + rng.integers(0, 48, (n, height, width, 3), np.uint8)
    if stark:  # only 0 and 255, which bicubic resizing overshoots
        frames = np.where(frames > 127, 255, 0).astype(np.uint8)
    write_clip(folder, frames)
    return frames


def write_clip(folder: Any, frames: Any) -> None:
    folder.mkdir()
    for i, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{i:04d}.png")


def value(folder: Any, metric: Any, weights: Any, prompt: Any = PROMPT) -> Any:
    _, outcomes = measure_file(folder, prompt, metrics=[metric], device="cpu", settings=weights)
    assert not outcomes.failures, outcomes.failures[0].message
    (score,) = outcomes.scores
    return score.value


def floats(frames: Any) -> Any:
    """As VBench's `load_video` gives them: float32 (T, 3, H, W), 0 to 255."""
    return torch.tensor(frames).permute(0, 3, 1, 2).float()


def vbench_consistency(rows: Any) -> Any:
    """The loop of `subject_consistency.py`."""
    total = 0.0
    for i in range(1, len(rows)):
        former = max(0.0, torch.cosine_similarity(rows[i - 1], rows[i], dim=0).item())
        first = max(0.0, torch.cosine_similarity(rows[0], rows[i], dim=0).item())
        total += (former + first) / 2
    return total / (len(rows) - 1)


# --- subject consistency --------------------------------------------------------------------------------------------


def dino_forward(state: Any, image: Any, *, patch: Any, heads: Any, eps: Any) -> Any:
    """DINO's ViT written out, for one normalised image (3, H, W)."""
    width = state["embeddings.cls_token"].shape[-1]
    positions = state["embeddings.position_embeddings"]
    x = torch.nn.functional.conv2d(
        image[None],
        state["embeddings.patch_embeddings.projection.weight"],
        state["embeddings.patch_embeddings.projection.bias"],
        stride=patch,
    )
    x = torch.cat([state["embeddings.cls_token"], x.flatten(2).transpose(1, 2)], 1)
    h, w = image.shape[1:]
    n = positions.shape[1] - 1
    if not (x.shape[1] - 1 == n and h == w):
        rows, columns = h // patch + 0.1, w // patch + 0.1
        old = positions[:, 1:].reshape(1, int(math.sqrt(n)), int(math.sqrt(n)), width).permute(0, 3, 1, 2)
        new = torch.nn.functional.interpolate(
            old, scale_factor=(rows / math.sqrt(n), columns / math.sqrt(n)), mode="bicubic"
        )
        assert new.shape[2:] == (int(rows), int(columns))
        positions = torch.cat([positions[:, :1], new.permute(0, 2, 3, 1).reshape(1, -1, width)], 1)
    x = x + positions

    def linear(name: Any, value: Any) -> Any:
        return value @ state[f"{name}.weight"].T + state[f"{name}.bias"]

    def norm(name: Any, value: Any) -> Any:
        return torch.nn.functional.layer_norm(value, (width,), state[f"{name}.weight"], state[f"{name}.bias"], eps)

    layers = {name.split(".")[1] for name in state if name.startswith("layers.")}
    for layer in sorted(layers):
        at = f"layers.{layer}"
        y = norm(f"{at}.layernorm_before", x)
        split = [
            linear(f"{at}.attention.{p}_proj", y).reshape(1, -1, heads, width // heads).transpose(1, 2) for p in "qkv"
        ]
        shares = (split[0] @ split[1].transpose(-1, -2) / math.sqrt(width // heads)).softmax(-1)
        x = x + linear(f"{at}.attention.o_proj", (shares @ split[2]).transpose(1, 2).reshape(1, -1, width))
        y = linear(f"{at}.mlp.fc1", norm(f"{at}.layernorm_after", x))
        x = x + linear(f"{at}.mlp.fc2", torch.nn.functional.gelu(y))
    return norm("layernorm", x)[0, 0]


@pytest.mark.parametrize(("width", "height"), [(320, 180), (90, 141), (224, 224), (230, 224)])
def test_subject_consistency_is_vbenchs(tmp_path: Path, weights: Any, width: int, height: int) -> None:
    frames = noise_clip(tmp_path / "clip", 4, width, height)
    transform = tv.Compose([tv.Resize(224, antialias=False), tv.Lambda(lambda x: x.div(255.0)), DINO_NORMAL])
    model = ViTModel.from_pretrained(weights["vbench.dino.model"], add_pooling_layer=False)
    state, config = model.state_dict(), model.config
    rows = [
        dino_forward(state, image, patch=16, heads=config.num_attention_heads, eps=config.layer_norm_eps)
        for image in transform(floats(frames))
    ]
    assert value(tmp_path / "clip", "vbench.subject_consistency", weights) == pytest.approx(
        vbench_consistency(rows), abs=2e-6
    )


def test_positions_are_stretched_as_dino_does_and_not_as_transformers_does(tmp_path: Path, weights: Any) -> None:
    from vbench.contracts import Settings
    from vbench.vbench1.dino import VBenchDinoEncoder

    frames = torch.tensor(noise_clip(tmp_path / "clip", 2, 320, 180)).permute(0, 3, 1, 2)
    transform = tv.Compose([tv.Resize(224, antialias=False), tv.Lambda(lambda x: x.div(255.0)), DINO_NORMAL])
    images = transform(frames.float())
    model = ViTModel.from_pretrained(weights["vbench.dino.model"], add_pooling_layer=False)
    expected = torch.stack(
        [dino_forward(model.state_dict(), i, patch=16, heads=3, eps=model.config.layer_norm_eps) for i in images]
    )
    with torch.no_grad():
        plain = model(images, interpolate_pos_encoding=True).last_hidden_state[:, 0]
        ours = VBenchDinoEncoder(Settings(weights)).encode(frames)
    assert float((ours - expected).abs().max()) < float((plain - expected).abs().max()) / 10


# --- background consistency, aesthetic quality, appearance style ----------------------------------------------------


def clip_rows(folder: Any, images: Any) -> Any:
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        return model.visual_projection(model.vision_model(images).pooler_output)


def clip_transform(side: Any) -> Any:
    return tv.Compose(
        [
            tv.Resize(side, interpolation=InterpolationMode.BICUBIC, antialias=False),
            tv.CenterCrop(side),
            tv.Lambda(lambda x: x.float().div(255.0)),
            CLIP_NORMAL,
        ]
    )


@pytest.mark.parametrize(("width", "height"), [(320, 180), (50, 77)])
def test_background_consistency_is_vbenchs(tmp_path: Path, weights: Any, width: int, height: int) -> None:
    frames = noise_clip(tmp_path / "clip", 4, width, height)
    rows = clip_rows(weights["vbench.clip.model"], clip_transform(64)(floats(frames)))
    assert value(tmp_path / "clip", "vbench.background_consistency", weights) == pytest.approx(
        vbench_consistency(rows), abs=2e-6
    )


def test_aesthetic_quality_is_the_heads_mean_over_ten(tmp_path: Path, weights: Any) -> None:
    frames = noise_clip(tmp_path / "clip", 3, 130, 90)
    rows = clip_rows(weights["vbench.clip_l.model"], clip_transform(48)(floats(frames)))
    head = torch.load(weights["vbench.aesthetic.head"])
    points = (rows / rows.norm(dim=1, keepdim=True)) @ head["weight"].T + head["bias"]
    expected = float(points.mean()) / 10
    assert abs(expected) > 1e-3
    assert value(tmp_path / "clip", "vbench.aesthetic_quality", weights) == pytest.approx(expected, abs=1e-5)


def test_appearance_style_takes_pillows_frames_and_the_style_phrase(tmp_path: Path, weights: Any) -> None:
    frames = noise_clip(tmp_path / "clip", 3, 131, 90)
    folder = weights["vbench.clip.model"]
    to_tensor = tv.Compose(
        [tv.Resize(64, interpolation=InterpolationMode.BICUBIC), tv.CenterCrop(64), tv.ToTensor(), CLIP_NORMAL]
    )
    rows = clip_rows(folder, torch.stack([to_tensor(Image.fromarray(frame)) for frame in frames]))
    tokens = CLIPTokenizer.from_pretrained(folder)("van gogh style", return_tensors="pt")
    model = CLIPModel.from_pretrained(folder)
    with torch.no_grad():
        phrase = model.text_projection(model.text_model(**tokens).pooler_output)
    expected = float(torch.cosine_similarity(rows, phrase).mean())
    assert value(tmp_path / "clip", "vbench.appearance_style", weights) == pytest.approx(expected, abs=2e-6)


def test_appearance_style_of_a_prompt_without_style_is_a_failure_that_says_so(tmp_path: Path, weights: Any) -> None:
    noise_clip(tmp_path / "clip", 2, 64, 64)
    _, outcomes = measure_file(
        tmp_path / "clip",
        Prompt(id="p", text="a ball"),
        metrics=["vbench.appearance_style"],
        device="cpu",
        settings=weights,
    )
    (failure,) = outcomes.failures
    assert failure.code == "not_applicable"
    assert "no style phrase" in failure.message


# --- temporal flickering --------------------------------------------------------------------------------------------


def test_flicker_is_vbenchs_loop(tmp_path: Path) -> None:
    frames = noise_clip(tmp_path / "clip", 5, 33, 21)
    steps = [np.mean(np.abs(a.astype(np.float32) - b.astype(np.float32))) for a, b in pairwise(frames)]
    assert value(tmp_path / "clip", "vbench.temporal_flickering", {}) == pytest.approx(
        (255.0 - np.mean(steps)) / 255.0, abs=1e-7
    )


def test_flicker_of_black_and_white_frames_is_0_and_frozen_frames_count(tmp_path: Path) -> None:
    black, white = np.zeros((16, 16, 3), np.uint8), np.full((16, 16, 3), 255, np.uint8)
    write_clip(tmp_path / "flicker", [black, white, black])
    write_clip(tmp_path / "doubled", [black, black, white, white, black, black])
    assert value(tmp_path / "flicker", "vbench.temporal_flickering", {}) == 0.0
    assert value(tmp_path / "doubled", "vbench.temporal_flickering", {}) == pytest.approx(1 - 2 / 5)


@pytest.mark.parametrize(("width", "height", "tags"), [(96, 64, {}), (64, 580, {}), (96, 64, {"colorspace": 1})])
def test_compressed_frames_are_the_pixels_that_opencv_gives(
    tmp_path: Path, width: int, height: int, tags: dict[str, Any]
) -> None:
    """Untagged colours are BT.601 at any size, tagged ones as tagged; by swscale's plain path."""
    path = tmp_path / "clip.mp4"
    frames = noise_clip(tmp_path / "made", 4, width, height)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=8)
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for name, tag in tags.items():
            setattr(stream.codec_context, name, tag)
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, "rgb24")))
        container.mux(stream.encode())
    capture, read = cv2.VideoCapture(str(path)), []
    while (found := capture.read())[0]:
        read.append(found[1].astype(np.float32))
    steps = [np.mean(cv2.absdiff(a, b)) for a, b in pairwise(read)]
    assert len(steps) == 3
    ours = value(path, "vbench.temporal_flickering", {})
    assert ours == pytest.approx((255.0 - np.mean(steps)) / 255.0, abs=1e-7)


def test_a_frozen_clip_is_perfect(tmp_path: Path, weights: Any) -> None:
    """The fault of VBench that the docs name first."""
    frame = np.random.default_rng(1).integers(0, 256, (48, 80, 3), np.uint8)
    write_clip(tmp_path / "clip", [frame] * 4)
    for name in ("subject_consistency", "background_consistency", "temporal_flickering"):
        assert value(tmp_path / "clip", f"vbench.{name}", weights) == pytest.approx(1.0, abs=1e-6)


# --- RAFT -----------------------------------------------------------------------------------------------------------


def raft_scores(path: Any, pictures: Any, share: Any) -> Any:
    """RAFT over neighbouring pictures (uint8 H, W, 3) with the authors' padding; mean of the largest vectors."""
    from torchvision.models.optical_flow import raft_large

    model = raft_large(weights=None).eval()
    model.load_state_dict(torch.load(path))
    height, width = pictures[0].shape[:2]
    down, across = ((size // 8 + 1) * 8 - size if size % 8 else 0 for size in (height, width))
    border = [(down // 2, down - down // 2), (across // 2, across - across // 2), (0, 0)]
    images = [
        2 * torch.tensor(np.pad(picture, border, mode="edge")).permute(2, 0, 1)[None].float() / 255 - 1
        for picture in pictures
    ]
    scores = []
    for first, second in pairwise(images):
        with torch.no_grad():
            flow = model(first, second, num_flow_updates=20)[-1][0].numpy()
        lengths = np.sqrt(flow[0] ** 2 + flow[1] ** 2).flatten()
        scores.append(float(np.mean(np.abs(np.sort(-lengths))[: int(lengths.size * share)])))
    return scores


def test_flow_of_pairs_is_vbenchs(tmp_path: Path, weights: Any) -> None:
    """24 fps: every third frame, at the size of the file, padded and not cut again."""
    frames = noise_clip(tmp_path / "clip", 6, 131, 129)
    expected = raft_scores(weights["vbench.raft.model"], [frames[0], frames[3]], 0.05)
    _, outcomes = measure_file(
        tmp_path / "clip", PROMPT, metrics=["vbench.dynamic_degree"], device="cpu", settings=weights
    )
    (timeline,) = outcomes.timelines
    assert timeline.t_s == pytest.approx((3 / 24,))
    assert timeline.value == pytest.approx([s / (6 * 129 / 256) for s in expected], rel=1e-4)


def test_static_filter_sees_all_pairs_and_both_ends(tmp_path: Path, weights: Any) -> None:
    frames = noise_clip(tmp_path / "clip", 3, 128, 128)
    first, middle, last = frames
    pairs = raft_scores(weights["vbench.raft.model"], [first, middle, last, first], 0.02)
    there = raft_scores(weights["vbench.raft.model"], [first, last], 0.02)
    threshold = 3 * 128 / 256
    static = sum(s > threshold for s in pairs[:2]) <= 0 and max(there[0], pairs[2]) <= 0.0
    _, outcomes = measure_file(tmp_path / "clip", PROMPT, metrics=["vbench.static"], device="cpu", settings=weights)
    assert outcomes.timelines[0].value == pytest.approx([s / threshold for s in pairs[:2]], rel=1e-4)
    assert outcomes.scores[0].value == float(static)


def test_ends_of_the_clip_are_the_flow_from_first_to_last_and_back(tmp_path: Path, weights: Any) -> None:
    from vbench.contracts import Settings
    from vbench.extract.extraction import Wanted, extract
    from vbench.vbench1.raft import VBenchStaticFlowFeature

    frames = noise_clip(tmp_path / "clip", 3, 128, 128)
    feature = VBenchStaticFlowFeature(Settings(weights))
    (found,) = extract([Wanted(path=tmp_path / "clip", probe=None, prompt=PROMPT)], [feature], workers=1)
    there, back = raft_scores(weights["vbench.raft.model"], [frames[0], frames[2], frames[0]], 0.02)
    assert found.values["vbench_static_flow"].ends == pytest.approx((there, back), rel=1e-4)


def test_small_frames_are_refused_with_the_size_raft_needs(tmp_path: Path, weights: Any) -> None:
    noise_clip(tmp_path / "clip", 4, 64, 64)
    _, outcomes = measure_file(
        tmp_path / "clip", PROMPT, metrics=["vbench.dynamic_degree"], device="cpu", settings=weights
    )
    assert "at least 121 pixels" in outcomes.failures[0].message


def pair_flow(pixels: Any, side: int = 256, ends: Any = None) -> Any:
    n = len(pixels)
    return PairFlow(np.arange(n) / 8.0, np.arange(n), np.array(pixels, float), side, ends)


@pytest.mark.parametrize(
    ("pixels", "side", "expected"),
    [
        ([7] * 4 + [0] * 11, 256, 1),  # 16 sampled frames: four moving pairs are enough
        ([7] * 3 + [0] * 12, 256, 0),
        ([6] * 15, 256, 0),  # the threshold itself does not move
        ([7] * 15, 512, 0),  # twice the size, twice the threshold
        ([13] * 15, 512, 1),
        ([0], 256, 1),  # two sampled frames: round(0.5) is 0, and any clip counts as moving
        ([], 256, 0),  # one sampled frame: no pair is looked at
        ([7] + [0] * 4, 256, 0),  # six: round(1.5) is 2
        ([7] + [0] * 5, 256, 0),  # seven: round(1.75) is 2
        ([7] + [0] * 3, 256, 1),  # five: round(1.25) is 1
    ],
)
def test_dynamic_degree_counts_as_vbench_does(pixels: Any, side: int, expected: int) -> None:
    assert dimensions.dynamic_degree(pair_flow(pixels, side)).value == expected


@pytest.mark.parametrize(
    ("pixels", "ends", "expected"),
    [
        ([0] * 15, (0, 0), 1),
        ([4] * 2 + [0] * 13, (0, 0), 1),  # 16 frames: two moving pairs are allowed
        ([4] * 3 + [0] * 12, (0, 0), 0),
        ([0] * 15, (12, 0), 1),  # 3 x 2 x 2 is allowed between the ends
        ([0] * 15, (12.1, 0), 0),
        ([0] * 15, (0, 12.1), 0),
        ([0] * 2, (0.1, 0), 0),  # three frames: nothing is allowed at all
    ],
)
def test_static_filter_counts_as_vbench_does(pixels: Any, ends: Any, expected: int) -> None:
    assert dimensions.static(pair_flow(pixels, ends=ends)).value == expected


# --- ViCLIP ---------------------------------------------------------------------------------------------------------


def quick_gelu(x: Any) -> Any:
    return x / (1 + np.exp(-1.702 * x))


def numpy_layers(state: Any, prefix: Any, x: Any, causal: Any) -> Any:
    """Transformer blocks in numpy, one sequence (L, D), heads of 64."""

    def norm(name: Any, value: Any) -> Any:
        centred = value - value.mean(-1, keepdims=True)
        scale = np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
        return centred / scale * state[f"{name}.weight"] + state[f"{name}.bias"]

    n_layers = len({name.split(".")[3] for name in state if name.startswith(f"{prefix}.transformer.")})
    for i in range(n_layers):
        at = f"{prefix}.transformer.resblocks.{i}"
        y = norm(f"{at}.ln_1", x)
        q, k, v = np.split(y @ state[f"{at}.attn.in_proj_weight"].T + state[f"{at}.attn.in_proj_bias"], 3, -1)
        logits = q @ k.T / 8.0
        if causal:
            logits[np.triu_indices(len(x), 1)] = -np.inf
        shares = np.exp(logits - logits.max(-1, keepdims=True))
        mixed = shares / shares.sum(-1, keepdims=True) @ v
        x = x + mixed @ state[f"{at}.attn.out_proj.weight"].T + state[f"{at}.attn.out_proj.bias"]
        y = quick_gelu(norm(f"{at}.ln_2", x) @ state[f"{at}.mlp.c_fc.weight"].T + state[f"{at}.mlp.c_fc.bias"])
        x = x + y @ state[f"{at}.mlp.c_proj.weight"].T + state[f"{at}.mlp.c_proj.bias"]
    return x, norm


def numpy_viclip(state: Any, images: Any, tokens: Any) -> Any:
    """Cosine of eight normalised images (8, 3, 32, 32) and tokens."""
    place, time = state["vision_encoder.positional_embedding"], state["vision_encoder.temporal_positional_embedding"][0]
    kernel = state["vision_encoder.conv1.weight"][:, :, 0]
    patches = []
    for t in range(8):
        for row in range(4):
            for column in range(4):
                patch = images[t, :, row * 8 : row * 8 + 8, column * 8 : column * 8 + 8]
                patches.append((kernel * patch).sum((1, 2, 3)) + place[1 + row * 4 + column] + time[t])
    x = np.stack([state["vision_encoder.class_embedding"] + place[0], *patches])
    _, norm = numpy_layers(state, "none", x, False)
    x, _ = numpy_layers(state, "vision_encoder", norm("vision_encoder.ln_pre", x), False)
    video = norm("vision_encoder.ln_post", x[0]) @ state["vision_encoder.proj"]
    x = state["text_encoder.token_embedding.weight"][tokens] + state["text_encoder.positional_embedding"][: len(tokens)]
    x, _ = numpy_layers(state, "text_encoder", x, True)
    text = norm("text_encoder.ln_final", x[-1]) @ state["text_encoder.text_projection"]
    return video @ text / np.linalg.norm(video) / np.linalg.norm(text)


@pytest.mark.parametrize(
    ("n_frames", "indices", "text"),
    [
        (19, [0, 2, 5, 7, 9, 12, 14, 17], PROMPT.text),
        (3, [0, 1, 2, 2, 2, 2, 2, 2], "ball " * 40),  # a short clip and a long prompt
    ],
)
def test_overall_consistency_is_viclips_cosine(
    tmp_path: Path, weights: Any, n_frames: int, indices: list[int], text: Any
) -> None:
    frames = noise_clip(tmp_path / "clip", n_frames, 64, 45, stark=True)
    state = {
        name: array.double().numpy() for name, array in torch.load(weights["vbench.viclip.model"])["model"].items()
    }
    eight = torch.tensor(frames[indices]).permute(0, 3, 1, 2)  # uint8, as decord gives them here
    images = clip_transform(32)(eight).double().numpy()
    tokens = CLIPTokenizer.from_pretrained(weights["vbench.clip.model"])(text)["input_ids"]
    if len(tokens) > 32:
        tokens = [*tokens[:31], tokens[-1]]
    expected = numpy_viclip(state, images, tokens)
    prompt = Prompt(id="p", text=text)
    assert value(tmp_path / "clip", "vbench.overall_consistency", weights, prompt) == pytest.approx(expected, abs=2e-6)
    assert value(tmp_path / "clip", "vbench.temporal_style", weights, prompt) == pytest.approx(expected, abs=2e-6)


# --- declarations and bad input -------------------------------------------------------------------------------------


def test_cosines_below_0_count_0() -> None:
    rows = np.array([[1, 0], [0, 1], [-1, 0]], np.float32)
    found = dimensions.consistency(Embeddings(np.arange(3) / 24, np.arange(3), rows))
    assert found.value == 0.0
    rows = np.array([[1, 0], [-1, 0], [1, 0]], np.float32)
    assert dimensions.consistency(Embeddings(np.arange(3) / 24, np.arange(3), rows)).value == pytest.approx(0.25)


def test_one_frame_is_too_short() -> None:
    with pytest.raises(MetricError, match="two frames"):
        dimensions.consistency(Embeddings(np.zeros(1), np.zeros(1, np.int64), np.ones((1, 2), np.float32)))


def test_every_dimension_is_measured_or_named_as_missing() -> None:
    from vbench.vbench1.totals import DIMENSIONS

    measured = {name for name in METRICS if name.startswith("vbench.")} - {"vbench.static"}
    assert measured.isdisjoint(dimensions.FAMILY.not_measured)
    assert measured | set(dimensions.FAMILY.not_measured) == {f"vbench.{name}" for name in DIMENSIONS}


def test_flicker_never_rises_above_1() -> None:
    with pytest.raises(MetricError, match="outside"):
        METRICS["vbench.temporal_flickering"].measure(
            {"vbench_levels": Rates(np.zeros(1), np.zeros(1, np.int64), np.array([-5.0]))}, a_probe()
        )


def a_probe() -> Any:
    from tests.records import PROBE

    return PROBE


@pytest.mark.parametrize(
    ("setting", "content", "says"),
    [
        ("vbench.viclip.model", b"not weights", "cannot be read"),
        ("vbench.viclip.model", None, "no file"),
        ("vbench.aesthetic.head", {"weight": torch.zeros(1, 3), "bias": torch.zeros(1)}, "not the weights of"),
        ("vbench.viclip.model", {"model": {"temp": torch.zeros(1)}}, "not the weights of"),
    ],
)
def test_damaged_weights_are_named(tmp_path: Path, weights: Any, setting: str, content: Any, says: str) -> None:
    path = tmp_path / "weights.pth"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        torch.save(content, path)
    noise_clip(tmp_path / "clip", 2, 64, 64)
    metric = "vbench.aesthetic_quality" if "head" in setting else "vbench.overall_consistency"
    with pytest.raises(WeightsError, match=says):
        value(tmp_path / "clip", metric, {**weights, setting: str(path)})


def test_missing_weight_files_say_where_they_come_from(tmp_path: Path, weights: Any) -> None:
    noise_clip(tmp_path / "clip", 2, 64, 64)
    with pytest.raises(WeightsError, match=r"ViClip-InternVid-10M-FLT\.pth.*--set vbench\.viclip\.model=PATH"):
        value(tmp_path / "clip", "vbench.overall_consistency", {"vbench.clip.model": weights["vbench.clip.model"]})


def test_settings_are_checked(tmp_path: Path) -> None:
    noise_clip(tmp_path / "clip", 2, 64, 64)
    with pytest.raises(OptionError, match=r"vbench\.dino\.model"):
        value(tmp_path / "clip", "vbench.temporal_flickering", {"vbench.dino.modle": "x"})
