"""Reads the answers of an http tool as its card says: complaints, states, and the facts of a finished job."""

from __future__ import annotations

import datetime
import math
import re
import time
from collections.abc import Mapping
from typing import Any

from vbench.adapters.http.options import Hop, HttpOptions, our_state
from vbench.adapters.response import HTTP_REASONS, Response, fit_text, shortened
from vbench.adapters.secrets import redact
from vbench.adapters.templates import first, read
from vbench.catalog.cards import ModelCard
from vbench.errors import AuthError
from vbench.records import Handle, JobState, Provenance, Reason, Status

FRESH_S = 120.0
"""A job younger than this may not be visible to every server of a tool yet."""
ASK_LATER_S = 30.0

GONE_TRIES, GONE_S = 3, 60.0
"""A tool has to say so often, over so long, that it does not know a job: one server of several may not know it yet, or
for a moment, and the job may be paid for."""
END_WORDS: Mapping[str, JobState] = {
    **dict.fromkeys(("succeeded", "succeed", "success", "successful", "completed", "complete", "done"), "succeeded"),
    **dict.fromkeys(("finished", "ready"), "succeeded"),
    **dict.fromkeys(("failed", "fail", "failure", "error", "errored"), "failed"),
    **dict.fromkeys(("expired", "timeout", "timed_out"), "expired"),
    **dict.fromkeys(("cancelled", "canceled", "aborted"), "cancelled"),
}
"""What words mean that a card does not name: an end that is not known would be asked about until the time is up."""

REFUSALS: Mapping[Reason, JobState] = {"moderated_input": "refused_input", "moderated_output": "refused_output"}
WAITING: frozenset[Reason] = frozenset({"rate_limited", "concurrency"})


class ResponseReader:
    """What a tool's answers mean.

    Args:
        card: For messages and the licence.
        options: The places and words to look for.
    """

    def __init__(self, card: ModelCard, options: HttpOptions) -> None:
        self.card, self.options = card, options

    def complaint(self, response: Response) -> tuple[str, str, Reason | None]:
        """The tool's error code, its words, and the reason they mean; None: it does not complain."""
        errors = self.options.errors
        error = first(errors.code, response.json)
        code = "" if error is None or error in errors.ok or str(error) in map(str, errors.ok) else str(error)[:200]
        message = first(errors.message, response.json)
        words = "" if message is None else redact(str(message))[:500]
        if not code and response.ok and not (message is not None and not errors.code):
            return "", words, None
        default = "provider_error" if response.ok else HTTP_REASONS.get(response.status)
        return code, words, self.named(code, words) or default

    def named(self, code: str, message: str) -> Reason | None:
        """The reason that the card gives for a complaint; None: it names none."""
        reasons = self.options.errors.reasons.items()
        return next((reason for key, reason in reasons if matches(key, code, message)), None)

    def kept(self, keep: Mapping[str, tuple[str, ...]], document: Any) -> dict[str, Any]:
        """The values that later calls need."""
        return {name: value for name, paths in keep.items() if (value := first(paths, document)) is not None}

    def status(self, response: Response, handle: Handle) -> Status:
        """What an answer to a poll says of the job.

        Raises:
            AuthError: the key was refused.
        """
        poll = self.options.poll
        word = first(poll.state, response.json)
        code, message, reason = self.complaint(response)
        if word is None:
            return self._stateless(response, handle, code, message, reason)
        state = self.state_of(response)
        if state is None:
            return Status(
                state="running",
                message=f"{self.card.id}: the tool says state {shortened(word)}, which the card does not know; "
                "add it to poll.states. It is asked on",
                retry_after_s=poll.every_s,
            )
        if state == "expired" and str(word).lower() == "unknown":  # like an HTTP 404: that server may not know it yet
            return self._gone(handle, f"state {shortened(word)}")
        for rule in self.options.refused:
            if state == "succeeded" and read(rule.path, response.json) == rule.equals:
                return ended("failed", rule.reason, rule.message or f"{rule.path} is {rule.equals!r}")
        if state == "succeeded" and reason is not None:
            state = "failed"
        if state == "failed":
            words = " ".join(filter(None, [code, message])) or "the tool gives no reason"
            return ended("failed", self.named(code, message) or "provider_error", words)
        if state in {"refused_input", "refused_output", "cancelled", "expired"}:
            return Status(state=state, reason=_REASON_OF.get(state), message=message)
        return self._going(state, response, handle)

    def state_of(self, response: Response) -> JobState | None:
        """The state that an answer names; None: it names none that is known."""
        word = first(self.options.poll.state, response.json)
        if word is None:
            return None
        states = {name.lower(): our_state(state) for name, state in self.options.poll.states.items()}
        plain = str(word).lower() if len(str(word)) < 200 else ""
        return states.get(plain) or END_WORDS.get(plain)

    def _going(self, state: JobState, response: Response, handle: Handle) -> Status:
        """Queued, running or done: with a refreshed handle."""
        poll, now = self.options.poll, time.time()
        data = dict(handle.data)
        fit = {name: value for name, value in self.kept(poll.keep, response.json).items() if fit_text(value)}
        data.pop("gone", None)
        data["keep"] = {**data.get("keep", {}), **fit}
        if state == "running":  # a start that was never seen is not known: no split of the time is invented
            data.setdefault("running_at", now)
        if state == "succeeded":
            data["done_at"] = data.get("done_at", now)
            data["final"] = _without_media(response.json)
            data["result"] = _without_media(first(self.options.result.url, response.json))
            if self.options.result.hop is None and first_address(data["result"]) is None:
                return ended("failed", "empty_result", f"done, but nothing at {' or '.join(self.options.result.url)}")
        progress = first(poll.progress, response.json)
        share = float(progress) / poll.progress_max if isinstance(progress, int | float) else None
        wait = response.retry_after_s if response.retry_after_s is not None else poll.every_s
        return Status(
            state=state,
            progress=None if share is None else min(max(share, 0.0), 1.0),
            retry_after_s=None if state == "succeeded" else wait,
            handle=Handle(id=handle.id, data=data),
        )

    def hopped(self, hop: Hop, response: Response, handle: Handle) -> Status:
        """What the second call says of a job that is done."""
        code, message, reason = self.complaint(response)
        words = redact(" ".join(filter(None, [f"HTTP {response.status}:", code, message or response.text])))[:500]
        url = first_address(first(hop.url, response.json))
        if url is not None:
            final = handle.data.get("final")
            data = {
                **handle.data,
                "result": url,
                "final": {**(final if isinstance(final, dict) else {}), "hop": _without_media(response.json)},
            }
            return Status(state="succeeded", handle=Handle(id=handle.id, data=data))
        if reason in WAITING or response.status in {408, 425, 429} or (response.status >= 500 and reason is None):
            return Status(state="running", message=f"{self.card.id}: {words}", retry_after_s=ASK_LATER_S)
        if reason == "auth" and self.named(code, message) is None:
            raise AuthError(f"{self.card.id}: {words}; the key was refused while asking for job {handle.id}")
        return ended("failed", reason or "empty_result", words)

    def _stateless(self, response: Response, handle: Handle, code: str, message: str, reason: Reason | None) -> Status:
        """An answer without a state: a complaint about the job, about us, or about the hour."""
        words = redact(" ".join(filter(None, [f"HTTP {response.status}:", code, message or response.text])))[:500]
        if reason == "auth" or response.status in {401, 403}:
            raise AuthError(f"{self.card.id}: {words}; the key was refused while asking for job {handle.id}")
        named = self.named(code, message)
        if named is not None and named in REFUSALS:
            return ended("failed", named, words)
        if response.status in {404, 410}:
            return self._gone(handle, words)
        if named is not None and named not in WAITING:  # of the question rather than of the job, perhaps
            return self._gone(handle, words, named)
        wait = response.retry_after_s if response.retry_after_s is not None else ASK_LATER_S
        return Status(
            state="submitted", message=f"{self.card.id}: no state in the answer ({words})", retry_after_s=wait
        )

    def _gone(self, handle: Handle, words: str, named: Reason | None = None) -> Status:
        """The tool says that it does not know the job, or complains: an end only where it does so again and again."""
        now = time.time()
        age = now - float(handle.data.get("submitted_at", 0.0))
        told = f"{self.card.id}: the tool {'does not know the job' if named is None else 'complains'} ({words})"
        if 0 <= age < FRESH_S:
            return Status(state="submitted", message=f"{told}; it is young, and asked on", retry_after_s=ASK_LATER_S)
        before = handle.data.get("gone") or {"times": 0, "since": now}
        times, since = int(before["times"]) + 1, float(before["since"])
        if times >= GONE_TRIES and not 0 <= now - since < GONE_S:  # a clock that was set back counts as long enough
            if named is not None:
                return ended("failed", named, words)
            return Status(state="expired", message=f"the tool no longer knows the job, asked {times} times ({words})")
        data = {**handle.data, "gone": {"times": times, "since": since}}
        return Status(
            state="submitted",
            message=f"{told}, {times} times by now; it is asked on",
            retry_after_s=ASK_LATER_S,
            handle=Handle(id=handle.id, data=data),
        )

    def provenance(self, handle: Handle, source: str) -> Provenance:
        """What is known of how a finished clip came to be."""
        data, meta, final = handle.data, self.options.result.meta, handle.data.get("final")
        created, started, finished = (
            _epoch(first(p, final)) for p in (meta.created_at, meta.started_at, meta.finished_at)
        )
        created = created or data.get("submitted_at")
        started = started or data.get("running_at")
        finished = finished or data.get("done_at")
        queue_s, work_s = _number(first(meta.queue_s, final)), _number(first(meta.work_s, final))
        billed = _number(first(self.options.cost.units, final)) if self.options.cost else None
        cost = (
            data.get("estimate_usd")
            if billed is None or self.options.cost is None
            else billed * self.options.cost.usd_per_unit
        )
        sent, told = data.get("seed"), first(meta.seed, final)
        return Provenance(
            origin="generated",
            source=source,
            prompt_revised=str(first(meta.revised_prompt, final) or ""),
            seed=sent,
            seed_honoured=None if sent is None or told is None else str(told) == str(sent),
            body=data.get("sent", {}),
            tool_version=str(first(meta.version, final) or ""),
            created=_iso(finished),
            queue_s=_span(created, started) if queue_s is None else queue_s,
            work_s=_span(started, finished) if work_s is None else work_s,
            latency_s=_span(created, finished),
            cost_usd=cost,
            cost_source="billed" if billed is not None else "estimated" if cost is not None else "",
            licence=self.card.licence.weights if self.card.open_weights else "",
            warnings=tuple(data.get("warnings", ())),
            extra={
                "job": handle.id,
                **{name: value for name, paths in meta.extra.items() if (value := first(paths, final)) is not None},
            },
        )


_REASON_OF: Mapping[JobState, Reason] = {state: reason for reason, state in REFUSALS.items()}


def ended(state: JobState, reason: Reason, message: str) -> Status:
    """A job that will give no clip; a refusal is a result of its own."""
    return Status(state=REFUSALS.get(reason, state), reason=reason, message=redact(message))


def is_pattern(key: str) -> bool:
    """Whether a key of errors.reasons is a regular expression between slashes, rather than a code."""
    return len(key) > 2 and key.startswith("/") and key.endswith("/")


def matches(key: str, code: str, message: str) -> bool:
    """Whether a complaint is one that a key of errors.reasons names."""
    if is_pattern(key):
        return re.search(key[1:-1], f"{code} {message}", re.IGNORECASE) is not None
    return bool(code) and key.lower() == code.lower()


def first_address(value: Any) -> str | None:
    """The first address of a result, which may be one or a list."""
    while isinstance(value, list):
        value = value[0] if value else None
    return value if isinstance(value, str) and value else None


def _without_media(value: Any) -> Any:
    """An answer small enough for the journal: long texts such as a clip in base64 are cut."""
    if isinstance(value, Mapping):
        return {key: _without_media(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_without_media(inner) for inner in value[:100]]
    return (
        value if not isinstance(value, str) or len(value) <= 10_000 else f"{value[:100]}... ({len(value)} characters)"
    )


def _number(value: Any) -> float | None:
    try:
        number = None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if number is not None and math.isfinite(number) else None


def _epoch(value: Any) -> float | None:
    """Unix seconds of a time given as seconds, milliseconds or ISO 8601."""
    number = _number(value)
    if number is not None:
        seconds = number / 1000 if number > 1e11 else number
        return seconds if 0 < seconds < 1e11 else None
    try:
        return datetime.datetime.fromisoformat(str(value)).timestamp() if value else None
    except (ValueError, OverflowError):
        return None


def _iso(epoch: float | None) -> str:
    return "" if epoch is None else datetime.datetime.fromtimestamp(epoch, datetime.UTC).isoformat(timespec="seconds")


def _span(start: float | None, end: float | None) -> float | None:
    """Seconds between two times; None where one is not known or the clock jumped back."""
    return None if start is None or end is None or end < start else round(end - start, 3)
