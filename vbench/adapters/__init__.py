"""One module per kind of tool; each turns (prompt, seed, wish list) into a video file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from vbench.records import Handle, Plan, Provenance, Request, Status
from vbench.registry import Registry

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard


class Adapter(Protocol):
    """Code that makes clips with one kind of tool; constructed with a ModelCard, it loads nothing heavy until `submit`.

    The verbs run in the order plan, submit, poll ..., fetch. Local adapters do the work in `submit` or `fetch` and
    poll `succeeded`. A hosted adapter's `submit` makes at most one billable request, ever.
    """

    def __init__(self, card: ModelCard) -> None: ...

    def plan(self, request: Request) -> Plan:
        """What will be sent, its price, and a warning for every wish that cannot be honoured; no side effects."""
        ...

    def submit(self, plan: Plan) -> Handle:
        """Start the job: at most one billable request.

        Raises:
            NotStartedError: nothing began and the same request may be sent again later (connection refused, code
                ``rate_limited`` or ``concurrency``); no other error of `submit` may lead to a second request.
            JobError: the tool will not make it (code ``moderated_input``, ``bad_request``, ``no_balance``, ...); or
                its outcome is unknown (code ``outcome_unknown``), in which case it is never sent again by itself.
            AuthError: no key, or it was refused.
        """
        ...

    def poll(self, handle: Handle) -> Status:
        """What the tool says of the job now.

        Raises:
            JobError: it could not be asked, also after retries; the job may still be running, so ask again later.
            AuthError: the key was refused.
        """
        ...

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Bring the finished clip to this machine.

        Args:
            handle: As `submit` or the last `poll` gave it.
            out: Where to write, without a suffix; the adapter adds the one that fits the file.

        Returns:
            The file written (complete, renamed from ``.part``), and what is known of how it came to be.

        Raises:
            JobError: code ``download_failed`` (may be tried again while the result lives) or ``empty_result`` (the
                tool's result is not a video).
        """
        ...

    def cancel(self, handle: Handle) -> bool:
        """Ask the tool to stop; True where it said that it will."""
        ...

    def close(self) -> None:
        """Free what `submit` loaded."""
        ...


ADAPTERS = Registry(
    "vbench.adapters",
    "adapter",
    {
        "synthetic": "vbench.adapters.synthetic:SyntheticAdapter",
        "diffusers": "vbench.adapters.diffusers.adapter:DiffusersAdapter",
        "http": "vbench.adapters.http.adapter:HttpAdapter",
        "openai_videos": "vbench.adapters.openai_videos:OpenAIVideosAdapter",
        "gemini": "vbench.adapters.gemini:GeminiAdapter",
        "vertex": "vbench.adapters.vertex:VertexAdapter",
        "comfyui": "vbench.adapters.comfyui.adapter:ComfyUIAdapter",
        "command": "vbench.adapters.command:CommandAdapter",
    },
)
