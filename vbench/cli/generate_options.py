"""The options that `vbench plan`, `generate` and `run` share, each written once, and the spec they make."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, get_type_hints

import typer

from vbench.cli.options import names

if TYPE_CHECKING:
    from vbench.generate import RunSpec


def _option(name: str, kind: Any, *flags: str, help: str, default: Any = None, **more: Any) -> inspect.Parameter:
    annotation = Annotated[kind, typer.Option(*flags, help=help, **more)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


NEEDED = inspect.Parameter.empty

MATRIX_OPTIONS = (
    _option("suite", str, "--suite", "-s", help="Suite, by name or file.", default=NEEDED),
    _option("models", str, "--models", "-m", help="Tools: ids or card files, separated by commas.", default=NEEDED),
    _option("samples", int, "--samples", "-n", help="Clips per tool and prompt.", default=1),
    _option("seed", int | None, help="Seed of the first sample; the next ones count up.  [default: one per prompt]"),
    _option("seconds", float | None, help="Length asked for.  [default: each tool's own]"),
    _option("width", int | None, help="Pixels asked for."),
    _option("height", int | None, help="Pixels asked for."),
    _option("fps", float | None, help="Frames per second asked for."),
    _option("audio", bool | None, "--audio/--no-audio", help="Sound asked for, or asked away."),
    _option("negative", str, help="What should not be there, beside each prompt's own.", default=""),
    _option("arm", list[Path] | None, "--arm", help="Prompt expansion to compare with: a YAML file; repeatable."),
    _option(
        "retry",
        str,
        help="Ended jobs to try again, by state or reason: failed,refused_output,outcome_unknown,...",
        default="",
    ),
)
"""What is to be made."""
ONLY_SAMPLE = _option(
    "only_sample", int | None, help="Of the samples, only the one with this number, from 0.  [default: all]", min=0
)
LIMIT_OPTIONS = (
    _option("max_cost", float | None, help="US dollars this run may cost, over all its repetitions.", min=0),
    _option("max_jobs", int | None, help="Jobs this run may start.", min=0),
    _option(
        "allow_unpriced",
        str,
        "--allow-unpriced",
        help="Tools without a price that may run under --max-cost.",
        default="",
    ),
)
"""What it may cost."""


def takes_spec(*options: inspect.Parameter) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command `command(spec, ...)` these options instead of its spec: typer reads a flat signature."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        hints = get_type_hints(command, localns={"RunSpec": Any}, include_extras=True)  # loading it would take long
        _, *own = inspect.signature(command).parameters.values()

        @functools.wraps(command)
        def called(**values: Any) -> None:
            spec = spec_of({option.name: values.pop(option.name) for option in options})
            command(spec, **values)

        kind = inspect.Parameter.KEYWORD_ONLY
        own = [parameter.replace(kind=kind, annotation=hints[parameter.name]) for parameter in own]
        called.__signature__ = inspect.Signature([*options, *own])  # type: ignore[attr-defined]
        called.__annotations__ = {parameter.name: parameter.annotation for parameter in (*options, *own)}
        return called

    return decorate


def spec_of(values: Mapping[str, Any]) -> RunSpec:
    """The spec that the options of a command make.

    Raises:
        OptionError: one of them cannot be meant.
        CatalogError: an arm's file is wrong.
    """
    from vbench.generate import RunSpec, Wishes
    from vbench.generate.expansion import read_arm

    return RunSpec(
        models=names(values["models"]),
        suite=values["suite"],
        samples=values["samples"],
        seeds=RunSpec.seeds_from(values["seed"], values["samples"]),
        wishes=Wishes.of(values),
        retry=names(values["retry"]),
        arms=[read_arm(path) for path in values["arm"] or ()],
        only_sample=values.get("only_sample"),
        max_cost=values.get("max_cost"),
        max_jobs=values.get("max_jobs"),
        allow_unpriced=names(values.get("allow_unpriced", "")),
    )
