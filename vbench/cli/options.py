"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from vbench.errors import OptionError

BenchPath = Annotated[
    Path | None,
    typer.Option("--bench", help="The workspace folder.  [default: $VBENCH_HOME or ./bench]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything failed.")]

Set = Annotated[list[str] | None, typer.Option("--set", help="K=V, e.g. clip.model=PATH; may be given several times.")]

EXIT_USER, EXIT_FAILURES = 2, 3


def settings_of(pairs: list[str] | None) -> dict[str, str]:
    """What `--set NAME=VALUE` gave, the last of a name.

    Raises:
        OptionError: one of them is no NAME=VALUE.
    """
    found = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise OptionError(f"--set {pair!r}: expected NAME=VALUE, e.g. clip.model=PATH")
        found[name] = value
    return found


def names(text: str) -> list[str]:
    """The names in a list with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(text: str = "") -> None:
    """Print one line as it is: a prompt or a path may hold characters that a formatter would interpret."""
    sys.stdout.write(text + "\n")
