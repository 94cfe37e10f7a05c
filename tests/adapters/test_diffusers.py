"""The real diffusers code on tiny random weights: every pipeline by one adapter, the same clip from the same seed."""

from __future__ import annotations

import copy
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from vbench.adapters.diffusers.adapter import DiffusersAdapter
from vbench.catalog.cards import ModelCard
from vbench.errors import CatalogError, JobError, OptionError, WeightsError
from vbench.records import Handle, Prompt, Request
from vbench.video import probe

tiny = pytest.importorskip("tests.fakes.tiny_pipelines")
FOX = Prompt(id="fox", text="a red fox runs in the snow")
SIX = ("wan", "cogvideox", "ltx", "animatediff", "hunyuan", "mochi")


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Networks this small are slower on several threads than on one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Name → folder of a saved tiny pipeline, built once."""
    root = tmp_path_factory.mktemp("tiny")

    def folder(name: str) -> Path:
        if not (root / name).exists():
            tiny.save(name, root / name)
        return root / name

    return folder


def card(name: str, folder: Path | str, *, i2v: bool = False, **options: Any) -> ModelCard:
    merged = copy.deepcopy(tiny.OPTIONS[name]) | {"repo": str(folder)} | options
    return ModelCard.model_validate(
        {
            "id": f"tiny-{name}",
            "name": name,
            "vendor": {"name": "none"},
            "adapter": "diffusers",
            "licence": {"weights": "none"},
            "capabilities": {"seed": True, "negative_prompt": True, "fps": name.startswith("ltx"), "i2v": i2v},
            "options": merged,
        }
    )


def make(adapter: DiffusersAdapter, out: Path, **wishes: Any) -> tuple[Path, Any]:
    plan = adapter.plan(Request(prompt=wishes.pop("prompt", FOX), **wishes))
    handle = adapter.submit(plan)
    handle = Handle(id=handle.id, data=json.loads(json.dumps(dict(handle.data))))  # as after a restart
    assert adapter.poll(handle).state == "succeeded"
    return adapter.fetch(handle, out)


@pytest.mark.parametrize("name", SIX)
def test_same_seed_bit_equal_clip_and_another_seed_another(name: str, weights: Any, tmp_path: Path) -> None:
    first, second = DiffusersAdapter(card(name, weights(name))), DiffusersAdapter(card(name, weights(name)))
    a, facts = make(first, tmp_path / "a", seed=7)
    again, _ = make(first, tmp_path / "again", seed=7)
    fresh, _ = make(second, tmp_path / "fresh", seed=7)
    other, _ = make(first, tmp_path / "other", seed=8)
    digests = [hashlib.sha256(path.read_bytes()).hexdigest() for path in (a, again, fresh, other)]
    assert digests[0] == digests[1] == digests[2] != digests[3]
    wish = tiny.OPTIONS[name]["defaults"]
    found = probe(a)
    assert (found.width, found.height, found.n_frames) == (wish["width"], wish["height"], wish["frames"])
    assert found.fps == pytest.approx(wish["fps"])
    assert facts.seed == 7
    assert facts.seed_honoured
    assert facts.extra["steps"] == 2
    assert facts.extra["steps_per_s"] == pytest.approx(2 / facts.extra["denoise_s"])
    assert min(facts.extra[part] for part in ("encode_s", "denoise_s", "decode_s", "load_s", "write_s")) > 0
    assert facts.work_s == pytest.approx(sum(facts.extra[part] for part in ("encode_s", "denoise_s", "decode_s")))


def test_frames_are_those_of_the_bare_pipeline(weights: Any, tmp_path: Path) -> None:
    import torch
    from diffusers import DiffusionPipeline

    from vbench.video import write_clip

    clip, _ = make(DiffusersAdapter(card("ltx", weights("ltx"))), tmp_path / "a", seed=3)
    pipeline = DiffusionPipeline.from_pretrained(weights("ltx"))
    bare = pipeline(
        FOX.text,
        width=64,
        height=64,
        num_frames=9,
        frame_rate=24,
        generator=torch.Generator("cpu").manual_seed(3),
        output_type="np",
        **tiny.OPTIONS["ltx"]["call"],
    ).frames[0]
    write_clip(bare, tmp_path / "bare.mp4", fps=24)
    assert clip.read_bytes() == (tmp_path / "bare.mp4").read_bytes()


def test_component_dtypes_and_scheduler_overrides_reach_the_pipeline(weights: Any) -> None:
    import torch

    adapter = DiffusersAdapter(card("wan", weights("wan")))
    pipeline = adapter._load()
    assert pipeline.vae.dtype == torch.float32
    assert pipeline.transformer.proj_out.weight.dtype == torch.bfloat16
    assert pipeline.scheduler.config.flow_shift == 3.0
    assert pipeline.scheduler.config.use_flow_sigmas  # what was not overridden stays


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"call": {"cfg": 3.0}}, "has no argument cfg"),
        ({"scheduler": {"flowshift": 3.0}}, "has no flowshift"),
        ({"scheduler": {"type": "NoSuchScheduler"}}, "has no NoSuchScheduler"),
    ],
)
def test_a_card_that_names_what_is_not_there_is_told_so(
    change: Any, sentence: str, weights: Any, tmp_path: Path
) -> None:
    with pytest.raises(OptionError, match=sentence):
        make(DiffusersAdapter(card("wan", weights("wan"), **change)), tmp_path / "x")


def test_unknown_option_is_a_complaint_about_the_card(weights: Any) -> None:
    with pytest.raises(CatalogError, match="flow_shift"):
        DiffusersAdapter(card("wan", weights("wan"), flow_shift=3))


@pytest.mark.parametrize(
    ("wishes", "called", "warning"),
    [
        ({"seconds": 2.0}, {"num_frames": 33}, None),  # 32 frames wished: 4k+1 has 33
        ({"seconds": 9.0}, {"num_frames": 81}, "at most 81"),
        ({"fps": 24}, {"num_frames": 9}, "makes 16 frames per second, 24 asked"),
        ({"width": 100, "height": 64}, {"width": 96, "height": 64}, "multiples of 16"),
        ({"audio": True}, {}, "no sound"),
        ({"negative": "text"}, {"negative_prompt": "text"}, None),
        ({"prompt_sent": "a blue cat"}, {"prompt": "a blue cat"}, None),
        ({"prompt": Prompt(id="i", text="x", image="first.png")}, {}, "takes no first frame"),
    ],
)
def test_wishes_are_honoured_or_warned_about(wishes: Any, called: Any, warning: str | None, weights: Any) -> None:
    adapter = DiffusersAdapter(card("wan", weights("wan")))
    plan = adapter.plan(Request(prompt=wishes.pop("prompt", FOX), **wishes))
    assert {key: plan.body["call"].get(key) for key in called} == called
    assert plan.sends.seconds == plan.body["call"]["num_frames"] / 16, "what will come, not what was wished"
    assert (plan.sends.width, plan.sends.height) == (plan.body["width"], plan.body["height"])
    if warning is None:
        assert plan.warnings == ()
    else:
        assert any(warning in found for found in plan.warnings), plan.warnings


def test_identity_changes_with_all_that_changes_the_picture(weights: Any) -> None:
    base = card("wan", weights("wan"))

    def identity(tool: ModelCard, **wishes: Any) -> str:
        return json.dumps(DiffusersAdapter(tool).plan(Request(prompt=FOX, **wishes)).identity, sort_keys=True)

    def changed(**options: Any) -> str:
        return identity(card("wan", weights("wan"), **options))

    same = identity(base)
    assert identity(base) == same
    others = [
        identity(base, seed=1),
        changed(revision="abc"),
        changed(dtypes={"default": "float16"}),
        changed(scheduler={}),
        changed(offload="model"),
        changed(vae={"tiling": True}),
        changed(attention="_native_math"),
        changed(cache={"type": "FirstBlockCacheConfig", "options": {"threshold": 0.2}}),
        changed(lora=[{"repo": "x/y"}]),
        identity(card("wan", weights("ltx"))),
    ]
    assert len({same, *others}) == len(others) + 1
    assert changed(seconds_per_clip=3.0) == same  # says nothing about the picture
    assert '"torch"' in same
    assert '"diffusers"' in same


def test_vae_tiling_attention_backend_and_cache_are_switched_on(weights: Any) -> None:
    tool = card(
        "wan",
        weights("wan"),
        attention="_native_math",
        vae={"tiling": True, "slicing": True},
        cache={"type": "FirstBlockCacheConfig", "options": {"threshold": 0.1}},
    )
    pipeline = DiffusersAdapter(tool)._load()
    assert pipeline.vae.use_tiling
    assert pipeline.vae.use_slicing
    assert pipeline.transformer.is_cache_enabled
    backends = {block.attn1.processor._attention_backend.value for block in pipeline.transformer.blocks}
    assert backends == {"_native_math"}


def test_a_first_frame_goes_to_the_image_pipeline_that_shares_the_weights(weights: Any, tmp_path: Path) -> None:
    Image.new("RGB", (200, 90), (220, 30, 30)).save(tmp_path / "red.png")
    Image.new("RGB", (200, 90), (30, 30, 220)).save(tmp_path / "blue.png")
    options = {"image_pipeline": "LTXImageToVideoPipeline", "arguments": {"fps": "frame_rate", "image": "image"}}
    adapter = DiffusersAdapter(card("ltx", weights("ltx"), i2v=True, **options))
    clips = {}
    for colour in ("red", "blue"):
        prompt = Prompt(id="fox", text=FOX.text, image=str(tmp_path / f"{colour}.png"))
        clips[colour], facts = make(adapter, tmp_path / colour, seed=1, prompt=prompt)
        assert facts.extra["pipeline"] == "LTXImageToVideoPipeline"
        assert len(facts.body["image_sha256"]) == 64
    assert clips["red"].read_bytes() != clips["blue"].read_bytes()
    _, facts = make(adapter, tmp_path / "text", seed=1)
    assert facts.extra["pipeline"] == "LTXPipeline"
    assert (
        next(adapter._pipeline.transformer.parameters()).data_ptr()
        == next(adapter._image_pipeline.transformer.parameters()).data_ptr()
    )
    missing = Prompt(id="fox", text="x", image=str(tmp_path / "none.png"))
    with pytest.raises(JobError, match="check the prompt's image"):
        adapter.plan(Request(prompt=missing))


def test_modular_pipeline_makes_the_same_frames_as_the_plain_one(weights: Any, tmp_path: Path) -> None:
    options = copy.deepcopy(tiny.OPTIONS["wan"]) | {"dtypes": {"default": "float32"}, "scheduler": {}}
    options["call"] = {"num_inference_steps": 2, "max_sequence_length": 16}
    plain, _ = make(DiffusersAdapter(card("wan", weights("wan"), **options)), tmp_path / "plain", seed=5)
    modular, _ = make(
        DiffusersAdapter(card("wan", weights("wan"), **options, modular={}, result="videos")), tmp_path / "mod", seed=5
    )
    assert plain.read_bytes() == modular.read_bytes()


def test_a_prompt_longer_than_its_encoder_reads_is_warned_about(weights: Any, tmp_path: Path) -> None:
    long = Prompt(id="long", text="a red fox runs " * 10)
    _, facts = make(DiffusersAdapter(card("wan", weights("wan"))), tmp_path / "x", prompt=long)
    assert any("40 tokens, its text encoder reads 16" in warning for warning in facts.warnings)
    _, facts = make(DiffusersAdapter(card("wan", weights("wan"))), tmp_path / "y")
    assert facts.warnings == ()


def test_missing_weights_are_a_sentence_and_nothing_is_fetched(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"hf download nobody/nothing --revision abc"):
        make(DiffusersAdapter(card("wan", "nobody/nothing", revision="abc")), tmp_path / "x")


def test_damaged_weights_are_a_sentence(weights: Any, tmp_path: Path) -> None:
    import shutil

    folder = shutil.copytree(weights("ltx"), tmp_path / "broken")
    next((folder / "vae").glob("*.safetensors")).unlink()
    with pytest.raises(WeightsError, match="cannot be loaded"):
        make(DiffusersAdapter(card("ltx", folder)), tmp_path / "x")


def test_remote_code_runs_only_where_card_and_user_agree(
    weights: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = card("ltx", weights("ltx"), trust_remote_code=True)
    monkeypatch.delenv("VBENCH_TRUST_REMOTE_CODE", raising=False)
    with pytest.raises(OptionError, match="VBENCH_TRUST_REMOTE_CODE=tiny-ltx"):
        make(DiffusersAdapter(tool), tmp_path / "x")
    monkeypatch.setenv("VBENCH_TRUST_REMOTE_CODE", "other, tiny-ltx")
    make(DiffusersAdapter(tool), tmp_path / "x")


def test_too_little_gpu_memory_is_a_sentence_before_loading(tmp_path: Path) -> None:
    tool = card("wan", "nobody/nothing", device="cuda").model_copy(
        update={"limits": ModelCard.model_fields["limits"].default.model_copy(update={"vram_gb": 9999})}
    )
    with pytest.raises(WeightsError, match="needs 9999 GB of GPU memory"):
        make(DiffusersAdapter(tool), tmp_path / "x")


def test_cancel_stops_between_two_steps_and_the_next_clip_is_unharmed(weights: Any, tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card("ltx", weights("ltx")))
    reference, _ = make(adapter, tmp_path / "a", seed=1)
    handle = adapter.submit(adapter.plan(Request(prompt=FOX, seed=1)))
    assert adapter.cancel(handle)
    with pytest.raises(JobError, match="stopped"):
        adapter.fetch(handle, tmp_path / "b")
    assert not list(tmp_path.glob("b*"))
    after, _ = make(adapter, tmp_path / "c", seed=1)
    assert after.read_bytes() == reference.read_bytes()


def test_pixels_that_are_no_numbers_are_an_error_not_a_black_clip(weights: Any, tmp_path: Path) -> None:
    adapter = DiffusersAdapter(card("ltx", weights("ltx")))
    pipeline = adapter._load()
    vae = pipeline.vae
    next(vae.decoder.parameters()).data.fill_(np.nan)
    with pytest.raises(JobError, match=r"dtypes\.vae"):
        make(adapter, tmp_path / "x")


def test_lora_changes_the_clip(weights: Any, tmp_path: Path) -> None:
    pytest.importorskip("peft")
    import torch
    from diffusers import WanPipeline
    from peft import LoraConfig
    from peft.utils import get_peft_model_state_dict

    pipeline = WanPipeline.from_pretrained(weights("wan"))
    pipeline.transformer.add_adapter(LoraConfig(r=2, lora_alpha=2, target_modules=["to_q", "to_v"]))
    torch.manual_seed(0)
    for name, parameter in pipeline.transformer.named_parameters():
        if "lora_" in name:
            parameter.data.normal_()
    WanPipeline.save_lora_weights(tmp_path / "lora", get_peft_model_state_dict(pipeline.transformer))
    plain, _ = make(DiffusersAdapter(card("wan", weights("wan"))), tmp_path / "plain", seed=1)
    lora = [{"repo": str(tmp_path / "lora")}]
    full, _ = make(DiffusersAdapter(card("wan", weights("wan"), lora=lora)), tmp_path / "full", seed=1)
    off, _ = make(
        DiffusersAdapter(card("wan", weights("wan"), lora=[lora[0] | {"scale": 0.0}])), tmp_path / "off", seed=1
    )
    assert full.read_bytes() != plain.read_bytes()
    assert off.read_bytes() == plain.read_bytes()


def test_sound_is_muxed_unless_asked_away(weights: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import torch

    from vbench.adapters.diffusers import adapter as module

    call = module.call_pipeline

    def with_sound(*args: Any) -> Any:
        result = call(*args)
        return {"frames": result.frames, "audio": torch.sin(torch.arange(8000) * 0.2).repeat(1, 2, 1)}

    monkeypatch.setattr(module, "call_pipeline", with_sound)
    adapter = DiffusersAdapter(card("wan", weights("wan"), audio="audio", audio_rate=16000))
    loud, _ = make(adapter, tmp_path / "loud")
    silent, _ = make(adapter, tmp_path / "silent", audio=False)
    assert probe(loud).has_audio
    assert probe(loud).audio_duration_s == pytest.approx(0.5, abs=0.1)
    assert not probe(silent).has_audio
