"""What names of files say of tools, as their downloads are really called."""

from __future__ import annotations

import pytest

from vbench.importing import guess_from_name
from vbench.importing.tool_names import prompt_words, same_version, with_version, written_tool
from vbench.records import Prompt

MODELS = ["kling-1.6", "kling-v3", "gen-4.5", "veo-3.1", "veo-3.1-fast", "wan-2.2-5b", "wan-2.2-a14b", "sora-2"]


@pytest.mark.parametrize(
    ("name", "model", "prompt"),
    [
        ("Kling_v2.1_a_red_fox_runs_seed1234_20251120.mp4", "kling-2.1", "a red fox runs"),
        ("可灵2.1_红色的狐狸在雪地里奔跑.mp4", "kling-2.1", "红色的狐狸在雪地里奔跑"),
        ("可灵 1.6 城市夜景.mp4", "kling-1.6", "城市夜景"),
        ("Gen-4 a car drives 1920x1080.mp4", "gen-4", "a car drives"),
        ("Runway Gen-4.5 1234.mp4", "gen-4.5", ""),
        ("即梦3.0_2025-11-20_城市夜景.mp4", "seedance-3.0", "城市夜景"),
        ("海螺02_boat on a lake.mp4", "hailuo-02", "boat on a lake"),
        ("智谱清影 小猫跳上桌子.mp4", "", "小猫跳上桌子"),
        ("veo3 street at night.mp4", "veo-3", "street at night"),
        ("kling-v3 Kling fox runs (2).mp4", "kling-v3", "kling fox runs"),
        ("kling_16x9_fox runs.mp4", "", "fox runs"),
        ("Wanderer walking home.mp4", "", "Wanderer walking home"),
        ("generated_3.mp4", "", ""),
    ],
)
def test_a_written_version_is_never_another(name: str, model: str, prompt: str) -> None:
    guessed = guess_from_name(name, [], [], more_models=MODELS)
    assert guessed.model == model
    assert guessed.prompt == prompt
    assert not guessed.is_sure, "words of a name are no certain prompt"


def test_the_folder_names_the_tool_where_the_file_does_not() -> None:
    guessed = guess_from_name("downloads/Kling 1.6/fox runs 2.mp4", [], [], more_models=MODELS)
    assert (guessed.model, guessed.model_from, guessed.sample) == ("kling-1.6", "folder", 2)
    assert guess_from_name("Kling 1.6/veo3 x.mp4", [], [], more_models=MODELS).model == "veo-3"


def test_a_number_of_the_version_is_no_sample() -> None:
    assert guess_from_name("kling-3.mp4", [], [], more_models=MODELS).sample == 0
    assert guess_from_name("kling-3-2.mp4", [], [], more_models=MODELS).sample == 2


def test_a_prompt_named_in_full_is_sure() -> None:
    fox = Prompt(id="red-fox", text="A red fox runs through deep snow at dawn, slowly")
    assert guess_from_name("veo-3.1_red-fox_1.mp4", MODELS, [fox]).is_sure
    assert guess_from_name("x.mp4", MODELS, [fox], metadata={"prompt": fox.text}).is_sure
    assert not guess_from_name("veo-3.1_fox runs through snow.mp4", MODELS, [fox]).is_sure


def test_versions() -> None:
    assert same_version("2", "2.0")
    assert same_version("02", "2")
    assert not same_version("2.1", "2")
    tool = written_tool("wan2.2 girl", MODELS)
    assert tool is not None
    assert with_version(tool, MODELS) == ["wan-2.2-5b", "wan-2.2-a14b"]


@pytest.mark.parametrize(
    "name", ["20251120_153012", "seed 123456", "0a1b2c3d4e5f", "1080p 24fps 5s", "take 3 final", "IMG_2034", "a"]
)
def test_what_is_no_word_of_a_prompt(name: str) -> None:
    assert prompt_words(name) == ""
