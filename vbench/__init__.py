"""vbench: the bench on which video-generation tools are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vbench._version import __version__

if TYPE_CHECKING:
    from vbench.api import BenchWithStages as Bench

__all__ = ["Bench", "__version__"]


def __getattr__(name: str) -> object:
    if name == "Bench":
        from vbench.api import BenchWithStages  # here, so that `import vbench` stays instant

        return BenchWithStages
    raise AttributeError(f"module 'vbench' has no attribute {name!r}")
