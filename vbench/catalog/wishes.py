"""What of a request a tool will honour, and a sentence for every wish that it will not."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from vbench.catalog.card import ModelCard, SecondsRange
from vbench.records import Prompt, Request

SHORT_SIDES = {
    **{f"{side}p": side for side in (360, 480, 540, 580, 720, 768, 1080)},
    "2k": 1440,
    "4k": 2160,
}
"""Tiers by their short side in pixels."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """The values to send; None or empty: the tool takes no such setting, or none was wished and none is default."""

    text: str
    negative: str
    seed: int | None
    seconds: float | None
    width: int | None
    height: int | None
    resolution: str
    """As the card spells it: ``1280x720`` or ``720p``."""
    tier: str
    """Named by the short side, for prices: ``720p``."""
    ratio: str
    """``16:9``."""
    fps: float | None
    audio: bool
    warnings: tuple[str, ...]


def grant(card: ModelCard, request: Request) -> Granted:
    """Match a wish list with a card.

    Warned about: each wish that the tool ignores or bends, and each default of the tool that spoils a comparison.
    """
    warnings: list[str] = []
    can = card.capabilities
    text = request.text
    if (most := card.limits.prompt_chars) and len(text) > most:
        warnings.append(
            f"the prompt has {len(text)} characters, {card.name} takes {most}: the tool may cut or refuse it"
        )
    if request.negative and not can.negative_prompt:
        warnings.append(f"{card.name} takes no negative prompt: it is not sent")
    if not can.seed:
        warnings.append(f"{card.name} takes no seed: samples cannot be repeated")
    if request.image and not can.i2v:
        warnings.append(f"{card.name} takes no first frame: the prompt's image is not sent")
    if request.last_image and not can.last_image:
        warnings.append(f"{card.name} takes no last frame: it is not sent")
    if (n := len(request.references)) > can.references:
        takes = f"at most {can.references} reference pictures" if can.references else "no reference pictures"
        rest = f"of {n} only the first are sent" if can.references else f"the prompt's {n} are not sent"
        warnings.append(f"{card.name} takes {takes}: {rest}")
    if not request.image and not can.t2v:
        warnings.append(f"{card.name} needs a first frame, the prompt has no image: expect a refusal")
    if request.fps is not None and not can.fps and request.fps != card.defaults.fps:
        native = f"its own is {card.defaults.fps:g}" if card.defaults.fps else "it chooses its own"
        warnings.append(f"{card.name} takes no frame rate: {request.fps:g} fps is not sent, {native}")
    resolution, ratio = _size(card, request, warnings)
    seconds = _seconds(card, request.seconds, resolution, warnings)
    width, height = pixels(resolution, ratio)
    warnings += _unfair(card)
    return Granted(
        text=text,
        negative=request.negative if can.negative_prompt else "",
        seed=request.seed if can.seed else None,
        seconds=seconds,
        width=width,
        height=height,
        resolution=resolution,
        tier=tier_of(resolution),
        ratio=ratio,
        fps=(request.fps or card.defaults.fps) if can.fps else card.defaults.fps,
        audio=_audio(card, request, warnings),
        warnings=tuple(warnings),
    )


def pictures_not_taken(card: ModelCard, prompt: Prompt) -> tuple[str, ...]:
    """Which kinds of a prompt's pictures the tool does not take, or not as many of; by the names of its fields."""
    can = card.capabilities
    takes = {"image": can.i2v, "last_image": can.last_image, "references": len(prompt.references) <= can.references}
    return tuple(name for name in prompt.pictures if not takes[name])


def without_pictures(prompt: Prompt, names: Sequence[str], card: ModelCard) -> Prompt:
    """The prompt without some kinds of its pictures; of references the tool keeps as many as it takes."""
    kept = prompt.references[: card.capabilities.references] if "references" in names else prompt.references
    return replace(
        prompt,
        image="" if "image" in names else prompt.image,
        last_image="" if "last_image" in names else prompt.last_image,
        references=kept,
    )


def _seconds(card: ModelCard, wish: float | None, resolution: str, warnings: list[str]) -> float | None:
    wanted = card.defaults.seconds if wish is None else wish
    allowed = card.limits.seconds_at.get(resolution, card.limits.seconds)
    if wanted is None or not allowed:
        return wanted
    if isinstance(allowed, SecondsRange):
        steps = round((min(max(wanted, allowed.min), allowed.max) - allowed.min) / allowed.step)
        best = min(allowed.min + steps * allowed.step, allowed.max)
    else:
        best = min(allowed, key=lambda s: (abs(s - wanted), s))
    if not math.isclose(best, wanted):
        at = f" at {resolution}" if resolution in card.limits.seconds_at else ""
        warnings.append(f"{card.name} makes no clip of {wanted:g} s{at}: {best:g} s is asked for")
    return best


def _size(card: ModelCard, request: Request, warnings: list[str]) -> tuple[str, str]:
    """Resolution as the card spells it, and aspect ratio."""
    limits, defaults = card.limits, card.defaults
    if request.width is None or request.height is None:
        if request.width or request.height:
            warnings.append("a width without a height, or the other way round, is not sent: ask for both")
        resolution = defaults.resolution or (limits.resolutions[0] if limits.resolutions else "")
        ratio = defaults.ratio or (limits.ratios[0] if limits.ratios else "")
        return resolution, ratio or _ratio_of(resolution)
    wanted = f"{request.width}x{request.height}"
    if not card.capabilities.size:
        warnings.append(f"{card.name} takes no size: {wanted} is not sent")
        return defaults.resolution, defaults.ratio
    if not limits.resolutions:
        return wanted, _nearest_ratio(limits.ratios, request.width, request.height)
    ratio = _nearest_ratio(limits.ratios, request.width, request.height)
    resolution = min(limits.resolutions, key=lambda r: _distance(r, ratio, request.width or 0, request.height or 0))
    if pixels(resolution, ratio) != (request.width, request.height):
        width, height = pixels(resolution, ratio)
        warnings.append(f"{card.name} does not make {wanted}: {resolution} ({width}x{height}) is asked for")
    return resolution, ratio if limits.ratios else _ratio_of(resolution)


def _distance(resolution: str, ratio: str, width: int, height: int) -> float:
    w, h = pixels(resolution, ratio)
    return math.inf if not w or not h else abs(math.log(w / width)) + abs(math.log(h / height))


def _nearest_ratio(ratios: tuple[str, ...], width: int, height: int) -> str:
    if not ratios:
        return _ratio_of(f"{width}x{height}")
    return min(ratios, key=lambda r: abs(math.log(_value(r) / (width / height))))


def _value(ratio: str) -> float:
    across, _, down = ratio.partition(":")
    return float(across) / float(down or 1)


def _ratio_of(resolution: str) -> str:
    width, by, height = resolution.partition("x")
    if not by:
        return ""
    common = math.gcd(int(width), int(height))
    return f"{int(width) // common}:{int(height) // common}"


def pixels(resolution: str, ratio: str) -> tuple[int | None, int | None]:
    """Width and height of a resolution; of a tier, with even sides and the ratio (16:9 where there is none)."""
    width, by, height = resolution.partition("x")
    if by:
        return int(width), int(height)
    if resolution not in SHORT_SIDES:
        return None, None
    short, value = SHORT_SIDES[resolution], _value(ratio) if ratio else 16 / 9
    long = 2 * round(short * max(value, 1 / value) / 2)
    return (long, short) if value >= 1 else (short, long)


def tier_of(resolution: str) -> str:
    """The tier of a resolution, by its short side; of an odd size, the next tier above."""
    width, by, height = resolution.partition("x")
    if not by:
        return resolution
    short = min(int(width), int(height))
    return next((tier for tier, side in SHORT_SIDES.items() if side >= short), "4k")


def _audio(card: ModelCard, request: Request, warnings: list[str]) -> bool:
    """Whether the clip will have sound; it is off unless wished, so that tools are compared on the picture."""
    can = card.capabilities.audio
    if request.audio and can == "no":
        warnings.append(f"{card.name} makes no sound")
    if not request.audio and can == "always":
        warnings.append(f"{card.name} always makes sound: it cannot be switched off")
    return can == "always" or (bool(request.audio) and can != "no")


def _unfair(card: ModelCard) -> list[str]:
    """Sentences on defaults that stay on."""
    deeds = {"prompt_rewrite": "rewrites the prompt", "watermark": "stamps a watermark"}
    sentences = []
    for field, does in deeds.items():
        switch = getattr(card.defaults, field)
        if switch is not None and switch.default_on and not (switch.switch and switch.off):
            why = f"{switch.switch} is left on" if switch.switch else "it cannot be switched off"
            sentences.append(f"{card.name} {does} by default and {why}")
    return sentences
