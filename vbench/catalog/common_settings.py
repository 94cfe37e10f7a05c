"""The nearest size and length that all chosen tools can make, so that their clips may be compared."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import replace

from vbench.catalog.card import ModelCard, SecondsRange
from vbench.catalog.wishes import pixels
from vbench.errors import OptionError
from vbench.records import Wishes

Size = tuple[int, int]
"""Width and height in pixels."""
Lengths = SecondsRange | tuple[float, ...]
"""In seconds; empty: any."""
DEFAULT_SECONDS, DEFAULT_SIZE = 5.0, (1280, 720)
"""Where neither a wish nor a card says."""


def common_wishes(cards: Sequence[ModelCard], wishes: Wishes) -> Wishes:
    """Wishes that every tool grants: length, size and sound, as near as can be to what is wished, or else to the
    middle of the tools' own defaults. A frame rate is left as it is wished, since few tools take one.

    Raises:
        OptionError: there is no length, or no size, that all of them make; with what each one makes.
    """
    size = _common_size(cards, wishes)
    seconds, audio = _common_seconds(cards, wishes, size), _common_sound(cards, wishes)
    return replace(wishes, seconds=seconds, width=size[0], height=size[1], audio=audio)


# --- length -----------------------------------------------------------------------------------------------------------


def _common_seconds(cards: Sequence[ModelCard], wishes: Wishes, size: Size) -> float:
    own = [card.defaults.seconds for card in cards if card.defaults.seconds is not None]
    wanted = wishes.seconds or (statistics.median(own) if own else DEFAULT_SECONDS)
    limited = {card.id: allowed for card in cards if (allowed := _allowed(card, size))}
    candidates = {length for allowed in limited.values() for length in _lengths(allowed, wanted)}
    shared = [length for length in candidates if all(_makes(allowed, length) for allowed in limited.values())]
    if limited and not shared:
        makes = "; ".join(f"{id} {_seconds_words(allowed)}" for id, allowed in limited.items())
        raise OptionError(f"`match=`: there is no length that all of these tools make ({makes}); leave one of them out")
    return min(shared, key=lambda length: (abs(length - wanted), length), default=wanted)


def _allowed(card: ModelCard, size: Size) -> Lengths:
    """The lengths that a tool makes at a size."""
    limits = card.limits
    for resolution, lengths in limits.seconds_at.items():
        if size in {pixels(resolution, ratio) for ratio in limits.ratios or ("",)}:
            return lengths
    return limits.seconds


def _lengths(allowed: Lengths, wanted: float) -> list[float]:
    """Lengths of a tool that may be the common one: all of its list, or the steps of its range and the one wanted."""
    if not isinstance(allowed, SecondsRange):
        return [float(length) for length in allowed]
    n_steps = math.floor((allowed.max - allowed.min) / allowed.step + 1e-9)
    lengths = [allowed.min + step * allowed.step for step in range(min(n_steps, 1000) + 1)]
    return [*lengths, *([wanted] if _makes(allowed, wanted) else [])]


def _makes(allowed: Lengths, length: float) -> bool:
    if not isinstance(allowed, SecondsRange):
        return any(math.isclose(length, other) for other in allowed)
    if not allowed.min - 1e-9 <= length <= allowed.max + 1e-9:
        return False
    steps = (length - allowed.min) / allowed.step
    return math.isclose(steps, round(steps), abs_tol=1e-6) or math.isclose(length, allowed.max)


def _seconds_words(allowed: Lengths) -> str:
    if isinstance(allowed, SecondsRange):
        return f"{allowed.min:g} to {allowed.max:g} s"
    return f"{', '.join(f'{length:g}' for length in allowed)} s"


# --- size -------------------------------------------------------------------------------------------------------------


def _common_size(cards: Sequence[ModelCard], wishes: Wishes) -> Size:
    sizes = {card.id: made for card in cards if (made := _sizes(card))}
    own = [size for card in cards if (size := _default_size(card)) is not None]
    if wishes.width and wishes.height:
        wanted = (wishes.width, wishes.height)
    else:
        wanted = min(own, key=lambda size: sum(_apart(size, other) for other in own), default=DEFAULT_SIZE)
    shared = set.intersection(*sizes.values()) if sizes else {wanted}
    if not shared:
        makes = "; ".join(f"{id} {', '.join(f'{w}x{h}' for w, h in sorted(made))}" for id, made in sizes.items())
        raise OptionError(f"`match=`: there is no size that all of these tools make ({makes}); leave one of them out")
    return min(shared, key=lambda size: (_apart(size, wanted), size))


def _sizes(card: ModelCard) -> set[Size]:
    """All that the tool makes; empty: any size, or its card does not say."""
    limits, own = card.limits, _default_size(card)
    if not card.capabilities.size:
        return {own} if own is not None else set()
    made = {pixels(resolution, ratio) for resolution in limits.resolutions for ratio in limits.ratios or ("",)}
    return {(width, height) for width, height in made if width and height}


def _default_size(card: ModelCard) -> Size | None:
    resolution = card.defaults.resolution or next(iter(card.limits.resolutions), "")
    width, height = pixels(resolution, card.defaults.ratio or next(iter(card.limits.ratios), ""))
    return (width, height) if width and height else None


def _apart(a: Size, b: Size) -> float:
    """How far two sizes are apart: the logarithms of their ratios, summed over both sides."""
    return abs(math.log(a[0] / b[0])) + abs(math.log(a[1] / b[1]))


# --- sound ------------------------------------------------------------------------------------------------------------


def _common_sound(cards: Sequence[ModelCard], wishes: Wishes) -> bool:
    """Silent, unless sound is wished or cannot be switched off, and all of them can make it."""
    can = {card.capabilities.audio for card in cards}
    return "no" not in can and (bool(wishes.audio) or "always" in can)
