"""Judges as files under `models/judges/` describe them: where they are asked, what they cost, what they see."""

from __future__ import annotations

import datetime
import os
import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, PrivateAttr, model_validator

from vbench.catalog import folders
from vbench.catalog.card import CardSource, Licence, Vendor
from vbench.catalog.yaml_lines import check, read_yaml
from vbench.errors import CatalogError, OptionError
from vbench.judge.phrases import WORDING_VERSION
from vbench.records import digest
from vbench.registry import did_you_mean
from vbench.schema import Strict

TEXT_CHARS_PER_TOKEN = 3.0
"""Pessimistic, so that an estimate is rather too high."""


class JudgePrice(Strict):
    """US dollars per million tokens."""

    usd_per_mtok_in: float = Field(ge=0)
    usd_per_mtok_out: float = Field(ge=0)
    tokens_per_image: int = Field(default=800, gt=0)
    """Of a picture as large as it is sent, for the estimate; what is billed, the answer says."""
    source: str
    checked_on: datetime.date


class FramesPolicy(Strict):
    """Which frames a judge is shown, and how large."""

    even: int = Field(default=8, ge=1, le=64)
    """Middles of that many equal stretches of the clip."""
    extra: int = Field(default=4, ge=0, le=32)
    """Worst moments, events and motion peaks of our own curves besides."""
    short_side: int = Field(default=448, ge=64, le=2160)
    """Pixels; smaller ones stay as they are."""
    crops: bool = True
    """Of a larger clip, the quarters of one frame at native size, where letters, hands or faces are asked about."""


class JudgeOptions(Strict):
    """How it is asked."""

    base_url: str = ""
    """Up to and without ``/chat/completions``; may refer to the environment."""
    model: str = ""
    """Name at the endpoint, or a repository or folder of weights."""
    revision: str = ""
    """Of local weights."""
    api_key: str = ""
    """``${NAME}``; empty: the server needs none."""
    temperature: float = Field(default=0.0, ge=0.0, le=2.0)
    seed: int | None = 0
    max_tokens: int = Field(default=2000, ge=64, le=32_000)
    json_mode: bool = True
    """Ask with ``response_format: json_object``."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request, such as ``enable_thinking: false``."""
    timeout_s: float = Field(default=180.0, gt=0)
    trust_remote_code: bool = False
    """The weights bring code of their own: it runs only with this said."""
    batch: int = Field(default=4, ge=1, le=256)
    """Clips at once, of local weights."""
    behaviour: str = ""
    """Of a planted judge."""


class JudgeCard(Strict):
    """A judge, as its file describes it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    name: str
    vendor: Vendor
    adapter: Literal["openai", "transformers", "planted"]
    """`openai`: any OpenAI-compatible endpoint; `transformers`: weights here; `planted`: a control of one character."""
    status: Literal["active", "unavailable", "retired"] = "active"
    local: bool = False
    """Nothing is billed."""
    licence: Licence
    price: JudgePrice | None = None
    concurrency: int = Field(default=8, ge=1, le=256)
    """Requests at once."""
    questions_per_call: int = Field(default=16, ge=1, le=64)
    second_look: bool = True
    """What is said not to be seen is asked again in other words, of other frames."""
    frames: FramesPolicy = FramesPolicy()
    options: JudgeOptions = JudgeOptions()
    tried: str = ""
    """With what it was tried for real, and when; empty: never."""
    notes: str = ""
    sources: tuple[CardSource, ...] = ()

    _path: Path = PrivateAttr(default=Path("judge"))

    @model_validator(mode="after")
    def _means_something(self) -> JudgeCard:
        if self.adapter == "openai" and not (self.options.base_url and self.options.model):
            raise ValueError("an endpoint needs options.base_url and options.model; add them")
        if self.adapter == "transformers" and not self.options.model:
            raise ValueError("local weights need options.model; add it")
        key = self.options.api_key
        if key and not re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-)?\}", key):
            raise ValueError("a key is written into the card; refer to the environment: ${EXAMPLE_API_KEY}")
        return self

    @property
    def is_billable(self) -> bool:
        """A request costs money, whether or not the card knows how much."""
        return not self.local and self.adapter == "openai"

    @property
    def version(self) -> str:
        """Digest of all that can move an answer; not of the key, the address or the price."""
        moving = {"model", "revision", "temperature", "seed", "max_tokens", "json_mode", "extra", "behaviour"}
        options = self.options.model_dump(mode="json", include=moving)
        frames = self.frames.model_dump(mode="json")

        return digest(
            "judge", self.adapter, options, frames, self.second_look, self.questions_per_call, WORDING_VERSION
        )

    def cost_usd(self, tokens_in: float, tokens_out: float) -> float | None:
        """Dollars of so many tokens; 0 where nothing is billed, None where the card has no price."""
        if not self.is_billable:
            return 0.0
        if self.price is None:
            return None
        return (tokens_in * self.price.usd_per_mtok_in + tokens_out * self.price.usd_per_mtok_out) / 1e6

    def estimate_usd(self, n_chars: int, n_images: int) -> float | None:
        """Dollars that a request should cost at most."""
        per_image = self.price.tokens_per_image if self.price else 0
        return self.cost_usd(n_chars / TEXT_CHARS_PER_TOKEN + n_images * per_image, self.options.max_tokens)

    def refuse_if_away(self) -> None:
        """Stop before a judge is asked that cannot be.

        Raises:
            OptionError: it is not available any more.
        """
        if self.status != "active":
            raise OptionError(f"judge {self.id} is {self.status}: {self.notes or self.name}; leave it out of `with_=`")


def read_judge(path: Path) -> JudgeCard:
    """One card.

    Raises:
        CatalogError: it is not a judge's card; the message names file, line and what to write instead.
    """
    data, lines = read_yaml(path)
    if not isinstance(data, dict):
        raise CatalogError(
            f"{path}:1: a judge's card is a mapping of keys such as name and adapter; found {data!r:.80}"
        )
    if data.setdefault("id", path.stem) != path.stem:
        raise CatalogError(f"{path}:{lines.get(('id',), 1)}: id {data['id']!r} is not the file's name; rename either")
    card = check(JudgeCard, data, path=path, lines=lines)
    card._path = path
    return card


@cache
def _read(path: Path, _modified_ns: int) -> JudgeCard:
    return read_judge(path)


def _paths() -> dict[str, Path]:
    return {path.stem: path for folder in folders("models") for path in sorted((folder / "judges").glob("*.yaml"))}


def judges() -> dict[str, JudgeCard]:
    """Every judge by id; a user's own takes the place of a built-in one of the same id.

    Raises:
        CatalogError: a card is wrong.
    """
    paths = _paths()
    return {name: _read(paths[name], paths[name].stat().st_mtime_ns) for name in sorted(paths)}


def find_judge(name: str | os.PathLike[str]) -> JudgeCard:
    """The judge with this id, or in this file.

    Raises:
        CatalogError: there is none, or its card is wrong.
    """
    text = os.fspath(name)
    if text.endswith((".yaml", ".yml")) or os.sep in text:
        return read_judge(Path(text))
    paths = _paths()
    if text not in paths:
        raise CatalogError(f"no judge {text!r}; {did_you_mean(text, list(paths))}")
    return _read(paths[text], paths[text].stat().st_mtime_ns)
