"""A hosted tool that charges for every request, played by a folder; its clips are ready after a while."""

from __future__ import annotations

import os
import time
import uuid
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from vbench.adapters import Adapter
from vbench.catalog.cards import ModelCard
from vbench.errors import JobError, NotStartedError
from vbench.records import Handle, Plan, Provenance, Request, Status
from vbench.video import write_clip

Point = Callable[[str], None]


def card(name: str = "paid", *, concurrency: int = 2, usd_per_clip: float | None = 0.5, **more: Any) -> ModelCard:
    """A card of the tool; None: nobody knows its price."""
    price = {"usd_per_clip": usd_per_clip, "source": "none", "checked_on": "2026-11-01"}
    return ModelCard.model_validate(
        {
            "id": name,
            "name": name,
            "vendor": {"name": "none"},
            "adapter": "http",
            "licence": {"weights": "closed"},
            "capabilities": {"seed": True},
            "limits": {"concurrency": concurrency},
            **({"price": price} if usd_per_clip is not None else {}),
            **more,
        }
    )


class BillableAdapter(Adapter):
    """The tool's side of the contract.

    Args:
        card: Its price counts.
        server: Folder that plays the tool: it outlives the process.
        work_s: How long a clip takes.
        faults: What goes wrong, by prompt id: an error to raise at submit, or a state to end in.
        point: Called with the name of each place where a process might be killed.
    """

    def __init__(
        self,
        card: ModelCard,
        server: Path,
        *,
        work_s: float = 0.0,
        poll_s: float = 0.02,
        faults: Mapping[str, list[Any]] | None = None,
        point: Point = lambda _name: None,
    ) -> None:
        super().__init__(card)
        self.server = server
        self.work_s, self.poll_s, self.faults, self.point = work_s, poll_s, dict(faults or {}), point
        server.mkdir(parents=True, exist_ok=True)

    def plan(self, request: Request) -> Plan:
        body = {"prompt": request.text, "seed": request.seed, "seconds": request.seconds}
        price = self.card.price.usd_per_clip if self.card.price is not None else None
        assert price is None or isinstance(price, float)
        return Plan(
            model=self.card.id,
            adapter="http",
            request=request,
            body=body,
            identity={"body": body},
            cost_usd=price,
            is_billable=True,
            seconds_estimate=self.work_s,
        )

    def submit(self, plan: Plan) -> Handle:
        self.point("before the request")
        fault = self._next_fault(plan.request.prompt.id)
        if isinstance(fault, NotStartedError):
            raise fault
        self._log("posts", f"{self.card.id} {plan.request.prompt.id} {plan.request.sample}")
        if isinstance(fault, Exception):
            raise fault
        self.point("after the request")
        return Handle(id=uuid.uuid4().hex, data={"ready": time.time() + self.work_s, "end": fault or "succeeded"})

    def poll(self, handle: Handle) -> Status:
        self.point("poll")
        self._log("polls", handle.id)
        if handle.data["ready"] > time.time():
            return Status(state="running", retry_after_s=self.poll_s)
        end = handle.data["end"]
        if end in ("succeeded", "broken", "picture", "nothing", "disk_full"):
            return Status(state="succeeded")
        reason = {"refused_output": "moderated_output", "failed": "provider_error"}.get(end)
        return Status(state=end, reason=reason, message="as scripted")  # type: ignore[arg-type]

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        self._log("fetches", handle.id)
        end, path = handle.data["end"], out.with_name(out.name + ".mp4")
        data = {"broken": b"<html>not a clip</html>", "picture": _picture(), "nothing": b""}.get(end, tiny_clip())
        if end == "disk_full" and not (self.server / "freed").exists():
            raise OSError(28, "No space left on device")
        part = path.with_name(path.name + ".part")
        part.write_bytes(data[: len(data) // 2])
        self.point("half of the file")
        part.write_bytes(data)
        part.replace(path)
        self.point("the whole file")
        return path, Provenance(origin="generated", cost_usd=0.5, cost_source="billed", seed_honoured=True)

    def cancel(self, handle: Handle) -> bool:
        self._log("cancels", handle.id)
        return True

    def close(self) -> None:
        self._log("closes", self.card.id)

    def _next_fault(self, prompt: str) -> Any:
        script = self.faults.get(prompt, [])
        return script.pop(0) if script else None

    def _log(self, name: str, line: str) -> None:
        with (self.server / name).open("a") as file:
            file.write(line + "\n")

    def lines(self, name: str) -> list[str]:
        """What the tool has seen so far."""
        path = self.server / name
        return path.read_text().splitlines() if path.exists() else []


@cache
def tiny_clip() -> bytes:
    """Eight frames of 32x32."""
    return _encoded(8)


@cache
def _picture() -> bytes:
    return _encoded(1)


def _encoded(n_frames: int) -> bytes:
    import tempfile

    frames = np.linspace(0, 1, n_frames * 32 * 32 * 3, dtype=np.float32).reshape(n_frames, 32, 32, 3)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clip.mp4"
        write_clip(frames, path, fps=8)
        return path.read_bytes()


def die(_name: str) -> None:
    """What `kill -9` does."""
    os.kill(os.getpid(), 9)


__all__ = ["BillableAdapter", "JobError", "card", "die", "tiny_clip"]
