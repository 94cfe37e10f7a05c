"""Weights are got whole, once, at one commit, only where they fit; what broke off goes on where it stopped."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tests.fakes.hub import COMMIT, Hub, serving
from vbench.adapters.contract import Repository
from vbench.adapters.diffusers.adapter import DiffusersAdapter
from vbench.adapters.machine import missing_weights
from vbench.adapters.repositories import check_room, get, listing, needed_files
from vbench.catalog.card import ModelCard
from vbench.errors import OptionError, WeightsError

REPO = "maker/tiny-video"
FILES = {
    "model_index.json": b'{"_class_name": "TinyPipeline"}',
    "transformer/config.json": b"{}",
    "transformer/diffusion_pytorch_model.safetensors": bytes(range(256)) * 4000,
    "vae/diffusion_pytorch_model.safetensors": b"vae" * 1000,
    "vae/diffusion_pytorch_model.bin": b"the same, pickled",
    "vae/diffusion_pytorch_model.fp16.safetensors": b"half",
    "tiny_video_v1.safetensors": b"the same in one file",
    "README.md": b"read me",
    "assets/teaser.mp4": b"film",
}
CARD = ModelCard.model_validate(
    {
        "id": "tiny",
        "name": "Tiny",
        "vendor": {"name": "none"},
        "adapter": "diffusers",
        "local": True,
        "licence": {"weights": "Apache-2.0"},
        "options": {"repo": REPO, "revision": COMMIT, "defaults": {"width": 64, "height": 64, "frames": 9, "fps": 8}},
    }
)


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with serving(Hub(REPO, FILES)) as hub:
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        yield hub


def quiet(_file: str, _here: int, _total: int) -> None:
    pass


@pytest.mark.parametrize(
    ("repository", "left_out"),
    [
        (Repository(repo=REPO), {"vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.fp16.safetensors"}),
        (
            Repository(repo=REPO, variant="fp16"),
            {"vae/diffusion_pytorch_model.bin", "vae/diffusion_pytorch_model.safetensors"},
        ),
    ],
)
def test_each_weight_is_needed_once(repository: Repository, left_out: set[str]) -> None:
    other_forms = {"tiny_video_v1.safetensors", "README.md", "assets/teaser.mp4"}
    assert set(needed_files(FILES, repository)) == FILES.keys() - left_out - other_forms


def test_of_a_lora_its_file_alone_and_of_a_part_its_folder() -> None:
    assert needed_files(FILES, Repository(repo=REPO, files=("tiny_video_v1.safetensors",))) == [
        "tiny_video_v1.safetensors"
    ]
    assert needed_files(["a.bin", "config.json", "b.bin"], Repository(repo=REPO)) == ["a.bin", "b.bin", "config.json"]
    assert len(needed_files(FILES, Repository(repo=REPO, files=("vae/*",)))) == 3


def test_weights_are_got_whole_and_then_they_are_here(hub: Hub) -> None:
    assert [lack.is_certain for lack in missing_weights(CARD, REPO)] == [True]
    assert "vbench models pull tiny" in missing_weights(CARD, REPO)[0].message
    (repository,) = DiffusersAdapter.repositories(CARD)
    wanted = listing(repository)
    total = sum(len(FILES[file.name]) for file in wanted.files)
    assert wanted.commit == COMMIT
    assert check_room([wanted]) == total
    told: list[tuple[str, int, int]] = []
    get(wanted, lambda *step: told.append(step))
    folder = Path(shutil.os.environ["HF_HUB_CACHE"]) / f"models--{REPO.replace('/', '--')}" / "snapshots" / COMMIT
    for file in wanted.files:
        assert (folder / file.name).read_bytes() == FILES[file.name]
    assert told[-1][1:] == (total, total)
    assert [step[1] for step in told] == sorted(step[1] for step in told)
    assert missing_weights(CARD, REPO) == []
    n_before = len(hub.ranges)
    again = listing(repository)
    assert check_room([again]) == 0
    get(again, quiet)
    assert len(hub.ranges) == n_before


def test_what_broke_off_goes_on_where_it_stopped(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    name, sent = "transformer/diffusion_pytorch_model.safetensors", 300_000
    hub.break_after[name] = sent
    monkeypatch.setattr("time.sleep", lambda _s: None)
    monkeypatch.setattr("huggingface_hub.constants.DOWNLOAD_CHUNK_SIZE", 65_536)
    get(listing(Repository(repo=REPO, revision=COMMIT)), quiet)
    starts = [int(asked.removeprefix("bytes=").partition("-")[0] or 0) for file, asked in hub.ranges if file == name]
    assert starts[0] == 0
    assert len(starts) == 2
    assert 0 < starts[1] <= sent


def test_weights_here_in_part_are_not_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    place = tmp_path / f"models--{REPO.replace('/', '--')}"
    (place / "snapshots" / COMMIT).mkdir(parents=True)
    assert missing_weights(CARD, REPO) == []
    (place / "blobs").mkdir()
    (place / "blobs" / "abc.incomplete").write_bytes(b"x")
    (lack,) = missing_weights(CARD, REPO)
    assert lack.is_certain
    assert "are here in part" in lack.message


def test_what_does_not_fit_is_refused_before_a_byte(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _place: shutil._ntuple_diskusage(10**12, 10**12 - 10**6, 10**6))  # type: ignore[attr-defined]
    with pytest.raises(OptionError, match=r"0\.0 GiB are to be got and 0\.0 are free .*set HF_HOME"):
        check_room([listing(Repository(repo=REPO, revision=COMMIT))])
    assert hub.ranges == []


@pytest.mark.parametrize(
    ("status", "says"),
    [(404, "no such repository or revision"), (401, "set HF_TOKEN"), (403, "set HF_TOKEN"), (500, "repeat the line")],
)
def test_a_hub_that_refuses_is_a_sentence(hub: Hub, status: int, says: str) -> None:
    hub.status = status
    with pytest.raises(WeightsError, match=says):
        listing(Repository(repo=REPO, revision=COMMIT))


def test_the_command_gets_them_and_says_so(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    import typer

    from vbench.cli import models

    monkeypatch.setattr("vbench.catalog.cards.find_card", lambda _name: CARD)
    app = typer.Typer()
    app.command()(models.models)
    result: Any = CliRunner().invoke(app, ["pull", "tiny"])
    assert result.exit_code == 0, result.output
    assert f"{REPO} at {COMMIT[:12]}: 4 files" in result.stdout
    assert "all of it is here now" in result.stdout
    assert "all of it is here" in CliRunner().invoke(app, ["pull", "tiny"]).stdout
