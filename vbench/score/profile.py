"""A named profile: weights for the groups of the headline, asked for with `--set overall.profile=FILE`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from vbench.contracts import Combined, Settings
from vbench.errors import OptionError
from vbench.files import home_expanded, write_text
from vbench.metrics.weights import weighted_mean
from vbench.records import digest

SETTING = "overall.profile"
ABOUT = {SETTING: "file of weights for the groups of overall, as `vbench calibrate overall` writes it; default equal"}
HEADLINE = "overall"
LEAST_WEIGHT = 0.05
"""No group may be left out: a headline without motion would be bought with stillness."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """Weights of the groups of the headline."""

    name: str
    version: int
    """Of `overall`, whose groups these are."""
    weights: Mapping[str, float]
    """Group → weight, each at least 0.05, 1 together."""
    fitted_on: Mapping[str, Any]
    """What it rests on, for a person."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What tells it from others, for the parameters of scores."""
        return {"name": self.name, "weights": digest(dict(self.weights))}


def write_profile(profile: Profile, path: Path) -> None:
    """Raises OptionError where the file cannot be written."""
    document = {
        "schema": 1,
        "profile": profile.name,
        "of": f"{HEADLINE} {profile.version}",
        "weights": dict(profile.weights),
        "fitted_on": dict(profile.fitted_on),
    }
    try:
        write_text(path, json.dumps(document, indent=1, ensure_ascii=False) + "\n")
    except OSError as error:
        raise OptionError(f"`out=` {path}: {error.strerror}; name a file in a folder that can be written") from None


def read_profile(path: Path, headline: Combined) -> Profile:
    """The profile in a file, for this headline.

    Raises:
        OptionError: no such file, no profile, or one of another version or of other groups.
    """
    try:
        document = json.loads(home_expanded(str(path)).read_text(encoding="utf-8"))
        name, of, weights = document["profile"], document["of"], dict(document["weights"])
        numbers = {group: float(weight) for group, weight in weights.items()}
    except OSError as error:
        raise OptionError(f"{SETTING} is {path}: {error.strerror}; vbench calibrate overall writes one") from None
    except (ValueError, KeyError, TypeError):
        raise OptionError(f"{SETTING} is {path}, which is no profile; vbench calibrate overall writes one") from None
    if of != f"{HEADLINE} {headline.version}":
        raise OptionError(f"{path} has weights for {of}, and this is {HEADLINE} {headline.version}; fit it again")
    if numbers.keys() != set(headline.inputs) or min(numbers.values()) < LEAST_WEIGHT - 1e-6:
        raise OptionError(
            f"{path} has weights for {', '.join(numbers)}; expected {', '.join(headline.inputs)}, each at least "
            f"{LEAST_WEIGHT:g}: a headline that leaves a group out can be bought with stillness"
        )
    return Profile(name=name, version=headline.version, weights=numbers, fitted_on=document.get("fitted_on", {}))


def with_profile(metric: Combined, settings: Settings) -> tuple[Combined, Mapping[str, Any]]:
    """The headline with the weights that are asked for, and what that adds to its parameters; others as they are.

    Raises:
        OptionError: the profile cannot be used.
    """
    given = settings.get(SETTING, "")
    if metric.name != HEADLINE or not given:
        return metric, {}
    profile = read_profile(Path(given), metric)
    return replace(metric, compute=partial(weighted_mean, weights=profile.weights)), {"profile": profile.identity}
