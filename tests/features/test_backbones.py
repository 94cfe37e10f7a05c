"""DINOv2, X-CLIP, RAFT and the aesthetic head on random weights: against the models' own forward pass."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.fakes.tiny_models import SIDE, save_clip, save_dino, save_xclip
from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features.aesthetic import AestheticFeature
from vbench.features.dino import IMAGENET_MEAN, IMAGENET_STD, DinoFeature
from vbench.features.raft import RaftCollector, RaftFeature
from vbench.features.xclip import VideoTextFeature
from vbench.records import Prompt


def pictures(n, height, width, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (n, 3, height, width), np.uint8))


@pytest.mark.parametrize("device", ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def test_dino_is_the_class_token_of_whole_patches(tmp_path, device):
    from transformers import Dinov2Model

    folder = save_dino(tmp_path / "dino")
    frames = pictures(2, 75, 100)
    with torch.inference_mode():
        ours = DinoFeature(Settings({"dino.model": str(folder)}, device)).load().encode(frames.to(device)).cpu()
        cut = frames[:, :, 2:72, 1:99].float() / 255
        normal = (cut - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
        theirs = Dinov2Model.from_pretrained(folder)(pixel_values=normal).last_hidden_state[:, 0]
    assert torch.allclose(ours, theirs, atol=1e-4)


def test_x_clip_equals_the_models_own_logits(tmp_path):
    from transformers import AutoTokenizer, XCLIPModel

    folder = save_xclip(tmp_path / "xclip")
    text = "a boat at dusk"
    frames = pictures(16, SIDE, SIDE).view(2, 8, 3, SIDE, SIDE)
    encoder = VideoTextFeature(Settings({"xclip.model": str(folder)})).load()
    with torch.inference_mode():
        rows = encoder.encode(frames).numpy()
    collector = encoder.collect(None, Prompt(id="p", text=text))
    collector.add(np.array([1.0, 2.0]), np.array([8, 16]), rows, None)
    model = XCLIPModel.from_pretrained(folder).eval()
    tokens = AutoTokenizer.from_pretrained(folder)([text], return_tensors="pt")
    normal = (frames.float() / 255 - encoder._mean) / encoder._std
    with torch.inference_mode():
        for video, ours in zip(normal, collector.close().value, strict=True):
            found = model(pixel_values=video[None], **tokens)
            cosine = found.logits_per_video / model.logit_scale.exp()
            assert ours == pytest.approx(100 * float(cosine), abs=1e-3)


def test_x_clip_is_taken_at_the_commit_of_the_cache_and_never_downloaded_without_a_pin(tmp_path, monkeypatch):
    with pytest.raises(WeightsError, match=r"microsoft/xclip-base-patch32 \(about 786 MB\).*--set xclip.model=PATH"):
        VideoTextFeature(Settings()).fetch()
    assert "hf download" in VideoTextFeature(Settings()).weights()[0].by_hand
    folder = save_xclip(tmp_path / "snapshots" / "0123abcd")
    asked = []

    def cached(repo, name, *, revision):
        asked.append((repo, revision))
        return str(folder / name)

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    feature = VideoTextFeature(Settings())
    feature.fetch()
    assert feature.params()["model"] == "0123abcd"
    assert set(asked) == {("microsoft/xclip-base-patch32", "main")}


def test_loading_shows_no_bar_and_leaves_the_setting_as_it_was(tmp_path, capfd):
    from transformers.utils import logging

    folder = save_dino(tmp_path / "dino")
    capfd.readouterr()
    was_shown = logging.is_progress_bar_enabled()
    logging.enable_progress_bar()
    try:
        DinoFeature(Settings({"dino.model": str(folder)})).load()
        assert capfd.readouterr().err == ""
        assert logging.is_progress_bar_enabled()
    finally:
        if not was_shown:
            logging.disable_progress_bar()


def test_a_download_of_raft_prints_nothing_on_standard_output(monkeypatch, capsys):
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *args, **kwargs: print("Downloading"))
    RaftFeature(Settings()).fetch()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Downloading" in printed.err


def test_aesthetic_head_is_linear_on_unit_embeddings(tmp_path):
    folder = save_clip(tmp_path / "clip")
    head = torch.nn.Linear(24, 1)
    torch.save(head.state_dict(), tmp_path / "head.pth")
    settings = Settings({"aesthetic.clip": str(folder), "aesthetic.head": str(tmp_path / "head.pth")})
    feature = AestheticFeature(settings)
    assert all(weights.present for weights in feature.weights())
    encoder, frames = feature.load(), pictures(3, SIDE, SIDE)
    with torch.inference_mode():
        points = encoder.encode(frames)
        from transformers import CLIPModel

        model = CLIPModel.from_pretrained(folder).eval()
        normal = (frames.float() / 255 - encoder._mean) / encoder._std
        rows = model.visual_projection(model.vision_model(pixel_values=normal).pooler_output).numpy()
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    expected = rows @ head.weight.detach().numpy().T + head.bias.detach().numpy()
    assert points.numpy() == pytest.approx(expected[:, 0], abs=1e-4)


def test_a_head_of_another_size_is_refused(tmp_path):
    folder = save_clip(tmp_path / "clip")
    torch.save(torch.nn.Linear(768, 1).state_dict(), tmp_path / "head.pth")
    settings = Settings({"aesthetic.clip": str(folder), "aesthetic.head": str(tmp_path / "head.pth")})
    with pytest.raises(WeightsError, match="not a linear head for 24"):
        AestheticFeature(settings).load()


def test_raft_pads_small_pictures_and_crops_its_flow(tmp_path):
    from torchvision.models.optical_flow import raft_large

    torch.manual_seed(0)
    model = raft_large(weights=None).eval()
    torch.save(model.state_dict(), tmp_path / "raft.pth")
    settings = Settings({"flow.backend": "raft", "raft.model": str(tmp_path / "raft.pth")})
    encoder = RaftFeature(settings).load()
    frames = pictures(2, 128, 132).view(1, 2, 3, 128, 132)
    with torch.inference_mode():
        ours = encoder.encode(frames)
        padded = torch.nn.functional.pad(frames[0].float() / 127.5 - 1, (0, 4, 0, 0), mode="replicate")
        theirs = model(padded[:1], padded[1:], num_flow_updates=12)[-1][..., :132]
        backwards = model(padded[1:], padded[:1], num_flow_updates=12)[-1][..., :132]
    assert ours.shape == (1, 2, 128, 132, 2)
    assert torch.allclose(ours[:, 0].permute(0, 3, 1, 2), theirs, atol=1e-3)
    assert torch.allclose(ours[:, 1].permute(0, 3, 1, 2), backwards, atol=1e-3)


def test_raft_rows_become_speeds_in_diagonals_per_second():
    collector = RaftCollector()
    ground = np.random.default_rng(0).integers(0, 256, (60, 80, 3), np.uint8)
    flow = np.zeros((2, 60, 80, 2), np.float32)
    flow[0, ..., 0], flow[1, ..., 0] = 5.0, -5.0
    for i in range(3):
        pair = np.stack([np.roll(ground, 5 * i, 1), np.roll(ground, 5 * (i + 1), 1)])
        collector.add(np.array([(i + 1) / 8]), np.array([3 * (i + 1)]), flow[None], pair[None])
    found = collector.close()
    assert found.median == pytest.approx(5 / 100 * 8, rel=1e-4)
    assert found.camera == pytest.approx(found.median, rel=1e-3)
    assert found.residual.max() < 12  # only the columns that enter


def test_a_file_that_is_not_raft_is_refused(tmp_path):
    torch.save({"weight": torch.zeros(1)}, tmp_path / "raft.pth")
    with pytest.raises(WeightsError, match="not weights of RAFT"):
        RaftFeature(Settings({"raft.model": str(tmp_path / "raft.pth")})).load()
