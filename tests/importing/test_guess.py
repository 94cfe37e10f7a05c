"""What a dropped file may be: its name, then the texts in it; nothing is certain, and nothing in it does harm."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from vbench.importing import guess_from_name
from vbench.importing.embedded_text import texts_in
from vbench.records import Prompt

MODELS = ["kling-1.6", "kling-2.0", "veo-3", "wan-2.1", "wan-2.1-14b", "minimax-hailuo-02"]
PROMPTS = [
    Prompt(id="dog", text="A dog in the rain"),
    Prompt(id="dog-2", text="Two dogs"),
    Prompt(id="blue-bird", text="A blue-grey bird flies"),
    Prompt(id="rain", text="Rain"),
]
COMFY = {
    "3": {
        "class_type": "KSampler",
        "inputs": {"seed": 5, "positive": ["6", 0], "negative": ["7", 0], "model": ["4", 0]},
    },
    "4": {"class_type": "UNETLoader", "inputs": {"unet_name": "wan2.1_t2v_14B_fp8.safetensors"}},
    "6": {"class_type": "CLIPTextEncode", "inputs": {"text": ["8", 0], "clip": ["5", 0]}},
    "7": {"class_type": "CLIPTextEncode", "inputs": {"text": "Two dogs, blurry, watermark", "clip": ["5", 0]}},
    "8": {"class_type": "Text", "inputs": {"value": "A dog in the rain, cinematic"}},
}


def guess(filename: str = "IMG_2034.mov", **options: Any) -> Any:
    return guess_from_name(filename, MODELS, PROMPTS, **options)


@pytest.mark.parametrize(
    ("filename", "model", "prompt_id", "sample"),
    [
        ("Kling2.0_blue bird.mp4", "kling-2.0", "blue-bird", 0),
        ("C:\\Users\\me\\kling blue-bird (3).mp4", "", "blue-bird", 3),
        ("veo_A_blue_grey_bird_flies_2.mp4", "veo-3", "blue-bird", 2),
        ("wan2.1-x.mp4", "wan-2.1", "", 0),
        ("hailuo_two_dogs.mp4", "minimax-hailuo-02", "dog-2", 0),
        ("IMG_2034.mov", "", "", 0),
    ],
)
def test_from_the_name(filename: str, model: str, prompt_id: str, sample: int) -> None:
    guessed = guess(filename)
    assert (guessed.model, guessed.prompt_id, guessed.sample) == (model, prompt_id, sample)
    assert (guessed.model_from, guessed.prompt_from) == ("name" if model else "", "name" if prompt_id else "")


def test_what_fits_equally_is_named() -> None:
    guessed = guess("kling_rain_dog.mp4")
    assert (guessed.model, guessed.models) == ("", ("kling-1.6", "kling-2.0"))
    assert (guessed.prompt_id, set(guessed.prompts)) == ("", {"dog", "rain"})


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        ("prompt", json.dumps(COMFY)),
        ("comment", json.dumps({"prompt": json.dumps(COMFY), "workflow": "{}"})),
        ("make", f"prompt:{json.dumps(COMFY)}"),
    ],
)
def test_from_a_graph_of_comfyui(tag: str, value: str) -> None:
    guessed = guess("ComfyUI_00007_.mp4", metadata={"encoder": "Lavf60.16.100", tag: value})
    assert (guessed.prompt_id, guessed.prompt_from) == ("dog", f"tag:{tag}")  # not the one that was to be avoided
    assert (guessed.model, guessed.model_from) == ("wan-2.1", f"tag:{tag}")


def test_what_was_to_be_avoided_is_no_prompt_in_another_tag_either() -> None:
    graph = {id: node for id, node in COMFY.items() if id != "8"}
    drawn = {"nodes": [{"widgets_values": ["Two dogs, blurry, watermark"]}]}
    guessed = guess(metadata={"workflow": json.dumps(drawn), "prompt": json.dumps(graph)})
    assert (guessed.prompt_id, guessed.prompt) == ("", "")


def test_from_the_settings_of_a1111() -> None:
    settings = "a dog, in the RAIN!\nNegative prompt: two dogs\nSteps: 20, Sampler: Euler, Model: veo-3"
    guessed = guess(metadata={"parameters": settings})
    assert (guessed.prompt_id, guessed.prompt, guessed.model) == ("dog", "A dog in the rain", "veo-3")


@pytest.mark.parametrize(
    "tags",
    [
        {"description": "A lighthouse in a storm"},
        {"comment": json.dumps({"prompt": "A lighthouse in a storm", "seed": 3})},
        {"parameters": "A lighthouse in a storm\nSteps: 4"},
    ],
)
def test_a_new_prompt_is_read_from_where_tools_write_it(tags: dict[str, str]) -> None:
    guessed = guess(metadata={"title": "Some title of mine"} | tags)
    assert (guessed.prompt_id, guessed.prompt) == ("", "A lighthouse in a storm")
    assert guessed.prompt_from == f"tag:{next(iter(tags))}"


def test_one_word_of_a_long_text_says_nothing() -> None:
    guessed = guess(metadata={"comment": "made with kling in the rain"})
    assert (guessed.model, guessed.prompt_id, guessed.prompt) == ("", "", "")
    assert guess(metadata={"comment": "rain"}).prompt_id == "rain"


def test_the_name_comes_before_the_tags_and_the_bench_before_the_catalogue() -> None:
    assert guess("kling-2.0_x.mp4", metadata={"comment": "veo-3"}).model == "kling-2.0"
    assert guess("kling_x.mp4", metadata={"comment": "kling 1.6, veo-3"}).model == "kling-1.6"  # one of the two
    more = {"more_models": ["kling-9", "sora-2"], "more_prompts": [Prompt(id="otter", text="Otters at play")]}
    assert guess("kling_otter.mp4", **more).models == ("kling-1.6", "kling-2.0")
    guessed = guess("sora_otter.mp4", **more)
    assert (guessed.model, guessed.prompt_id) == ("sora-2", "otter")


@pytest.mark.parametrize(
    "value",
    [
        "[" * 100_000,
        '{"a": ' * 5_000 + "1" + "}" * 5_000,
        '{"3": {"inputs": {"positive": ["3", 0], "text": ["3", 0]}}}',
        '{"3": {"inputs": []}, "4": {"inputs": {"positive": ["9", 0]}}, "prompt": {"5": 6}}',
        '{"prompt": "{broken"}',
        "[" + "9" * 6000 + "]",
        "\x00\x1b]0;x\x07",
        "../../etc/passwd",
        "NaN",
    ],
)
def test_hostile_tags(value: str) -> None:
    assert guess(metadata={"prompt": value, "": value}).prompt_id == ""


def test_a_script_stays_a_text() -> None:
    text = "<script>alert(1)</script> a dog walks"
    assert guess(metadata={"prompt": text}).prompt == text


def test_large_tags_and_many_prompts_take_no_time() -> None:
    nodes = {
        str(n): {"inputs": {"positive": [str(n + 1), 0], "text": f"word{n} a dog", "conditioning": [str(n + 2), 0]}}
        for n in range(4000)
    }
    many = [Prompt(id=f"p{n}", text=f"a word{n} dog runs over field {n}") for n in range(5000)]
    began_s = time.process_time()
    guess(metadata={"prompt": json.dumps(nodes), "comment": "a dog runs over field " * 9000}, more_prompts=many)
    assert time.process_time() - began_s < 10  # of the processor; with a search per prompt and text it takes minutes
    assert len(texts_in({"comment": json.dumps([f"text {n}" for n in range(9000)])})) == 2000
