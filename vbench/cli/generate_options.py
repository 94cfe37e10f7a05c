"""The options that `vbench plan`, `generate` and `run` share, each written once."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import typer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What is to be made."""

    suite: Annotated[str, typer.Option("--suite", "-s", help="Suite, by name or file.")]
    models: Annotated[str, typer.Option("--models", "-m", help="Tools: ids or card files, separated by commas.")]
    samples: Annotated[int, typer.Option("--samples", "-n", help="Clips per tool and prompt.")] = 1
    seed: Annotated[
        int | None, typer.Option(help="Seed of the first sample; the next ones count up.  [default: one per prompt]")
    ] = None
    seconds: Annotated[float | None, typer.Option(help="Length asked for.  [default: each tool's own]")] = None
    width: Annotated[int | None, typer.Option(help="Pixels asked for.")] = None
    height: Annotated[int | None, typer.Option(help="Pixels asked for.")] = None
    fps: Annotated[float | None, typer.Option(help="Frames per second asked for.")] = None
    audio: Annotated[bool | None, typer.Option("--audio/--no-audio", help="Sound asked for, or asked away.")] = None
    negative: Annotated[str, typer.Option(help="What should not be there, beside each prompt's own.")] = ""
    arm: Annotated[
        list[Path] | None, typer.Option("--arm", help="Prompt expansion to compare with: a YAML file; repeatable.")
    ] = None
    retry: Annotated[
        str, typer.Option(help="Ended jobs to try again, by state or reason: failed,refused_output,outcome_unknown,...")
    ] = ""

    def arguments(self) -> dict[str, Any]:
        """As `vbench.generate.generate` and `plan_run` take them."""
        from vbench.generate.expansion import read_arm
        from vbench.generate.matrix import Wishes
        from vbench.generate.plan import checked_retry

        return {
            "models": names(self.models),
            "suite": self.suite,
            "samples": self.samples,
            "seeds": [] if self.seed is None else [self.seed + i for i in range(self.samples)],
            "wishes": Wishes(
                seconds=self.seconds,
                width=self.width,
                height=self.height,
                fps=self.fps,
                audio=self.audio,
                negative=self.negative,
            ),
            "retry": checked_retry(names(self.retry)),
            "arms": [read_arm(path) for path in self.arm or ()],
        }


@dataclass(frozen=True, kw_only=True)
class Allowed:
    """What it may cost, and what may run here."""

    max_cost: Annotated[
        float | None, typer.Option(help="US dollars this run may cost, over all its repetitions.", min=0)
    ] = None
    max_jobs: Annotated[int | None, typer.Option(help="Jobs this run may start.", min=0)] = None
    allow_unpriced: Annotated[
        str, typer.Option("--allow-unpriced", help="Tools without a price that may run under --max-cost.")
    ] = ""
    trust_remote_code: Annotated[
        str,
        typer.Option("--trust-remote-code", help="Tools whose repositories may run their own code on this machine."),
    ] = ""

    def arguments(self) -> dict[str, Any]:
        """As `vbench.generate.generate` takes them."""
        return {"max_cost": self.max_cost, "max_jobs": self.max_jobs, "allow_unpriced": names(self.allow_unpriced)}


def names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def one_by_one(command: Callable[..., None]) -> Callable[..., None]:
    """`command`, whose parameters of the types above are the options they hold: typer reads a flat signature."""
    hints = get_type_hints(command, include_extras=True)
    groups: dict[str, Any] = {name: kind for name, kind in hints.items() if is_dataclass(kind)}
    flat: list[inspect.Parameter] = []
    for name, parameter in inspect.signature(command).parameters.items():
        flat += _options(groups[name]) if name in groups else [_option(name, hints[name], parameter.default)]

    @functools.wraps(command)
    def called(**values: Any) -> None:
        for name, kind in groups.items():
            values[name] = kind(**{field.name: values.pop(field.name) for field in fields(kind)})
        command(**values)

    called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
    return called


def _options(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [_option(field.name, hints[field.name], field.default) for field in fields(group)]


def _option(name: str, kind: Any, default: Any) -> inspect.Parameter:
    empty = inspect.Parameter.empty if default is MISSING else default
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=empty, annotation=kind)
