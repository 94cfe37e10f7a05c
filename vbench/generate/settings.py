"""How a tool is asked for a clip: with which pictures, how large and long; and which tools are asked alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from vbench.catalog.card import ModelCard
from vbench.catalog.wishes import grant, pictures_not_taken, without_pictures
from vbench.errors import JobError
from vbench.records import LEFT_OUT, Prompt, Request, Setting

PICTURE_WORDS = {"image": "first frame", "last_image": "last frame", "references": "reference pictures"}


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedPrompt:
    """A prompt with those of its pictures that a tool is sent."""

    prompt: Prompt
    image_use: str
    """As `Setting.image_use`."""
    warnings: tuple[str, ...]


def fit_pictures(card: ModelCard, prompt: Prompt, *, without_image: bool) -> FittedPrompt:
    """The pictures of a prompt that a tool is sent.

    Args:
        card: The tool.
        prompt: With all its pictures.
        without_image: What the tool does not take may be left out.

    Raises:
        JobError: it does not take all of them and may not be sent less, or it needs a first frame and there is none.
    """
    lacking = pictures_not_taken(card, prompt)
    words = _words(lacking, card)
    if lacking and not without_image:
        raise JobError(
            f"{card.name} cannot take its {words}; leave that out with `without_image=`, or take a tool that can",
            code="bad_request",
        )
    sent = without_pictures(prompt, lacking, card)
    if not sent.image and not card.capabilities.t2v:
        raise JobError(f"{card.name} starts from a first frame; give this prompt an image", code="bad_request")
    use = "+".join(sent.pictures)
    if lacking:
        left_out = "+".join("more references" if name in sent.pictures else name for name in lacking)
        use = f"{use or 'text'}{LEFT_OUT}{left_out}"
    said = (f"made without its {words}, which {card.name} does not take",) if lacking else ()
    return FittedPrompt(prompt=sent, image_use=use, warnings=said)


def _words(pictures: Sequence[str], card: ModelCard) -> str:
    most = card.capabilities.references
    beyond = {"references": f"reference pictures beyond {most}"} if most else {}
    return " and ".join((PICTURE_WORDS | beyond)[name] for name in pictures)


def granted_setting(card: ModelCard, request: Request, image_use: str) -> Setting:
    """How a tool is asked, as its card grants the wishes."""
    granted = grant(card, request)
    return Setting(
        width=granted.width,
        height=granted.height,
        seconds=granted.seconds,
        fps=granted.fps,
        audio=granted.audio,
        image_use=image_use,
    )


def comparable_groups(asked: Mapping[str, Mapping[str, Setting]]) -> dict[str, str]:
    """Tool → the letter of those that are asked alike for every prompt they share; none where nothing can be made.

    Args:
        asked: Tool → prompt key → how it is asked.
    """
    firsts: list[Mapping[str, Setting]] = []
    letters: dict[str, str] = {}
    for label, mine in asked.items():
        if not mine:
            letters[label] = ""
            continue
        n = next((n for n, first in enumerate(firsts) if _is_alike(first, mine)), len(firsts))
        if n == len(firsts):
            firsts.append(mine)
        letters[label] = _letter(n)
    return letters


SAME_S = 0.1
"""Lengths no further apart are the same: frames come in fours or eights, and 81 of them at 16 a second are 5.06 s."""


def _is_alike(a: Mapping[str, Setting], b: Mapping[str, Setting]) -> bool:
    return all(_is_same(a[key], b[key]) for key in a.keys() & b.keys())


def _is_same(a: Setting, b: Setting) -> bool:
    if a.seconds is None or b.seconds is None:
        return a == b
    return replace(a, seconds=b.seconds) == b and abs(a.seconds - b.seconds) <= SAME_S + 1e-9


def _letter(n: int) -> str:
    """A to Z, then AA, AB, ..."""
    return chr(ord("A") + n) if n < 26 else f"{chr(ord('A') + n // 26 - 1)}{chr(ord('A') + n % 26)}"
