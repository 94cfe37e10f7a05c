"""Where weights come from: found, fetched or refused, and told apart."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any, Never

import pytest
import torch

from tests.fakes.tiny_models import save_clip, save_dino, save_xclip
from vbench.contracts import Settings
from vbench.errors import WeightsError
from vbench.features import FEATURES
from vbench.features.aesthetic import HEAD, AestheticFeature
from vbench.features.clip import ClipFramesFeature
from vbench.features.dino import DinoFeature
from vbench.features.raft import RAFT, RaftFeature
from vbench.features.weights import hub_cache
from vbench.features.xclip import VideoTextFeature


def test_x_clip_is_taken_at_the_commit_of_the_cache_and_never_downloaded_without_a_pin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(WeightsError, match=r"microsoft/xclip-base-patch32 \(about 786 MB\).*--set xclip.model=PATH"):
        VideoTextFeature(Settings()).fetch()
    assert "hf download" in VideoTextFeature(Settings()).weights()[0].by_hand
    folder = save_xclip(tmp_path / "snapshots" / "0123abcd")
    asked = []

    def cached(repo: Any, name: Any, *, revision: Any) -> Any:
        asked.append((repo, revision))
        return str(folder / name)

    monkeypatch.setattr("huggingface_hub.try_to_load_from_cache", cached)
    feature = VideoTextFeature(Settings())
    feature.fetch()
    assert feature.params()["model"] == "0123abcd"
    assert set(asked) == {("microsoft/xclip-base-patch32", "main")}


def test_loading_shows_no_bar_and_leaves_the_setting_as_it_was(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
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


def test_a_download_of_raft_prints_nothing_on_standard_output(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.hub, "load_state_dict_from_url", lambda *args, **kwargs: print("Downloading"))
    RaftFeature(Settings()).fetch()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "Downloading" in printed.err


def test_a_folder_without_weights_is_refused(tmp_path: Path) -> None:
    feature = ClipFramesFeature(Settings({"clip.model": str(tmp_path)}))
    with pytest.raises(WeightsError, match="save_pretrained"):
        feature.weights()


def test_weights_of_another_model_are_refused(tmp_path: Path) -> None:
    folder = save_clip(tmp_path / "clip")
    (folder / "model.safetensors").write_bytes(b"not weights at all")
    with pytest.raises(WeightsError, match="cannot be loaded"):
        ClipFramesFeature(Settings({"clip.model": str(folder)})).load()


def test_identity_follows_the_weights(tmp_path: Path) -> None:
    one, other = (Settings({"clip.model": str(save_clip(tmp_path / f"clip{seed}", seed=seed))}) for seed in (0, 1))
    assert ClipFramesFeature(other).params() != ClipFramesFeature(one).params()


def test_a_local_copy_is_told_by_its_digest(tmp_path: Path) -> None:
    """Of the configuration and the weights, or of a file alone; keys of scores hold it, so it never changes."""
    folder = save_clip(tmp_path / "clip")
    content = (folder / "config.json").read_bytes() + (folder / "model.safetensors").read_bytes()
    params = ClipFramesFeature(Settings({"clip.model": str(folder)})).params()
    assert params["model"] == f"sha256:{hashlib.sha256(content).hexdigest()[:16]}"
    (tmp_path / "raft.pth").write_bytes(b"some weights")
    params = RaftFeature(Settings({"raft.model": str(tmp_path / "raft.pth")})).params()
    assert params["weights"] == f"sha256:{hashlib.sha256(b'some weights').hexdigest()[:16]}"


def test_a_replaced_file_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "raft.pth"
    path.write_bytes(b"first")
    settings = Settings({"raft.model": str(path)})
    first = RAFT.identity(settings)
    path.write_bytes(b"second")
    os.utime(path, ns=(1, 1))
    assert RAFT.identity(settings) != first


def test_a_file_that_torch_hub_fetches_is_found_in_its_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (weights,) = RaftFeature(Settings()).weights()
    assert (weights.present, weights.revision, weights.by_hand) == (False, "ff5fadd5", "")
    assert hub_cache() == Path(torch.hub.get_dir()) / "checkpoints"
    hub_cache().mkdir(parents=True)
    (hub_cache() / RAFT.name).write_bytes(b"")
    (weights,) = RaftFeature(Settings()).weights()
    assert weights.present
    assert RaftFeature(Settings()).params()["weights"] == RAFT.name


def test_a_setting_that_points_nowhere_says_what_was_expected(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"raft\.model is .*nowhere.*, which is no file; expected raft_large"):
        RaftFeature(Settings({"raft.model": str(tmp_path / "nowhere.pth")})).weights()


def test_nothing_large_is_fetched_where_a_person_has_to_get_a_part(monkeypatch: pytest.MonkeyPatch) -> None:
    """The aesthetic head is a file of a person's own; without it the encoder of 1.7 GB is of no use."""
    monkeypatch.setattr("huggingface_hub.snapshot_download", lambda *args, **kwargs: pytest.fail("fetched"))
    with pytest.raises(WeightsError, match=r"--set aesthetic\.head=PATH"):
        AestheticFeature(Settings()).fetch()


@pytest.mark.parametrize("setting", ["raft.model", "aesthetic.head"])
def test_an_error_without_a_message_is_told_by_its_type(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, setting: str
) -> None:
    def fails(*args: Any, **kwargs: Any) -> Never:
        raise RuntimeError

    (tmp_path / "weights.pth").write_bytes(b"")
    monkeypatch.setattr(torch, "load", fails)
    file = {"raft.model": RAFT, "aesthetic.head": HEAD}[setting]
    with pytest.raises(WeightsError, match=r"cannot be read as PyTorch weights \(RuntimeError\)"):
        file.load(Settings({setting: str(tmp_path / "weights.pth")}))


def test_every_feature_declares_where_its_weights_come_from() -> None:
    for name in FEATURES:
        feature = FEATURES[name](Settings())
        settings = {weights.setting for weights in feature.weights()}
        assert settings == {source.setting for source in feature.weight_sources.values()}
        assert settings <= feature.settings_read().keys()
