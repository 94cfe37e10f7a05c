"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

import functools
import inspect
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, get_type_hints

import typer

from vbench.errors import OptionError

BenchPath = Annotated[
    Path | None,
    typer.Option("--bench", help="The workspace folder.  [default: $VBENCH_HOME or ./bench]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything failed.")]

SET_HELP = "K=V, e.g. clip.model=PATH; may be given several times."
Set = Annotated[list[str] | None, typer.Option("--set", help=SET_HELP)]

Engine = Annotated[
    Literal["local", "ray", "slurm"],
    typer.Option("--engine", help="Where: this process, or a share each for processes of Ray or Slurm."),
]
Machines = Annotated[
    int | None,
    typer.Option("--machines", help="Processes of the engine that share the work.  [default: Ray's GPUs or nodes]"),
]
EngineSet = Annotated[
    list[str] | None, typer.Option("--engine-set", help="K=V for the engine, e.g. partition=gpu; repeatable.")
]

EXIT_USER, EXIT_FAILURES = 2, 3


def option(name: str, kind: Any, *flags: str, default: Any = None, **facts: Any) -> inspect.Parameter:
    """One option of a command, for `takes`.

    Args:
        name: Of the parameter.
        kind: Its type.
        flags: As they are typed, where they do not follow from the name.
        default: `inspect.Parameter.empty`: it has to be given.
        facts: As `typer.Option` takes them: help, min, ...
    """
    annotation = Annotated[kind, typer.Option(*flags, **facts)]
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def takes(
    parameter: str, options: Sequence[inspect.Parameter], record: Callable[[Mapping[str, Any]], Any] = dict
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command these options in place of one parameter, since typer reads a flat signature only.

    Args:
        parameter: Of the command; it gets what `record` makes of the options' values, name → value.
        options: See `option`.
        record: Of the values; the values themselves where it is left out.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        unread = {str(command.__annotations__[parameter]): Any}  # the record's own type may take long to import
        hints = get_type_hints(command, localns=unread, include_extras=True)
        flat: list[inspect.Parameter] = []
        for name, own in inspect.signature(command).parameters.items():
            kind = inspect.Parameter.KEYWORD_ONLY
            flat += options if name == parameter else [own.replace(kind=kind, annotation=hints[name])]

        @functools.wraps(command)
        def called(**values: Any) -> None:
            values[parameter] = record({each.name: values.pop(each.name) for each in options})
            command(**values)

        called.__signature__ = inspect.Signature(flat)  # type: ignore[attr-defined]
        called.__annotations__ = {each.name: each.annotation for each in flat}
        return called

    return decorate


def settings_of(pairs: list[str] | None, flag: str = "--set") -> dict[str, str]:
    """What `--set NAME=VALUE`, or another flag like it, gave: the last of a name.

    Raises:
        OptionError: one of them is no NAME=VALUE.
    """
    settings = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OptionError(f"{flag} {pair!r}: expected NAME=VALUE, e.g. clip.model=PATH")
        settings[name] = value
    return settings


def fleet_of(engine: str, machines: int | None, engine_set: list[str] | None) -> Any:
    """The machines that `--engine` and what goes with it mean; None: this process alone.

    Raises:
        OptionError: they cannot be meant.
    """
    from vbench.machines import Fleet

    if engine == "local":
        if machines is not None or engine_set:
            raise OptionError("--machines and --engine-set go with --engine ray or slurm; name one, or leave them out")
        return None
    return Fleet(engine=engine, machines=machines, settings=settings_of(engine_set, "--engine-set"))  # type: ignore[arg-type]


def names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def print_json(document: Mapping[str, Any], *, schema: int = 1) -> None:
    """Print one JSON document, with the number of its schema in front.

    Args:
        document: Its names and values; see the table in ``docs/json.md``.
        schema: Raised when a name goes or a value means something else; new names do not raise it.
    """
    numbered = {"schema": schema, **document}
    sys.stdout.write(json.dumps(numbered, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(text: str = "") -> None:
    """Print one line as it is: a prompt or a path may hold characters that a formatter would interpret."""
    sys.stdout.write(text + "\n")
