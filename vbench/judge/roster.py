"""Whom a run asks what: what was chosen, and who of them is here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypedDict

from vbench.contracts import Settings
from vbench.errors import OptionError, WeightsError
from vbench.judge.answerer import Answerer
from vbench.judge.answerers import ANSWERERS
from vbench.judge.card import JudgeCard, find_judge, judges
from vbench.judge.signals import SIGNALS
from vbench.registry import did_you_mean


@dataclass(frozen=True, slots=True, kw_only=True)
class JudgeSpec:
    """What is to be answered, and by whom."""

    with_: Sequence[str] | None = None
    """Detectors, readers and judges by name, besides the signals; None: those detectors and readers that are ready."""
    without: Sequence[str] = ()
    """Answerers, or kinds of them (`detector`, `reader`, `judge`, `signal`), that are left out."""
    kinds: Sequence[str] | None = None
    """Of questions; None: all."""
    max_cost: float | None = None
    """What each judge may cost in this bench in all, in US dollars; needed where one charges."""
    allow_unpriced: bool = False
    retry: Sequence[str] = ()
    """Codes of failed answers that are asked again: `bad_answer`, `outcome_unknown`, ..."""
    suites: Sequence[str] = ()
    """Suites whose questions are taken as they stand now, for prompts that are in the bench already."""
    clip_ids: Sequence[str] | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    """Of detectors and readers, e.g. ``{"owl.model": PATH}``."""
    device: str = "cpu"
    """For detectors, readers and local judges: `cpu` or `cuda:N`."""
    dry_run: bool = False
    """Only say what would be asked, and what it would cost at most."""


class JudgeChoices(TypedDict, total=False):
    """The fields of `JudgeSpec` as keyword arguments."""

    with_: Sequence[str] | None
    without: Sequence[str]
    kinds: Sequence[str] | None
    max_cost: float | None
    allow_unpriced: bool
    retry: Sequence[str]
    suites: Sequence[str]
    clip_ids: Sequence[str] | None
    settings: Mapping[str, str]
    device: str
    dry_run: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Roster:
    """Who answers in a run, besides the signals."""

    answerers: Sequence[Answerer]
    judges: Sequence[JudgeCard]
    left_out: Mapping[str, str]


def roster_of(spec: JudgeSpec) -> Roster:
    """Those who are asked.

    Raises:
        OptionError: nobody is called so.
        WeightsError: an answerer that was named lacks its weights.
    """
    settings = Settings(dict(spec.settings), spec.device)
    named = None if spec.with_ is None else [name for name in spec.with_ if name != SIGNALS]
    left_out: dict[str, str] = {}
    answerers: list[Answerer] = []
    cards: list[JudgeCard] = []
    for name in ANSWERERS if named is None else named:
        if name not in ANSWERERS:
            card = _judge_named(name)
            if card.id not in spec.without and "judge" not in spec.without:
                card.refuse_if_away()
                cards.append(card)
            continue
        answerer: Answerer = ANSWERERS[name](settings)
        if name in spec.without or answerer.by in spec.without:
            left_out[name] = "left out"
        elif why := answerer.missing():
            if named is not None:
                raise WeightsError(f"{name}: {why}; or leave it out with `without={answerer.by}`")
            left_out[name] = why
        else:
            answerers.append(answerer)
    return Roster(answerers=answerers, judges=cards, left_out=left_out)


def _judge_named(name: str) -> JudgeCard:
    is_file = name.endswith((".yaml", ".yml")) or "/" in name
    if not is_file and name not in (known := [*ANSWERERS, *judges()]):
        raise OptionError(f"no detector, reader or judge {name!r}; {did_you_mean(name, known)}")
    return find_judge(name)
