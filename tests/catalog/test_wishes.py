"""What of a request a tool honours, and a sentence for each wish that it does not."""

from __future__ import annotations

import pytest

from vbench.catalog.cards import ModelCard, find_card, price_of
from vbench.catalog.wishes import grant, tier_of
from vbench.records import Prompt, Request


@pytest.mark.parametrize(
    ("name", "wish", "granted"), [("hailuo-2.3", 7, 6), ("hailuo-2.3", 9, 10), ("wan-2.7", 99, 15), ("wan-2.7", 1, 2)]
)
def test_seconds_go_to_the_nearest_allowed(name: str, wish: float, granted: float) -> None:
    result = grant(find_card(name), Request(prompt=Prompt(id="p", text="t"), seconds=wish))
    assert result.seconds == granted
    assert any(f"{wish:g} s" in warning and f"{granted:g} s is asked for" in warning for warning in result.warnings)


@pytest.mark.parametrize(
    ("size", "resolution", "ratio", "warned"),
    [
        ((1280, 720), "720p", "16:9", False),
        ((720, 1280), "720p", "9:16", False),
        ((1920, 1080), "1080p", "16:9", False),
        ((1000, 1000), "1080p", "1:1", True),
        ((640, 360), "720p", "16:9", True),
    ],
)
def test_sizes_go_to_tier_and_ratio(size: tuple[int, int], resolution: str, ratio: str, warned: bool) -> None:
    result = grant(find_card("kling-v3"), Request(prompt=Prompt(id="p", text="t"), width=size[0], height=size[1]))
    assert (result.resolution, result.ratio) == (resolution, ratio)
    assert any("does not make" in warning for warning in result.warnings) == warned


def test_half_a_size_is_said() -> None:
    result = grant(find_card("kling-v3"), Request(prompt=Prompt(id="p", text="t"), width=1280))
    assert any("ask for both" in warning for warning in result.warnings)


def test_tiers() -> None:
    assert [tier_of(r) for r in ("854x480", "480x854", "1280x720", "1792x1024", "3840x2160", "4k")] == [
        "480p",
        "480p",
        "720p",
        "1080p",
        "4k",
        "4k",
    ]
    assert price_of(find_card("sora-2"), seconds=8, tier="720p", audio=True) == 0.8


def test_what_spoils_a_comparison_is_said() -> None:
    text = "prompt_rewrite: {default_on: true}, watermark: {default_on: true, switch: logo, off: false}"
    card = ModelCard.model_validate(
        {
            "id": "toy",
            "name": "Toy",
            "vendor": {"name": "Toy"},
            "adapter": "http",
            "licence": {"weights": "closed"},
            "defaults": {
                "prompt_rewrite": {"default_on": True},
                "watermark": {"default_on": True, "switch": "logo", "off": False},
            },
        }
    )
    warnings = " ".join(grant(card, Request(prompt=Prompt(id="p", text=text))).warnings)
    assert "Toy rewrites the prompt by default and it cannot be switched off" in warnings
    assert "Toy stamps a watermark by default and logo is left on" in warnings


def test_a_long_prompt_is_warned_about() -> None:
    warnings = grant(find_card("cogvideox-3"), Request(prompt=Prompt(id="p", text="x" * 600))).warnings
    assert any("600 characters" in warning and "512" in warning for warning in warnings)
