"""Model cards: one YAML file per tool, checked; a complaint names file, line and what to write instead."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

from vbench.catalog import folders
from vbench.catalog.card import ModelCard, SecondsRange
from vbench.catalog.wishes import grant
from vbench.catalog.yaml_lines import check, read_yaml
from vbench.errors import CatalogError
from vbench.records import Request
from vbench.registry import did_you_mean

__all__ = [
    "ModelCard",
    "SecondsRange",
    "cards",
    "env_names",
    "estimate_cost",
    "find_card",
    "price_of",
    "read_card",
]

_ENV = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(:-([^}]*))?\}")
_SECRET_KEY = re.compile(r"(^|[_-])(api[_-]?key|key|token|secret|password|authorization)$", re.IGNORECASE)
_SECRET_VALUE = re.compile(
    r"\b(sk-[A-Za-z0-9_-]{16,}|AIza[A-Za-z0-9_-]{30,}|r8_[A-Za-z0-9]{30,}|hf_[A-Za-z0-9]{30,}|xai-[A-Za-z0-9]{20,}"
    r"|key_[0-9a-f]{64,}|eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]*|[0-9a-f]{32}\.[A-Za-z0-9]{16})"
)


def read_card(path: Path) -> ModelCard:
    """One card.

    Raises:
        CatalogError: it is not a card; the message names file, line and what to write instead.
    """
    data, lines = read_yaml(path)
    if not isinstance(data, dict):
        raise CatalogError(
            f"{path}:1: a card is a mapping of keys such as name, vendor and adapter; found {data!r}"[:300]
        )
    if data.setdefault("id", path.stem) != path.stem:
        raise CatalogError(f"{path}:{lines.get(('id',), 1)}: id {data['id']!r} is not the file's name; rename either")
    card = check(ModelCard, data, path=path, lines=lines)
    card._path, card._lines = path, lines
    for where, text in _strings(data, ()):
        if _SECRET_VALUE.search(_ENV.sub("", text)) or (where[0] == "options" and _looks_secret(where, text)):
            raise card.complaint(
                "a key is written into the card; remove it (and revoke it if the file was shared), "
                "and refer to an environment variable: ${EXAMPLE_API_KEY}",
                *where,
            )
    return card


def _looks_secret(where: tuple[int | str, ...], text: str) -> bool:
    name = str(where[-1])
    if where[-2:-1] == ("auth",) and name == "value":
        return not _ENV.search(text)
    return bool(_SECRET_KEY.search(name)) and len(text) >= 12 and " " not in text and not re.search(r"[${}.]", text)


def _strings(value: object, where: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, Mapping):
        for key, inner in value.items():
            yield from _strings(inner, (*where, str(key)))
    elif isinstance(value, list | tuple):
        for i, inner in enumerate(value):
            yield from _strings(inner, (*where, i))


def env_names(card: ModelCard) -> tuple[str, ...]:
    """Environment variables that the card's options need, in the order met; those with a default are left out."""
    names = [m[1] for _, text in _strings(card.options, ()) for m in _ENV.finditer(text) if m[2] is None]
    return tuple(dict.fromkeys(names))


@cache
def _read(path: Path, _modified_ns: int) -> ModelCard:
    return read_card(path)


def cards() -> dict[str, ModelCard]:
    """Every card by id, in the order of names; a user's own card takes the place of a built-in one of the same id.

    Raises:
        CatalogError: a card is wrong.
    """
    paths = {path.stem: path for folder in folders("models") for path in folder.glob("*.yaml")}
    return {name: _read(paths[name], paths[name].stat().st_mtime_ns) for name in sorted(paths)}


def find_card(name: str | os.PathLike[str]) -> ModelCard:
    """The card with this id, or in this file.

    Raises:
        CatalogError: there is none, or it is wrong.
    """
    text = os.fspath(name)
    if text.endswith((".yaml", ".yml")) or os.sep in text:
        return read_card(Path(text))
    paths = {path.stem: path for folder in folders("models") for path in folder.glob("*.yaml")}
    if text not in paths:
        raise CatalogError(f"no model {text!r}; {did_you_mean(text, list(paths))}")
    return _read(paths[text], paths[text].stat().st_mtime_ns)


def estimate_cost(card: ModelCard, request: Request) -> float | None:
    """Dollars that one job should cost; 0 where nothing is billed, None where the card has no price."""
    if not card.is_billable:
        return 0.0
    granted, can = grant(card, request), card.capabilities
    sent = (request.image if can.i2v else None, request.last_image if can.last_image else None)
    n_images = sum(image is not None for image in sent) + len(request.references[: can.references])
    usd = price_of(
        card, seconds=granted.seconds, tier=granted.tier, audio=granted.audio, from_image=sent[0] is not None
    )
    return None if usd is None or card.price is None else usd + n_images * card.price.usd_per_image


def price_of(
    card: ModelCard, *, seconds: float | None, tier: str, audio: bool, from_image: bool = False
) -> float | None:
    """Dollars for a clip of this length, tier and sound, without its pictures; None where the card does not say."""
    price = card.price
    if price is None:
        return None
    if price.usd_per_clip is not None:
        by_clip = (
            price.usd_per_clip_image if from_image and price.usd_per_clip_image is not None else price.usd_per_clip
        )
        return _rate(by_clip, tier, seconds)
    by_s = price.usd_per_s_audio if audio and price.usd_per_s_audio is not None else price.usd_per_s
    if from_image and price.usd_per_s_image is not None:
        by_s = price.usd_per_s_image
    rate = _rate(by_s, tier, seconds)
    return None if rate is None or seconds is None else max(round(rate * seconds, 6), price.usd_at_least)


def _rate(rate: float | dict[str, float] | None, tier: str, seconds: float | None) -> float | None:
    if not isinstance(rate, dict):
        return rate
    length = "" if seconds is None else f"{seconds:g}s"
    return rate.get(f"{tier} {length}", rate.get(tier, rate.get(length)))
