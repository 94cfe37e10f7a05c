"""What a run is to make, of which tools, and within which limits: the one record that Python, CLI and page fill in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Self, get_args

from vbench.bench.ceilings import check_limits
from vbench.bench.jobs import FINAL_STATES
from vbench.catalog import cards
from vbench.catalog.cards import ModelCard
from vbench.catalog.common_settings import common_wishes
from vbench.errors import OptionError
from vbench.generate.expansion import Arm
from vbench.generate.pictures import Pictures, take_pictures
from vbench.records import Prompt, Reason, ToolLabel, Wishes, digest
from vbench.registry import did_you_mean
from vbench.schema import from_json, to_json

MAX_SEED = 2**31
MAX_WISH = 100_000
"""Seconds, pixels and frames per second are far below it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """A card, and the arm under which its clips are kept apart."""

    card: ModelCard
    arm: str = ""
    """Name of a prompt expansion; empty: prompts as they are."""

    @property
    def label(self) -> str:
        """How its clips are called on the board."""
        return str(ToolLabel(self.card.id, self.arm))


@dataclass(frozen=True, slots=True, kw_only=True)
class RunSpec:
    """One run of the first stage; the same spec again goes on where it stopped.

    Raises:
        OptionError: something in it cannot be meant.
    """

    models: Sequence[str | ModelCard | Tool]
    """Ids, cards, or tools with their arms."""
    suite: str | Path | None = None
    """Name or file; beside or instead of `prompts`."""
    prompts: Sequence[Prompt] = ()
    arms: Sequence[Arm] = ()
    """Prompt expansions; each tool is run without and with each of them, under labels of their own."""
    samples: int = 1
    """Clips per tool and prompt."""
    seeds: Sequence[int] = ()
    """One per sample; empty: derived from prompt and sample, the same for every tool."""
    wishes: Wishes = field(default_factory=Wishes)
    """Asked of all tools alike."""
    pictures: Pictures = field(default_factory=Pictures)
    """For every prompt, in place of its own."""
    without_image: bool = False
    """A tool that cannot take all pictures of a prompt makes it with those that it takes, or from its words alone;
    otherwise it does not make it at all."""
    picture_notes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Prompt id → what was changed about its pictures so that tools can take them."""
    match: bool = False
    """Ask every tool for the nearest size and length that all of them can make."""
    retry: Collection[str] = frozenset()
    """States or reasons of ended jobs to try again, such as ``failed`` or ``outcome_unknown``."""
    only_sample: int | None = None
    """Of the samples, this one alone, from 0; what stands at the others is left as it is."""
    max_cost: float | None = None
    """US dollars that this run may cost, over all its repetitions."""
    max_jobs: int | None = None
    """Jobs that it may start."""
    allow_unpriced: Collection[str] = frozenset()
    """Tools that may be used under `max_cost` although nobody knows their price."""

    def __post_init__(self) -> None:
        for name in ("models", "retry", "allow_unpriced"):
            if isinstance(names := getattr(self, name), str):
                raise OptionError(f"`{name}=` is a single text, {names!r}; give a list of names")
        for name in ("models", "prompts", "arms", "seeds"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        for name in ("retry", "allow_unpriced"):
            object.__setattr__(self, name, frozenset(getattr(self, name)))
        object.__setattr__(self, "wishes", self.wishes or Wishes())
        self._check_numbers()
        known = [*FINAL_STATES[1:], *get_args(Reason)]
        for name in sorted(self.retry):
            if name not in known:
                raise OptionError(
                    f"`retry=`: {name!r} is no state or reason of an ended job; {did_you_mean(name, known)}"
                )

    def _check_numbers(self) -> None:
        if self.samples < 1:
            raise OptionError(f"`samples=` is {self.samples}; give 1 or more")
        if self.seeds and len(self.seeds) != self.samples:
            raise OptionError(f"`seeds=` has {len(self.seeds)} numbers for {self.samples} samples; give one for each")
        if bad := [seed for seed in self.seeds if not 0 <= seed < MAX_SEED]:
            raise OptionError(f"`seeds=`: {bad[0]} is not between 0 and {MAX_SEED - 1}")
        if self.only_sample is not None and not 0 <= self.only_sample < self.samples:
            raise OptionError(
                f"`only_sample=` is {self.only_sample}; with `samples={self.samples}` there are 0 to {self.samples - 1}"
            )
        check_limits(self.max_cost, self.max_jobs)
        for name in ("seconds", "width", "height", "fps"):  # a price is computed from them
            wish = getattr(self.wishes, name)
            if wish is not None and not 0 < wish < MAX_WISH:
                raise OptionError(f"`{name}=` is {wish:g}; give a number above 0 and below {MAX_WISH}")

    @staticmethod
    def seeds_from(first: int | None, samples: int) -> tuple[int, ...]:
        """Seeds that count up from the first sample's; None: none are asked for."""
        return () if first is None else tuple(range(first, first + samples))

    @classmethod
    def of(cls, spec: RunSpec | None, options: Mapping[str, Any]) -> RunSpec:
        """A spec from what a stage was called with: one that is there, its fields as keywords, or both.

        Raises:
            OptionError: a keyword is no field of a spec.
        """
        names = [part.name for part in fields(cls)]
        for name in options:
            if name not in names:
                raise OptionError(f"a run has no `{name}=`; {did_you_mean(name, names)}")
        if spec is not None:
            return replace(spec, **options)
        return cls(**({"models": ()} | dict(options)))

    def resolved(self) -> RunSpec:
        """The same with every name looked up: tools with their arms, prompts without a suite, one setting for all.

        Raises:
            CatalogError: there is no such tool or suite, or it is wrong.
            OptionError: no tool, no prompt, or two that could not be told apart.
        """
        from vbench.catalog import find_suite

        in_suite = find_suite(self.suite).prompts if self.suite is not None else ()
        spec = replace(self, models=self.tools(), suite=None, prompts=(*in_suite, *self.prompts))
        if not spec.models:
            raise OptionError("no tool is named; say `models=` with one or more of vbench models")
        if not spec.prompts:
            raise OptionError("there is no prompt to generate; choose a `suite=` that holds some")
        labels = Counter(tool.label for tool in spec.tools())
        if twice := [label for label, n in labels.items() if n > 1]:
            raise OptionError(f"{twice[0]} is named twice; name it once")
        ids = Counter(prompt.id for prompt in spec.prompts)
        if twice := [name for name, n in ids.items() if n > 1]:
            raise OptionError(f"two prompts have the id {twice[0]!r}; generate one suite at a time")
        if not spec.match:
            return spec
        return replace(spec, match=False, wishes=common_wishes([tool.card for tool in spec.tools()], spec.wishes))

    def with_pictures(self, folder: Path) -> RunSpec:
        """The same with every picture of its prompts checked and kept in a folder; of a resolved spec.

        Raises:
            OptionError: a picture cannot be taken.
            CatalogError: one is to be drawn and has no scene.
        """
        prompts, notes = take_pictures(self.prompts, self.pictures, folder)
        return replace(self, prompts=prompts, pictures=Pictures(), picture_notes=notes)

    def tools(self) -> list[Tool]:
        """Each tool as it is, then once for each arm."""
        tools = []
        for model in self.models:
            if isinstance(model, Tool):
                tools.append(model)
                continue
            card = cards.find_card(model) if isinstance(model, str) else model
            tools += [Tool(card=card), *(Tool(card=card, arm=arm.name) for arm in self.arms)]
        return tools

    @property
    def key(self) -> str:
        """What makes two calls the same run, for its ceiling; of a resolved spec."""
        labels, prompts = sorted(tool.label for tool in self.tools()), sorted(prompt.key for prompt in self.prompts)
        wanted = (labels, prompts, self.samples)
        return digest("run", *wanted) if self.only_sample is None else digest("run", *wanted, self.only_sample)

    @property
    def about(self) -> str:
        """The run in a line, for its ceiling; of a resolved spec."""
        labels = [tool.label for tool in self.tools()]
        shown = ", ".join(labels[:4]) + (", ..." if len(labels) > 4 else "")
        return f"{shown} on {len(self.prompts)} prompts with {self.samples} sample{'s' if self.samples > 1 else ''}"

    def to_json(self) -> dict[str, Any]:
        """JSON values, for a run that another process is to do.

        Raises:
            OptionError: a tool is given as a card; its id is what can be written down.
        """
        if unnamed := [model for model in self.models if not isinstance(model, str)]:
            raise OptionError(f"`models=`: a spec that is stored names its tools by id, and {unnamed[0]!r:.80} is none")
        arms = [arm.model_dump() for arm in self.arms]
        values = to_json(replace(self, arms=())) | {
            "arms": arms,
            "suite": None if self.suite is None else str(self.suite),
        }
        return values | {name: sorted(values[name]) for name in ("retry", "allow_unpriced")}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Self:
        """The spec that `to_json` gave.

        Raises:
            KeyError, TypeError: it is none.
            OptionError: something in it cannot be meant.
        """
        records = {
            "prompts": [from_json(Prompt, prompt) for prompt in values.get("prompts", ())],
            "arms": [Arm.model_validate(arm) for arm in values.get("arms", ())],
            "wishes": from_json(Wishes, values.get("wishes", {})),
            "pictures": from_json(Pictures, values.get("pictures", {})),
        }
        return from_json(cls, {**values, **records})
