"""The options that `vbench plan`, `generate` and `run` share, each written once, and the spec they make."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vbench.cli.options import names, option

if TYPE_CHECKING:
    from vbench.generate import RunSpec


NEEDED = inspect.Parameter.empty

MATRIX_OPTIONS = (
    option("suite", str, "--suite", "-s", help="Suite, by name or file.", default=NEEDED),
    option("models", str, "--models", "-m", help="Tools: ids or card files, separated by commas.", default=NEEDED),
    option("samples", int, "--samples", "-n", help="Clips per tool and prompt.", default=1),
    option("seed", int | None, help="Seed of the first sample; the next ones count up.  [default: one per prompt]"),
    option("seconds", float | None, help="Length asked for.  [default: each tool's own]"),
    option("width", int | None, help="Pixels asked for."),
    option("height", int | None, help="Pixels asked for."),
    option("fps", float | None, help="Frames per second asked for."),
    option("audio", bool | None, "--audio/--no-audio", help="Sound asked for, or asked away."),
    option("negative", str, help="What should not be there, beside each prompt's own.", default=""),
    option("image", str | None, help="First frame for every prompt: a file or an https address.  [default: its own]"),
    option("last_image", str | None, help="Last frame for every prompt."),
    option("reference", list[str] | None, help="Picture of who or what should appear; repeatable."),
    option(
        "without_image",
        bool,
        "--without-image",
        help="Tools that cannot take a prompt's pictures make it without; otherwise they do not make it.",
        default=False,
    ),
    option("match", bool, "--match", help="Ask all for the nearest size and length that they share.", default=False),
    option("arm", list[Path] | None, "--arm", help="Prompt expansion to compare with: a YAML file; repeatable."),
    option(
        "retry",
        str,
        help="Ended jobs to try again, by state or reason: failed,refused_output,outcome_unknown,...",
        default="",
    ),
)
"""What is to be made."""
ONLY_SAMPLE = option(
    "only_sample", int | None, help="Of the samples, only the one with this number, from 0.  [default: all]", min=0
)
LIMIT_OPTIONS = (
    option("max_cost", float | None, help="US dollars this run may cost, over all its repetitions."),
    option("max_jobs", int | None, help="Jobs this run may start."),
    option(
        "allow_unpriced",
        str,
        "--allow-unpriced",
        help="Tools without a price that may run under --max-cost.",
        default="",
    ),
)
"""What it may cost."""


def spec_of(values: Mapping[str, Any]) -> RunSpec:
    """The spec that the options of a command make.

    Raises:
        OptionError: one of them cannot be meant.
        CatalogError: an arm's file is wrong.
    """
    from vbench.generate import RunSpec, Wishes
    from vbench.generate.expansion import read_arm
    from vbench.generate.pictures import Pictures

    return RunSpec(
        models=names(values["models"]),
        suite=values["suite"],
        samples=values["samples"],
        seeds=RunSpec.seeds_from(values["seed"], values["samples"]),
        wishes=Wishes.of(values),
        pictures=Pictures.of(values),
        without_image=values["without_image"],
        match=values["match"],
        retry=names(values["retry"]),
        arms=[read_arm(path) for path in values["arm"] or ()],
        only_sample=values.get("only_sample"),
        max_cost=values.get("max_cost"),
        max_jobs=values.get("max_jobs"),
        allow_unpriced=names(values.get("allow_unpriced", "")),
    )
