"""The pass over a file, for tests of stream features."""

from __future__ import annotations

from typing import Any

from vbench.contracts import Settings
from vbench.extract.decode import Decoded, ToDecode, run_clip


def features_of(path: Any, *kinds: Any) -> Any:
    """Values of stream features, by name."""
    *_, decoded = run_clip(ToDecode(number=0, path=path), [kind(Settings()) for kind in kinds], [])
    assert isinstance(decoded, Decoded)
    return decoded.values
