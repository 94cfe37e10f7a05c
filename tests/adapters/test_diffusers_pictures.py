"""First frames, last frames and references in the real diffusers code, on tiny random weights."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.adapters.test_diffusers import make
from vbench.adapters.diffusers.adapter import DiffusersAdapter
from vbench.catalog.card import ModelCard
from vbench.catalog.cards import cards
from vbench.errors import JobError
from vbench.records import Prompt, Request
from vbench.video import probe

tiny = pytest.importorskip("tests.fakes.tiny_image_pipelines")
REAL = {
    "wan_i2v": "wan-2.1-flf2v-14b",
    "wan_vace": "wan-2.1-vace-1.3b",
    "skyreels_i2v": "skyreels-v2-i2v-14b",
    "cogvideox_i2v": "cogvideox-5b-i2v",
    "helios": "helios",
    "anyflow": "anyflow-far-1.3b",
}
"""Tiny pipeline → the card whose class and arguments it has."""


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on several threads than on one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        return root / name if (root / name).exists() else tiny.save(name, root / name)

    return folder


def card(name: str, folder: Path, **options: Any) -> ModelCard:
    real = cards()[REAL[name]]
    return real.model_copy(
        update={
            "limits": real.limits.model_copy(update={"vram_gb": None}),
            "options": copy.deepcopy(tiny.OPTIONS[name]) | {"repo": str(folder)} | options,
        }
    )


def picture(folder: Path, name: str, colour: tuple[int, int, int]) -> str:
    Image.new("RGB", (40, 24), colour).save(folder / f"{name}.png")
    return str(folder / f"{name}.png")


@pytest.fixture
def frames(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What the pipelines have made, before it is rounded to pixels: such small networks hardly move them."""
    from vbench.adapters.diffusers import adapter as module

    seen: list[Any] = []
    video_of = module.video_of

    def kept(*args: Any, **options: Any) -> Any:
        seen.append(video_of(*args, **options))
        return seen[-1]

    monkeypatch.setattr(module, "video_of", kept)
    return seen


@pytest.mark.parametrize("name", sorted(REAL))
def test_the_tiny_pipeline_is_of_the_real_card(name: str) -> None:
    options = cards()[REAL[name]].options
    assert type(tiny.BUILDERS[name]()).__name__ == options["pipeline"]
    assert tiny.OPTIONS[name]["arguments"] == options["arguments"]


@pytest.mark.parametrize("name", sorted(REAL))
def test_a_first_frame_is_seen_by_the_model(name: str, weights: Any, frames: list[Any], tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card(name, weights(name)))
    for colour, rgb in (("red", (220, 30, 30)), ("blue", (30, 30, 220)), ("again", (220, 30, 30))):
        prompt = Prompt(id="fox", text="a red fox", image=picture(tmp_path, colour, rgb))
        path, facts = make(adapter, tmp_path / f"clip-{colour}", seed=1, prompt=prompt)
        found = probe(path)
        wish = tiny.OPTIONS[name]["defaults"]
        assert (found.width, found.height, found.n_frames) == (wish["width"], wish["height"], wish["frames"])
        assert facts.warnings == ()
    red, blue, again = frames
    assert (red == again).all()
    assert (red != blue).any()


@pytest.mark.parametrize("name", ["wan_i2v", "wan_vace"])
def test_a_last_frame_is_seen_by_the_model(name: str, weights: Any, frames: list[Any], tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card(name, weights(name)))
    first = picture(tmp_path, "first", (220, 30, 30))
    for n, rgb in enumerate(((30, 220, 30), (30, 30, 220))):
        prompt = Prompt(id="fox", text="a red fox", image=first, last_image=picture(tmp_path, f"last{n}", rgb))
        make(adapter, tmp_path / f"clip{n}", seed=1, prompt=prompt)
    assert (frames[0] != frames[1]).any()


def test_references_are_seen_by_the_model(weights: Any, frames: list[Any], tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card("wan_vace", weights("wan_vace")))
    for n, rgb in enumerate(((220, 30, 30), (30, 30, 220))):
        prompt = Prompt(id="fox", text="a red fox", references=(picture(tmp_path, f"who{n}", rgb),))
        make(adapter, tmp_path / f"clip{n}", seed=1, prompt=prompt)
    assert (frames[0] != frames[1]).any()
    many = tuple(picture(tmp_path, f"many{n}", (n, n, n)) for n in range(5))
    plan = adapter.plan(Request(prompt=Prompt(id="fox", text="a fox", references=many)))
    assert len(plan.body["references"]) == 3
    assert "takes 3 reference pictures; 2 of the prompt's are left out" in plan.warnings


def test_the_same_picture_elsewhere_is_the_same_job_and_a_changed_one_is_not_sampled(
    weights: Any, tmp_path: Path
) -> None:
    adapter = DiffusersAdapter(card("wan_i2v", weights("wan_i2v")))
    (tmp_path / "other").mkdir()
    plans = [
        adapter.plan(Request(prompt=Prompt(id="fox", text="a fox", image=path)))
        for path in (
            picture(tmp_path, "first", (220, 30, 30)),
            picture(tmp_path / "other", "moved", (220, 30, 30)),
            picture(tmp_path, "blue", (30, 30, 220)),
        )
    ]
    assert plans[0].identity == plans[1].identity != plans[2].identity
    handle = adapter.submit(plans[0])
    picture(tmp_path, "first", (1, 2, 3))
    with pytest.raises(JobError, match="changed since the job was planned"):
        adapter.fetch(handle, tmp_path / "clip")


def test_a_makers_negative_prompt_is_sent_where_there_is_no_other(weights: Any, tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card("wan_i2v", weights("wan_i2v"), negative="blurred"))
    image = picture(tmp_path, "first", (220, 30, 30))
    for wish, sent in (("", "blurred"), ("snow", "snow")):
        plan = adapter.plan(Request(prompt=Prompt(id="fox", text="a fox", image=image), negative=wish))
        assert plan.body["call"]["negative_prompt"] == sent


def test_minimax_h3_runs_from_its_modular_blocks_as_its_card_says(tmp_path: Path) -> None:
    """Takes its time: the shortest clip that the pipeline makes has 124 frames and five seconds of sound."""
    real = cards()["minimax-h3-open"]
    options = copy.deepcopy(real.options)
    assert (options["defaults"]["frames"], options["frames"]["min"]) == (124, 124)
    options |= {"repo": str(tiny.save_minimax_h3(tmp_path / "weights")), "dtypes": {"default": "float32"}}
    options["defaults"] = options["defaults"] | {"width": 32, "height": 32}
    options["call"] = {"num_inference_steps": 2}
    limits = real.limits.model_copy(update={"vram_gb": None})
    adapter = DiffusersAdapter(real.model_copy(update={"limits": limits, "options": options}))
    path, facts = make(adapter, tmp_path / "clip", seed=1, seconds=5)
    found = probe(path)
    assert (found.width, found.height, found.n_frames, found.fps) == (32, 32, 124, pytest.approx(24.0))
    assert found.has_audio
    assert found.audio_duration_s == pytest.approx(165_600 / 32_000, abs=0.1), "sound at 32 kHz, as the card says"
    assert adapter._pipeline.canvas_multiple == real.options["size_multiple"]
    assert adapter._pipeline.audio_sampling_rate == real.options["audio_rate"]
    assert int(adapter._pipeline.max_duration * adapter._pipeline.fps) >= real.options["frames"]["max"]
    assert facts.extra["pipeline"] == "MiniMaxH3ModularPipeline"
