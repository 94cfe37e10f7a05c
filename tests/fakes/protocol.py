"""What a hosted protocol is made of, for the fake server: routes, words, shapes, and what it says in each situation."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.fakes.hosted import Asked, Fake, FakeJob

Reply = tuple[int, Any]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """One protocol: routes, words and shapes."""

    card: str
    """The card of `models/` that speaks it."""
    env: str
    """What sets that card's address."""
    key_env: str
    prefix: str = ""
    """Path of the base address."""
    create_path: str
    frames_path: str = ""
    """Where a job with a first frame begins; empty: at the same place."""
    free: Mapping[str, Any] = field(default_factory=dict)
    """Path → answer of calls that are not about a job: a catalogue, an upload."""
    poll_path: str
    """Regular expression with the job's id as its group; of the body where `poll_method` is POST."""
    poll_method: str = "GET"
    hop_path: str = ""
    content_path: str = ""
    cancel: tuple[str, str] = ("", "")
    """Method and path."""
    words: Mapping[str, Any]
    """queued, running, succeeded, failed → the protocol's own."""
    created: Callable[[FakeJob, Fake], Reply]
    view: Callable[[FakeJob, Any, Fake], Reply]
    errors: Mapping[str, Reply]
    """rate, balance, auth, moderated, bad_request, not_found."""
    hop: Callable[[FakeJob, Fake], Reply] = lambda job, fake: (404, {})
    key_header: str = "authorization"
    key_form: str = "Bearer {key}"
    needs: Mapping[str, str] = field(default_factory=dict)
    """Headers without which the real tool refuses."""
    quiet_refusal: Callable[[Any], Any] = lambda answer: answer
    job_id: Callable[[int], str] = lambda number: f"job{number:04d}"

    def error(self, kind: str) -> Reply:
        return self.errors.get(kind, (404, {"error": {"code": "not_found", "message": "no such job"}}))

    def is_create(self, path: str) -> bool:
        return path.partition("?")[0] in {self.prefix + p for p in (self.create_path, self.frames_path) if p}

    def is_authorised(self, asked: Asked, key: str) -> bool:
        if any(
            asked.headers.get(name.lower()) != value for name, value in self.needs.items() if asked.method == "POST"
        ):
            return False
        return asked.headers.get(self.key_header) == self.key_form.format(key=key)

    def match(self, kind: str, method: str, path: str, body: bytes) -> str | None:
        """The id of the job that a request is about, where it is of this kind."""
        routes = {
            "poll": (self.poll_method, self.poll_path),
            "hop": ("GET", self.hop_path),
            "content": ("GET", self.content_path),
            "cancel": self.cancel,
        }
        wanted, pattern = routes[kind]
        if not pattern or method != wanted:
            return None
        if kind == "poll" and wanted == "POST":
            if path != self.prefix + self.poll_path:
                return None
            found = json.loads(body)
            return str(found.get("id") or found.get("operationName", "")).rpartition("/")[2]
        matched = re.fullmatch(re.escape(self.prefix) + pattern, path)
        return matched[1] if matched else None


def is_done(job: FakeJob) -> bool:
    return job.state == "succeeded"


def is_bad(job: FakeJob) -> bool:
    return job.state in {"failed", "failed_4xx", "moderated"}


def error_body(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message, "type": code, "param": None}}


def made(**shape: Any) -> Callable[[FakeJob, Fake], Reply]:
    """A create answer: ``{id}`` in its strings is the job's."""

    def created(job: FakeJob, fake: Fake) -> Reply:
        return 200, json.loads(json.dumps(shape).replace("{id}", job.id))

    return created
