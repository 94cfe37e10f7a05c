"""What a model card says: a tool's maker, licence, abilities, limits, price and the options of its adapter."""

from __future__ import annotations

import datetime
import re
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, PrivateAttr, model_validator

from vbench.catalog.yaml_lines import Lines, check
from vbench.errors import CatalogError, JobError
from vbench.registry import did_you_mean
from vbench.schema import Strict

M = TypeVar("M", bound=BaseModel)
Audio = Literal["no", "yes", "default_on", "always"]


def _yes_no(value: object) -> object:
    """YAML reads a bare ``no`` as false and ``yes`` as true; both mean the word here."""
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else value


class Vendor(Strict):
    """Who makes the tool."""

    name: str
    country: str = ""
    """ISO 3166 alpha-2 code."""


class Licence(Strict):
    """What one may do with the weights."""

    weights: str
    """SPDX name, the licence's own name, or ``closed``."""
    territory_excludes: tuple[str, ...] = ()
    """Where the licence does not apply: ISO 3166 alpha-2 codes, or ``EU``."""
    url: str = ""
    notes: str = ""


class Capabilities(Strict):
    """What a request may wish for; every other wish comes back as a warning of the plan."""

    t2v: bool = True
    i2v: bool = False
    """It can start from a first frame."""
    last_image: bool = False
    """It can be told the last frame too."""
    references: int = Field(default=0, ge=0)
    """Most pictures of who or what should appear, beside first and last frame; 0: it takes none."""
    audio: Annotated[Audio, BeforeValidator(_yes_no)] = "no"
    """no | yes (off unless asked) | default_on (on unless switched off) | always (cannot be switched off)."""
    seed: bool = False
    negative_prompt: bool = False
    size: bool = True
    """Width and height, or tier and ratio, can be asked for."""
    fps: bool = False
    cancel: bool = False


class SecondsRange(Strict):
    """Any length between two ends."""

    min: float = Field(gt=0)
    max: float = Field(gt=0)
    step: float = Field(default=1.0, gt=0)
    """Lengths are `min` + a whole number of steps."""


class CardLimits(Strict):
    """What the tool accepts. Empty or absent: no limit is known."""

    seconds: SecondsRange | tuple[float, ...] = ()
    """A range, or the list of allowed lengths."""
    seconds_at: dict[str, SecondsRange | tuple[float, ...]] = Field(default_factory=dict)
    """Resolution → its lengths, where they are not those of the others."""
    resolutions: tuple[str, ...] = ()
    """``1280x720`` or a tier named by its short side: ``720p``, ``2k``, ``4k``."""
    ratios: tuple[str, ...] = ()
    """``16:9``; used with tiers."""
    prompt_chars: int | None = Field(default=None, gt=0)
    concurrency: int = Field(default=1, gt=0)
    """Jobs at once."""
    vram_gb: float | None = Field(default=None, gt=0)
    """GPU memory that the card's own settings need, in GiB."""
    disk_gb: float | None = Field(default=None, gt=0)
    """Size of the weights, in GiB."""


class Switch(Strict):
    """A behaviour of the tool that spoils a fair comparison when it is on."""

    default_on: bool
    switch: str = ""
    """Name of the setting that turns it off; empty: it cannot be turned off."""
    off: bool = True
    """The card's options turn it off."""


class CardDefaults(Strict):
    """What is sent where the request has no wish, and what the tool does unasked."""

    seconds: float | None = Field(default=None, gt=0)
    resolution: str = ""
    ratio: str = ""
    fps: float | None = Field(default=None, gt=0)
    """The tool's native frame rate."""
    prompt_rewrite: Switch | None = None
    watermark: Switch | None = None


Tiered = Annotated[float, Field(ge=0)] | dict[str, Annotated[float, Field(ge=0)]]


class Price(Strict):
    """Dollars; a plain number, or one per tier (``720p``) or per ``seconds`` length (``5s``)."""

    usd_per_s: Tiered | None = None
    usd_per_s_audio: Tiered | None = None
    """With sound, where that costs more."""
    usd_per_s_image: Tiered | None = None
    """From a first frame, where that costs another price; likewise below."""
    usd_per_clip: Tiered | None = None
    usd_per_clip_image: Tiered | None = None
    usd_per_image: Annotated[float, Field(ge=0)] = 0.0
    """For each picture that is sent with the prompt."""
    usd_at_least: Annotated[float, Field(ge=0)] = 0.0
    """What a clip costs at least."""
    source: str
    checked_on: datetime.date
    notes: str = ""

    @model_validator(mode="after")
    def _has_a_number(self) -> Price:
        if (self.usd_per_s is None) == (self.usd_per_clip is None):
            raise ValueError("give exactly one of usd_per_s and usd_per_clip")
        return self


RightAnswer = Literal["yes", "no", "conditions", "not stated"]


class Right(Strict):
    """One thing that a filmmaker's lawyer asks, as the tool's maker answers it."""

    answer: RightAnswer = "not stated"
    says: str = ""
    """The maker's words, shortened: conditions, names of marks, exceptions."""
    source: str = ""
    """An address; required unless nothing is stated."""
    checked_on: datetime.date | None = None

    @model_validator(mode="after")
    def _is_shown(self) -> Right:
        if self.answer != "not stated" and not (self.source and self.checked_on):
            raise ValueError(f"{self.answer!r} needs source and checked_on; write `not stated` where nobody read it")
        return self


def _right(value: object) -> object:
    """A bare ``not stated`` is short for a right that nobody states."""
    return {"answer": value} if isinstance(value, str | bool) else value


def _answer(value: object) -> object:
    return {**value, "answer": _yes_no(value.get("answer", "not stated"))} if isinstance(value, dict) else value


AskedRight = Annotated[Right, BeforeValidator(_answer), BeforeValidator(_right)]


class Rights(Strict):
    """What one may do with the clips; each answered by the maker, or said to be not stated."""

    commercial_use: AskedRight = Right()
    """Clips may be used for money."""
    output_owner: AskedRight = Right()
    """yes: whoever made the clip owns it, as far as the maker is concerned."""
    indemnity: AskedRight = Right()
    """The maker answers for claims of third parties against a clip."""
    training_data: AskedRight = Right()
    """yes: the maker says what the model was trained on."""
    provenance_marks: AskedRight = Right()
    """yes: clips carry marks of their origin; `Right.says` names them: C2PA, SynthID, a visible watermark."""
    territory: AskedRight = Right()
    """yes: it may be used everywhere; conditions: `Right.says` names where not."""

    def as_dict(self) -> dict[str, dict[str, str]]:
        """Every right by its name, as text; empty where there is none."""
        return {
            name: {part: str(getattr(right, part) or "") for part in ("answer", "says", "source", "checked_on")}
            for name in type(self).model_fields
            for right in (getattr(self, name),)
        }


class CardSource(Strict):
    """Where a fact of the card was read, and when."""

    url: str
    """An address, or ``python package NAME VERSION``."""
    checked_on: datetime.date
    notes: str = ""


class ModelCard(Strict):
    """A tool under test, as its file under `models/` describes it."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]*$")
    """The file's name without its suffix."""
    name: str
    vendor: Vendor
    adapter: str
    status: Literal["active", "deprecated", "retired"] = "active"
    retired_on: datetime.date | None = None
    """For a deprecated tool: when it will stop."""
    local: bool = False
    """The tool runs on this machine or network: plain http and private addresses are allowed, nothing is billed."""
    open_weights: bool = False
    licence: Licence
    capabilities: Capabilities = Capabilities()
    limits: CardLimits = CardLimits()
    defaults: CardDefaults = CardDefaults()
    price: Price | None = None
    rights: Rights = Rights()
    region_notes: str = ""
    notes: str = ""
    """What a reader should know; facts that nobody verified are marked here."""
    sources: tuple[CardSource, ...] = ()
    options: dict[str, Any] = Field(default_factory=dict)
    """What the adapter needs to know; it reads them with `options_as`."""

    _path: Path = PrivateAttr(default=Path("card"))
    _lines: Lines = PrivateAttr(default_factory=dict)

    @model_validator(mode="after")
    def _means_something(self) -> ModelCard:
        if self.status == "retired" and self.retired_on is None:
            raise ValueError("a retired tool says when: add retired_on")
        if self.defaults.resolution and self.limits.resolutions:
            _one_of("defaults.resolution", self.defaults.resolution, self.limits.resolutions)
        if self.defaults.ratio and self.limits.ratios:
            _one_of("defaults.ratio", self.defaults.ratio, self.limits.ratios)
        for resolution in self.limits.seconds_at:
            _one_of("limits.seconds_at", resolution, self.limits.resolutions)
        for resolution in (*self.limits.resolutions, *filter(None, [self.defaults.resolution])):
            if not re.fullmatch(r"\d+x\d+|\d+[pk]", resolution):
                raise ValueError(f"limits.resolutions: write 1280x720 or a tier such as 720p; found {resolution!r}")
        return self

    @property
    def path(self) -> Path:
        """The file this card was read from."""
        return self._path

    @property
    def is_billable(self) -> bool:
        """A job costs money, whether or not the card knows how much."""
        return not self.local

    def options_as(self, model: type[M]) -> M:
        """The options, checked as the adapter's own model.

        Raises:
            CatalogError: an option is unknown or wrong; the message names file and line.
        """
        return check(model, self.options, path=self._path, lines=self._lines, at=("options",))

    def complaint(self, message: str, *where: int | str) -> CatalogError:
        """An error about the value at `where` below this card, with its file and line."""
        line = next((self._lines[where[:n]] for n in range(len(where), -1, -1) if where[:n] in self._lines), 1)
        return CatalogError(f"{self._path}:{line}: {message}")

    def snapshot(self) -> dict[str, Any]:
        """The card as JSON values, for the bench."""
        return self.model_dump(mode="json", exclude_defaults=True)

    @property
    def has_ended(self) -> bool:
        """It makes no more clips: it is retired, or the day on which its maker ends it has come."""
        return self.status == "retired" or (self.retired_on is not None and self.retired_on <= datetime.date.today())

    def refuse_if_retired(self) -> None:
        """Stop before a tool is asked for a clip that has ended.

        Raises:
            JobError: it is retired, or past its end date (code ``model_retired``).
        """
        if self.has_ended:
            end = "was retired" if self.status == "retired" else "was to stop"
            raise JobError(
                f"{self.id}: {self.name} {end} on {self.retired_on} and is asked for no more clips; "
                f"compare archived ones with `vbench import`, or leave {self.id} out of `models=`",
                code="model_retired",
            )


def _one_of(what: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{what} {value!r} is not among the limits; {did_you_mean(value, list(allowed))}")
