"""What the adapters share that draw clips by rule on the CPU, in seconds and for nothing."""

from __future__ import annotations

import os
import threading
from abc import abstractmethod
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vbench.adapters.contract import Adapter
from vbench.records import Handle, Plan, Provenance, Status, digest

_CORES = threading.BoundedSemaphore(os.cpu_count() or 1)
"""Clips drawn at once by all tools together: more threads than cores take the interpreter's lock from each other."""


class DrawnAdapter(Adapter):
    """Plans and draws as its subclasses say; all of a job stands in its handle."""

    is_local = True

    def submit(self, plan: Plan) -> Handle:
        """A handle that holds all there is to know, so that a run killed while drawing can draw again."""
        data = {"body": dict(plan.body), "warnings": list(plan.warnings), "prompt_sent": plan.request.text}
        return Handle(id=digest(self.card.adapter, plan.body), data=data)

    def poll(self, handle: Handle) -> Status:
        """Always ready: the work is done in `fetch`."""
        return Status(state="succeeded")

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Draw and encode one clip; what was planted stands in the provenance under ``extra["planted"]``.

        Raises:
            JobError: a picture that it starts from is gone, or has changed since it was planned.
        """
        with _CORES:
            return self._draw(handle, out)

    @abstractmethod
    def _draw(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """One clip as `fetch` gives it."""

    def drawn(self, handle: Handle, *, work_s: float, version: str, extra: Mapping[str, Any]) -> Provenance:
        """What is known of a clip.

        Args:
            handle: Its job.
            work_s: Seconds of drawing and encoding.
            version: Of what drew it.
            extra: What else: ``planted``, ``encoder``, ...
        """
        body: Mapping[str, Any] = handle.data["body"]
        return Provenance(
            origin="synthetic",
            prompt_sent=handle.data["prompt_sent"],
            seed=body["seed"],
            seed_honoured=True,
            body=body,
            tool_version=version,
            queue_s=0.0,
            work_s=work_s,
            latency_s=work_s,
            cost_usd=0.0,
            licence=self.card.licence.weights,
            warnings=tuple(handle.data["warnings"]),
            extra=extra,
        )
