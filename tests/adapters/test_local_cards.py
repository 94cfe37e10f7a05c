"""Every card of an open model against the installed diffusers: classes, arguments, outputs, sizes, frames and sound."""

from __future__ import annotations

import importlib
import inspect
import re
from typing import Any

import pytest

from vbench.adapters.diffusers.options import DiffusersOptions
from vbench.catalog.card import ModelCard
from vbench.catalog.cards import cards
from vbench.errors import JobError
from vbench.records import Prompt, Request

diffusers = pytest.importorskip("diffusers")

OPEN = {name: card for name, card in cards().items() if card.adapter == "diffusers"}
PLAIN = sorted(name for name, card in OPEN.items() if "modular" not in card.options)
TRAINED = {
    "wan-2.1-1.3b": 81,
    "wan-2.2-5b": 121,
    "cogvideox-2b": 49,
    "hunyuanvideo": 129,
    "hunyuanvideo-1.5": 121,
    "skyreels-v2-14b": 121,
    "mochi-1": 163,
    "minimax-h3-open": 345,
}
"""Largest frame count that the makers name, for the models that reference measurements were made with."""
STEPS = {"Wan": 4, "SkyReelsV2": 4, "Hunyuan": 4, "Kandinsky": 4, "CogVideoX": 4, "LTX": 8, "Mochi": 6, "Motif": 4}
"""Frames per latent frame of a family's video autoencoder."""


def options(name: str) -> DiffusersOptions:
    return OPEN[name].options_as(DiffusersOptions)


def classes(name: str) -> list[Any]:
    o = options(name)
    return [getattr(diffusers, kind) for kind in (o.pipeline, o.image_pipeline) if kind]


def source(kind: Any) -> str:
    return inspect.getsource(inspect.getmodule(kind))  # type: ignore[arg-type]


@pytest.mark.parametrize("name", PLAIN)
def test_every_argument_of_a_card_is_one_of_its_pipeline(name: str) -> None:
    o = options(name)
    named = {argument for argument in o.arguments.model_dump().values() if argument}
    pictures = {o.arguments.image, o.arguments.last_image, o.arguments.references, o.arguments.video, o.arguments.mask}
    for n, kind in enumerate(classes(name)):
        takes = set(inspect.signature(kind.__call__).parameters)
        needed = named - (pictures - {None} if n == 0 and o.image_pipeline else set())
        assert needed | set(o.call) <= takes, kind
        assert "output_type" in takes
        if o.arguments.negative is not None and OPEN[name].capabilities.negative_prompt:
            assert o.arguments.negative in takes


@pytest.mark.parametrize("name", PLAIN)
def test_a_first_frame_has_a_place_where_the_card_says_so(name: str) -> None:
    can, a = OPEN[name].capabilities, options(name).arguments
    assert can.i2v == bool(a.image or a.video)
    assert can.last_image == bool(a.last_image or a.video)
    assert (can.references > 0) == bool(a.references)
    required = inspect.signature(classes(name)[0].__call__).parameters.get(a.image or "")
    if required is not None and required.default is inspect.Parameter.empty:
        assert not can.t2v, "the pipeline wants a picture"


@pytest.mark.parametrize("name", PLAIN)
def test_the_output_is_called_as_the_card_says(name: str) -> None:
    o = options(name)
    for kind in classes(name):
        text = source(kind)
        outputs = set(re.findall(r"return (\w+Output)\(", text))
        assert outputs, kind
        module = importlib.import_module(kind.__module__)
        fields = [set(inspect.signature(getattr(module, output)).parameters) for output in outputs]
        assert all({o.result, *([o.audio] if o.audio else [])} <= found for found in fields), (outputs, fields)


@pytest.mark.parametrize("name", PLAIN)
def test_sizes_and_frames_are_possible(name: str) -> None:
    o = options(name)
    for kind in classes(name):
        for multiple in map(int, re.findall(r"height % (\d+) != 0", source(kind))):
            assert o.size_multiple % multiple == 0, kind
    assert o.defaults.width % o.size_multiple == o.defaults.height % o.size_multiple == 0
    step, offset = o.frames.step_and_offset
    family = next((step for family, step in STEPS.items() if str(o.pipeline).startswith(family)), None)
    if family is not None:
        assert (step % family, offset) == (0, 1)
    assert o.frames.nearest(o.defaults.frames) == o.defaults.frames
    assert o.defaults.fps == OPEN[name].defaults.fps


@pytest.mark.parametrize("name", sorted(OPEN))
def test_a_card_knows_its_longest_clip_and_whose_its_settings_are(name: str) -> None:
    o = options(name)
    assert o.frames.max is not None
    assert o.frames.nearest(10**6) == o.frames.max
    assert o.frames.max == TRAINED.get(name, o.frames.max)
    assert re.search(r"2026-11-\d\d", o.settings_from), "whose, and when it was read"


@pytest.mark.parametrize("name", sorted(TRAINED))
def test_seconds_beyond_what_a_model_was_trained_for_are_told(name: str) -> None:
    from vbench.adapters.diffusers.adapter import DiffusersAdapter

    card: ModelCard = OPEN[name]
    plan = DiffusersAdapter(card).plan(Request(prompt=Prompt(id="p", text="a cat"), seconds=60))
    assert plan.body["call"][options(name).arguments.frames] == TRAINED[name]
    assert any(f"at most {TRAINED[name]}" in warning for warning in plan.warnings), plan.warnings


@pytest.mark.parametrize("name", [name for name in PLAIN if not OPEN[name].capabilities.t2v])
def test_a_model_that_starts_from_a_picture_is_not_run_without(name: str) -> None:
    from vbench.adapters.diffusers.adapter import DiffusersAdapter

    with pytest.raises(JobError, match="starts from a first frame"):
        DiffusersAdapter(OPEN[name]).plan(Request(prompt=Prompt(id="p", text="a cat")))


@pytest.mark.parametrize("name", [name for name in PLAIN if options(name).scheduler])
def test_the_scheduler_takes_its_settings(name: str) -> None:
    changes = dict(options(name).scheduler)
    kinds = {"flow_shift": "UniPCMultistepScheduler", "shift": "FlowMatchEulerDiscreteScheduler"}
    kind = changes.pop("type", None) or next(kinds[key] for key in changes if key in kinds)
    assert set(changes) <= set(inspect.signature(getattr(diffusers, kind).__init__).parameters)


def test_the_settings_that_reference_measurements_found_wrong_are_right() -> None:
    """Adapters 2026-11, A1, A2 and A13 to A16."""
    h3, hunyuan, wan = options("minimax-h3-open"), options("hunyuanvideo"), options("wan-2.2-a14b")
    assert (h3.defaults.width, h3.size_multiple, h3.result, h3.audio_rate) == (1344, 32, "videos", 32000)
    assert hunyuan.defaults.frames / hunyuan.defaults.fps == pytest.approx(5.375)
    assert (wan.scheduler["flow_shift"], wan.call["num_inference_steps"]) == (12.0, 40)
    assert (wan.call["guidance_scale"], wan.call["guidance_scale_2"]) == (4.0, 3.0)
    sky, anim = options("skyreels-v2-14b"), options("animatediff-v1.5")
    assert (sky.defaults.width, sky.defaults.height, sky.defaults.frames, sky.scheduler["flow_shift"]) == (
        1280,
        720,
        121,
        8.0,
    )
    assert anim.scheduler["type"] == "DDIMScheduler"
    small = options("wan-2.1-1.3b")
    assert (small.call["guidance_scale"], small.scheduler["flow_shift"]) == (6.0, 8.0)
    assert all("低质量" in options(name).negative for name in OPEN if name.startswith("wan-2") and "vace" not in name)
