"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

BenchPath = Annotated[
    Path | None,
    typer.Option("--bench", help="The workspace folder.  [default: $VBENCH_HOME or ./bench]", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 3 if anything failed.")]

EXIT_USER, EXIT_FAILURES = 2, 3


def print_json(value: Any) -> None:
    """Print one JSON document."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_line(text: str = "") -> None:
    """Print one line as it is: a prompt or a path may hold characters that a formatter would interpret."""
    sys.stdout.write(text + "\n")
