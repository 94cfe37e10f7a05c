"""One run of a stage shared by several machines, which divide its work by the claims of the bench itself."""

from __future__ import annotations

from vbench.machines.fleet import Fleet
from vbench.machines.run import generate, score

__all__ = ["Fleet", "generate", "score"]
