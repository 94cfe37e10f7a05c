"""Where the page keeps what is its own."""

from __future__ import annotations

from pathlib import Path

from vbench.bench import Bench


def page_folder(bench: Bench) -> Path:
    """Uploads, exports, logs, and the steps of what is under way."""
    folder = bench.root / "page"
    folder.mkdir(parents=True, exist_ok=True)
    return folder
