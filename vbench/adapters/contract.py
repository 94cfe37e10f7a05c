"""What an adapter is: all that generating, readiness and `vbench models` ask of the code for one kind of tool."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal

from vbench.adapters.secrets import expand, lookup
from vbench.catalog.cards import ModelCard, env_names
from vbench.errors import AuthError
from vbench.records import Handle, Plan, Provenance, Request, Status
from vbench.schema import Strict

MissingKind = Literal["retired", "adapter", "key", "licence", "server", "vram", "disk", "program"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """One thing that keeps a tool from running here."""

    kind: MissingKind
    message: str
    is_certain: bool = True
    """False: worth knowing, but it may run all the same (a download, a licence to read)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """One model of a gateway's live catalogue."""

    id: str
    """As the card's options name it."""
    name: str
    price: str
    """In words; why it is refused, where it is none."""
    seconds: str
    resolutions: tuple[str, ...]
    since: str
    """ISO 8601 day; empty: not told."""
    ends: str
    """ISO 8601 day after which it is gone; empty: not told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Repository:
    """A repository on the hub that a tool of this machine loads its weights from."""

    repo: str
    revision: str = ""
    """Commit or branch; empty: what the hub serves by default."""
    variant: str = ""
    files: tuple[str, ...] = ()
    """Names or patterns, where not all of it is needed."""


class Adapter(ABC):
    """Code that makes clips with one kind of tool, constructed with the tool's card.

    The verbs run in the order `plan`, `submit`, `poll` ..., `fetch`; `cancel` may come at any time after `submit`, from
    another thread, and `close` comes last. One adapter serves all jobs of its tool, several at once unless it has a
    lane. Constructing it checks the card's options and connects to nothing; nothing heavy is imported or loaded before
    `submit`. A local adapter does its work in `submit` or `fetch` and polls ``succeeded``; a handle holds all that is
    needed to go on in another process. A hosted adapter's `submit` makes at most one billable request, ever.
    """

    is_local: ClassVar[bool] = False
    """The work is done on this machine and nothing is billed. Cards of a local adapter say ``local: true``; other
    cards may say it too: then a server of one's own speaks a hosted tool's protocol."""
    lane: ClassVar[str] = ""
    """The device of this machine that a job needs for itself: jobs of all tools in a lane are made one at a time, since
    two models on one GPU spoil each other's timings. Empty: as many at once as the card's limits say."""
    options_model: ClassVar[type[Strict]] = Strict
    """What a card of this adapter may say under `options`."""

    def __init__(self, card: ModelCard) -> None:
        """Keep the card.

        Raises:
            CatalogError: (subclasses) an option is unknown or wrong; with file and line, from `ModelCard.options_as`.
        """
        self.card = card

    # --- what is asked before any clip is wanted ----------------------------------------------------------------------

    @classmethod
    def check_card(cls, card: ModelCard) -> None:
        """Refuse a card that does not go with its adapter, beyond what the schema of cards and options can say.

        Raises:
            CatalogError: with file, line, and what to write instead.
        """
        if cls.is_local and not card.local:
            raise card.complaint(
                f"adapter {card.adapter!r} works on this machine and the card does not say so; add `local: true`",
                "local",
            )
        card.options_as(cls.options_model)

    @classmethod
    def missing(cls, card: ModelCard) -> tuple[Missing, ...]:
        """What the tool needs to run here and now and does not have: keys, a server, GPU memory, weights, a program.

        Called often, and for cards whose options are not checked yet: nothing is connected to, nothing heavy is loaded.
        That the tool is retired, or its licence ends at a border, is not the adapter's to say.
        """
        keys = [Missing(kind="key", message=f"set {name}") for name in env_names(card) if lookup(name) is None]
        if card.local and "base_url" in card.options:
            keys.append(Missing(kind="server", message="your own server must be running", is_certain=False))
        return tuple(keys)

    @classmethod
    def server(cls, card: ModelCard) -> str:
        """Address of the server of one's own that the tool needs; empty: it needs none, or its address is not set."""
        if not (card.local or cls.is_local):
            return ""
        field = cls.options_model.model_fields.get("base_url")
        default = "" if field is None or field.is_required() else field.default
        try:
            return expand(str(card.options.get("base_url") or default), model=card.id)
        except AuthError:
            return ""

    @classmethod
    def repositories(cls, card: ModelCard) -> tuple[Repository, ...]:
        """What `vbench models pull` gets for the tool; empty: it has no weights of its own that could be got.

        Raises:
            CatalogError: an option of the card is wrong.
        """
        return ()

    def check(self) -> str:
        """What the tool itself says when it is asked at no cost, in a sentence; empty: there is nobody to ask.

        Only asked where nothing certain is missing.

        Raises:
            AuthError: no key, or it was refused.
            JobError: the tool cannot be reached.
        """
        return ""

    def offers(self) -> tuple[Offer, ...]:
        """What a gateway's catalogue holds now; empty: the tool is one model and has none.

        Raises:
            JobError: it cannot be read.
        """
        return ()

    # --- the verbs ----------------------------------------------------------------------------------------------------

    @abstractmethod
    def plan(self, request: Request) -> Plan:
        """What will be sent, its price, and a warning for every wish that cannot be honoured; no side effects.

        Raises:
            CatalogError: the card gives no value for something that must be sent.
            JobError: the tool cannot make this one (it starts from a first frame and the prompt has none).
        """

    @abstractmethod
    def submit(self, plan: Plan) -> Handle:
        """Start the job: at most one billable request.

        Raises:
            NotStartedError: nothing began and the same request may be sent again later (connection refused, code
                ``rate_limited`` or ``concurrency``); no other error of `submit` may lead to a second request.
            JobError: the tool will not make it (code ``moderated_input``, ``bad_request``, ``no_balance``, ...); or
                its outcome is unknown (code ``outcome_unknown``), in which case it is never sent again by itself.
            AuthError: no key, or it was refused.
        """

    @abstractmethod
    def poll(self, handle: Handle) -> Status:
        """What the tool says of the job now.

        Raises:
            JobError: it could not be asked, also after retries; the job may still be running, so ask again later.
            AuthError: the key was refused.
        """

    @abstractmethod
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

    def cancel(self, handle: Handle) -> bool:
        """Ask the tool to stop; True where it said that it will."""
        return False

    def close(self) -> None:
        """Free what `submit` and `fetch` loaded, and end what still runs."""
        return
