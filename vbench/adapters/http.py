"""Any tool reached by http whose protocol a card can say as data: create, poll, result, cancel, errors, cost."""

from __future__ import annotations

import datetime
import re
import time
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vbench.adapters import download as downloads
from vbench.adapters.http_options import Call, HttpOptions, our_state
from vbench.adapters.secrets import redact
from vbench.adapters.templates import (
    NAMES,
    check_path,
    check_placeholders,
    fill,
    first,
    placeholders,
    read,
    values,
    with_files,
)
from vbench.adapters.wire import HTTP_REASONS, Answer, Auth, Wire, origin, unknown
from vbench.catalog.cards import ModelCard, estimate_cost
from vbench.catalog.wishes import grant
from vbench.errors import AuthError, JobError
from vbench.records import Handle, JobState, Plan, Provenance, Reason, Request, Status

VERSION = 1
"""Raise it when the same card and request would send something else."""
FRESH_S = 120.0
"""A job younger than this may not be visible to every server of a tool yet."""
ASK_LATER_S = 30.0

REFUSALS: Mapping[Reason, JobState] = {"moderated_input": "refused_input", "moderated_output": "refused_output"}
WAITING: frozenset[Reason] = frozenset({"rate_limited", "concurrency"})


class HttpAdapter:
    """A hosted tool, all of whose differences are in its card."""

    def __init__(self, card: ModelCard, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Check the card's options; nothing is connected to.

        Raises:
            CatalogError: an option is unknown, a template names a value that nobody gives, a path is none.
        """
        self.card, self._sleep = card, sleep
        self.options = options = card.options_as(HttpOptions)
        self._check_templates()
        self._tables = {name: (table.by, table.values) for name, table in options.tables.items()}
        self._wire: Wire | None = None
        self._watched: dict[str, float] = {}
        """Handle id → monotonic second of its first poll here: a wall clock may jump."""

    # --- the verbs ---

    def plan(self, request: Request) -> Plan:
        """The exact body, its price, and a warning for every wish that will not be honoured."""
        granted = grant(self.card, request)
        known = values(self.card, request, granted, self._tables)
        create = self.options.create
        body, dropped = fill(create.body, known, card=self.card)
        used = {name for name, _, _ in placeholders(create.body)}
        used |= {by for name, (by, _) in self._tables.items() if name in used}
        warnings = (*granted.warnings, *self._left_out(request, dropped), *self._unsaid(request, used))
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity={"adapter": "http", "version": VERSION, "path": create.path, "body": body},
            warnings=warnings,
            cost_usd=estimate_cost(self.card, request),
            seconds_estimate=self.options.poll.typical_s,
            is_billable=self.card.is_billable,
        )

    def submit(self, plan: Plan) -> Handle:
        """Send the one request.

        Raises:
            AuthError: no key, or it was refused.
            NotStartedError: nothing began; it may be sent again later.
            JobError: refused, or its outcome is unknown.
        """
        self.card.refuse_if_retired()
        create = self.options.create
        answer = self._connected().post_once(
            create.path,
            json_body=with_files(plan.body),
            headers=self._headers(create, {}),
            method=create.method,
        )
        code, message, reason = self._complaint(answer)
        if not answer.ok or reason is not None:
            raise self._refusal(answer, code, message, reason)
        job = first(create.id, answer.json)
        if job is None:
            raise unknown(
                self.card.id,
                f"HTTP {answer.status} without a job id at {' or '.join(create.id)}: {answer.text or 'empty answer'}",
            )
        data = {
            "keep": self._kept(create.keep, answer.json),
            "submitted_at": time.time(),
            "sent": plan.body,
            "seed": plan.request.seed if "seed" in {n for n, _, _ in placeholders(create.body)} else None,
            "estimate_usd": plan.cost_usd,
            "warnings": list(plan.warnings),
        }
        return Handle(id=str(job), data=data)

    def poll(self, handle: Handle) -> Status:
        """What the tool says now; trouble in asking is a message with a pause, never an end.

        Raises:
            AuthError: the key was refused.
        """
        try:
            answer = self._call(self.options.poll, handle)
        except JobError as error:
            return self._in_time(handle, Status(state="submitted", message=str(error), retry_after_s=ASK_LATER_S))
        return self._in_time(handle, self._status(answer, handle))

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Download the result; an address that has expired is asked for once more.

        Raises:
            JobError: code ``download_failed``, or ``empty_result`` where what came is not a video.
            BenchError: the disk is full.
        """
        if "result" not in handle.data:
            handle = self._again(handle)
        try:
            path = self._download(handle, out)
        except downloads.ExpiredLinkError:
            handle = self._again(handle)
            path = self._download(handle, out)
        return path, self._provenance(handle)

    def cancel(self, handle: Handle) -> bool:
        """Ask the tool to stop; False where it cannot be asked or said no."""
        if self.options.cancel is None:
            return False
        try:
            answer = self._call(self.options.cancel, handle, attempts=1)
        except JobError:
            return False
        return answer.ok and self._complaint(answer)[2] is None

    def close(self) -> None:
        """Close the connection."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    def check(self) -> str:
        """Reach the tool without spending: ask for a job that does not exist, which wants a key all the same.

        Raises:
            AuthError: no key, or it was refused.
            JobError: the tool cannot be reached.
        """
        wire = self._connected()
        wire.credentials()
        poll = self.options.poll
        if poll.method != "GET" or {name for name, _, _ in placeholders(poll.path)} != {"id"}:
            return f"key set; {origin(wire.base_url)} has no free question to try it with"
        answer = wire.get(poll.path.replace("{id}", "vbench-check"), headers=self._headers(poll, {}), attempts=1)
        _, message, reason = self._complaint(answer)
        if answer.status in {401, 403} or reason == "auth":
            raise AuthError(f"{self.card.id}: HTTP {answer.status}: the key was refused {message}".rstrip())
        return f"{origin(wire.base_url)} answers (HTTP {answer.status}), the key was not refused"

    # --- the card ---

    def _check_templates(self) -> None:
        options, card = self.options, self.card
        for name, table in options.tables.items():
            if name in NAMES:
                raise card.complaint(f"table {name!r} hides a value of that name; rename it", "options", "tables", name)
            if table.by not in NAMES:
                raise card.complaint(
                    f"table {name!r} is looked up by {table.by!r}, which is no value", "options", "tables", name, "by"
                )
        ours = (*NAMES, *options.tables)
        check_placeholders(card, options.create.body, ours, "options", "create", "body")
        check_placeholders(card, options.create.path, (), "options", "create", "path")
        later = ("id", *options.create.keep, *options.poll.keep)
        calls: dict[str, Call | None] = {"poll": options.poll, "cancel": options.cancel, "result": options.result.hop}
        for name, call in calls.items():
            if call is not None:
                check_placeholders(card, [call.path, call.body], later, "options", name)
        for call in (options.create, *filter(None, calls.values())):
            check_placeholders(card, [options.headers, call.headers], ("uuid", "job_key"), "options", "headers")
        if not options.result.url and options.result.hop is None:
            raise card.complaint("result needs url or hop", "options", "result")
        for where, paths in _paths(options.model_dump()):
            for path in paths:
                check_path(card, path, "options", *where)

    def _left_out(self, request: Request, dropped: Mapping[str, str]) -> list[str]:
        """A sentence for each optional part without a value, unless nobody wished for one."""
        unwished = {"negative": not request.negative, "image": not request.prompt.image}
        return [
            f"no value for {place}: it is left out, the tool's own default applies"
            for name, place in dropped.items()
            if not unwished.get(name, False)
        ]

    def _unsaid(self, request: Request, used: set[str]) -> list[str]:
        """A sentence for each wish that the card's body has no place for."""
        size = {"width", "height", "size", "resolution", "tier", "ratio"}
        wishes = {
            "clip length": (request.seconds is not None, {"seconds", "frames"}),
            "picture size": (request.width is not None, size),
            "sound": (bool(request.audio) and self.card.capabilities.audio not in {"no", "always"}, {"audio"}),
            "negative prompt": (bool(request.negative) and self.card.capabilities.negative_prompt, {"negative"}),
            "seed": (self.card.capabilities.seed, {"seed"}),
            "first frame": (bool(request.prompt.image) and self.card.capabilities.i2v, {"image"}),
            "frame rate": (request.fps is not None and self.card.capabilities.fps, {"fps", "frames"}),
        }
        return [
            f"the card's body has no place for the {wish}: it is not sent"
            for wish, (is_wished, names) in wishes.items()
            if is_wished and not names & used
        ]

    # --- calls ---

    def _connected(self) -> Wire:
        if self._wire is None:
            options = self.options
            auth = Auth(**options.auth.model_dump()) if options.auth else None
            self._wire = Wire(
                model=self.card.id,
                base_url=options.base_url,
                auth=auth,
                timeout_s=options.timeout_s,
                sleep=self._sleep,
            )
        return self._wire

    def _headers(self, call: Call, known: Mapping[str, Any]) -> dict[str, str]:
        fresh = {"uuid": str(uuid.uuid4()), "job_key": str(uuid.uuid4()), **known}
        return {
            str(k): str(v) for k, v in fill({**self.options.headers, **call.headers}, fresh, card=self.card)[0].items()
        }

    def _call(self, call: Call, handle: Handle, *, attempts: int | None = None) -> Answer:
        """A call that costs nothing, about a job."""
        known = {"id": handle.id, **handle.data.get("keep", {})}
        for name, _, optional in placeholders([call.path, call.body]):
            if known.get(name) is None and not optional:
                raise JobError(f"{self.card.id}: the tool gave no {name} for job {handle.id}", code="provider_error")
        path, _ = fill(call.path, known, card=self.card)
        body, _ = fill(call.body, known, card=self.card)
        return self._connected().get(
            path, method=call.method, json_body=body, headers=self._headers(call, {}), attempts=attempts
        )

    # --- answers ---

    def _complaint(self, answer: Answer) -> tuple[str, str, Reason | None]:
        """The tool's error code, its words, and the reason they mean; None: it does not complain."""
        errors = self.options.errors
        found = first(errors.code, answer.json)
        code = "" if found is None or found in errors.ok or str(found) in map(str, errors.ok) else str(found)
        message = first(errors.message, answer.json)
        words = "" if message is None else redact(str(message))[:500]
        if not code and answer.ok and not (message is not None and not errors.code):
            return "", words, None
        for key, reason in errors.reasons.items():
            if _matches(key, code, words):
                return code, words, reason
        return code, words, ("provider_error" if answer.ok else HTTP_REASONS.get(answer.status))

    def _refusal(self, answer: Answer, code: str, message: str, reason: Reason | None) -> Exception:
        """The error of a create call; only what the card or the status names counts as certain."""
        is_named = any(_matches(key, code, message) for key in self.options.errors.reasons)
        if answer.ok and not is_named:
            said = f"{self.card.id}: HTTP {answer.status} with error {code} {message}".rstrip()
            return JobError(f"{said}; name the code under errors.reasons", code="provider_error")
        return self._connected().refuse(answer, code=code, message=message, reason=reason if is_named else None)

    def _kept(self, keep: Mapping[str, tuple[str, ...]], document: Any) -> dict[str, Any]:
        return {name: value for name, paths in keep.items() if (value := first(paths, document)) is not None}

    def _status(self, answer: Answer, handle: Handle) -> Status:
        poll = self.options.poll
        word = first(poll.state, answer.json)
        code, message, reason = self._complaint(answer)
        states = {name.lower(): our_state(state) for name, state in poll.states.items()}
        if word is None:
            return self._stateless(answer, handle, code, message, reason)
        state = states.get(str(word).lower())
        if state is None:
            return Status(
                state="running",
                message=f"{self.card.id}: the tool says state {str(word)!r}, which the card does not know; "
                "add it to poll.states. It is asked on",
                retry_after_s=poll.every_s,
            )
        for rule in self.options.refused:
            if state == "succeeded" and read(rule.path, answer.json) == rule.equals:
                return _ended("failed", rule.reason, rule.message or f"{rule.path} is {rule.equals!r}")
        if state == "succeeded" and reason is not None:
            state = "failed"
        if state == "failed":
            said = " ".join(filter(None, [code, message])) or "the tool gives no reason"
            return _ended("failed", reason or "provider_error", said)
        if state in {"refused_input", "refused_output", "cancelled", "expired"}:
            return Status(state=state, reason=_REASON_OF.get(state), message=message)
        return self._going(state, answer, handle)

    def _going(self, state: JobState, answer: Answer, handle: Handle) -> Status:
        """Queued, running or done: with a refreshed handle."""
        poll, now = self.options.poll, time.time()
        data = dict(handle.data)
        data["keep"] = {**data.get("keep", {}), **self._kept(poll.keep, answer.json)}
        if state in {"running", "succeeded"}:
            data.setdefault("running_at", now)
        if state == "succeeded":
            data["done_at"] = data.get("done_at", now)
            data["final"] = _without_media(answer.json)
            data["result"] = first(self.options.result.url, answer.json)
            if self.options.result.hop is None and _one(data["result"]) is None:
                return _ended("failed", "empty_result", f"done, but nothing at {' or '.join(self.options.result.url)}")
        progress = first(poll.progress, answer.json)
        share = float(progress) / poll.progress_max if isinstance(progress, int | float) else None
        wait = answer.retry_after_s if answer.retry_after_s is not None else poll.every_s
        return Status(
            state=state,
            progress=None if share is None else min(max(share, 0.0), 1.0),
            retry_after_s=None if state == "succeeded" else wait,
            handle=Handle(id=handle.id, data=data),
        )

    def _stateless(self, answer: Answer, handle: Handle, code: str, message: str, reason: Reason | None) -> Status:
        """An answer without a state: a complaint about the job, about us, or about the hour."""
        said = redact(" ".join(filter(None, [f"HTTP {answer.status}:", code, message or answer.text])))[:500]
        named = any(_matches(key, code, message) for key in self.options.errors.reasons)
        if reason == "auth" or answer.status in {401, 403}:
            raise AuthError(f"{self.card.id}: {said}; the key was refused while asking for job {handle.id}")
        age = time.time() - float(handle.data.get("submitted_at", 0.0))
        if answer.status in {404, 410} and not 0 <= age < FRESH_S:
            return Status(state="expired", message=f"the tool no longer knows the job ({said})")
        if named and reason is not None and reason not in WAITING:
            return _ended("failed", reason, said)
        wait = answer.retry_after_s if answer.retry_after_s is not None else ASK_LATER_S
        return Status(state="submitted", message=f"{self.card.id}: no state in the answer ({said})", retry_after_s=wait)

    def _in_time(self, handle: Handle, status: Status) -> Status:
        """Give up on a job that this process has watched for too long."""
        if status.state not in {"submitted", "running"}:
            self._watched.pop(handle.id, None)
            return status
        began = self._watched.setdefault(handle.id, time.monotonic())
        if time.monotonic() - began <= self.options.poll.timeout_s:
            return status
        return _ended(
            "failed",
            "timeout_local",
            f"no result after {self.options.poll.timeout_s:g} s of asking; job {handle.id} may still finish at the tool"
            + (f" ({status.message})" if status.message else ""),
        )

    # --- the result ---

    def _again(self, handle: Handle) -> Handle:
        """The handle with a fresh address."""
        status = self.poll(handle)
        if status.state != "succeeded" or status.handle is None:
            raise JobError(
                f"{self.card.id}: job {handle.id} has no result, it is {status.state} {status.message}".rstrip(),
                code="download_failed",
            )
        return status.handle

    def _download(self, handle: Handle, out: Path) -> Path:
        options = self.options
        url = _one(handle.data.get("result"))
        if options.result.hop is not None:
            answer = self._call(options.result.hop, handle)
            url = _one(first(options.result.hop.url, answer.json))
            code, message, reason = self._complaint(answer)
            if url is None:
                said = " ".join(filter(None, [f"HTTP {answer.status}", code, message or answer.text]))
                raise JobError(
                    f"{self.card.id}: no result address ({said})",
                    code=reason if answer.ok or reason in REFUSALS else "download_failed",
                )
        if url is None:
            raise JobError(f"{self.card.id}: job {handle.id} has no result address", code="empty_result")
        wire = self._connected()
        key_headers = wire.credentials()[0] if options.result.with_key else {}
        with downloads.client(local=self.card.local, timeout_s=options.timeout_s) as http:
            return downloads.download(
                url,
                out,
                model=self.card.id,
                http=http,
                local=self.card.local,
                key_headers=key_headers,
                key_origin=origin(wire.base_url),
                max_bytes=options.max_bytes,
                sleep=self._sleep,
            )

    def _provenance(self, handle: Handle) -> Provenance:
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
            source=origin(self._connected().base_url),
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


def _ended(state: JobState, reason: Reason, message: str) -> Status:
    """A job that will give no clip; a refusal is a result of its own."""
    return Status(state=REFUSALS.get(reason, state), reason=reason, message=redact(message))


def _matches(key: str, code: str, message: str) -> bool:
    if len(key) > 2 and key.startswith("/") and key.endswith("/"):
        return re.search(key[1:-1], f"{code} {message}", re.IGNORECASE) is not None
    return bool(code) and key.lower() == code.lower()


def _paths(options: Any, where: tuple[int | str, ...] = ()) -> list[tuple[tuple[int | str, ...], list[str]]]:
    """Every place of the options that holds paths into answers."""
    create, poll, result = options["create"], options["poll"], options["result"]
    found: dict[tuple[int | str, ...], Any] = {
        ("create", "id"): create["id"],
        ("poll", "state"): poll["state"],
        ("poll", "progress"): poll["progress"],
        ("result", "url"): result["url"],
        ("errors", "code"): options["errors"]["code"],
        ("errors", "message"): options["errors"]["message"],
        ("result", "hop", "url"): (result["hop"] or {}).get("url", ()),
        ("cost", "units"): (options["cost"] or {}).get("units", ()),
    }
    found |= {("create", "keep", name): paths for name, paths in create["keep"].items()}
    found |= {("poll", "keep", name): paths for name, paths in poll["keep"].items()}
    found |= {("refused", i, "path"): [rule["path"]] for i, rule in enumerate(options["refused"])}
    meta = result["meta"]
    found |= {("result", "meta", name): paths for name, paths in {**meta, **meta["extra"]}.items() if name != "extra"}
    return [(place, list(paths)) for place, paths in found.items()]


def _one(value: Any) -> str | None:
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
        return None if value is None or isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        return None


def _epoch(value: Any) -> float | None:
    """Unix seconds of a time given as seconds, milliseconds or ISO 8601."""
    number = _number(value)
    if number is not None:
        return number / 1000 if number > 1e11 else number
    try:
        return datetime.datetime.fromisoformat(str(value)).timestamp() if value else None
    except ValueError:
        return None


def _iso(epoch: float | None) -> str:
    return "" if epoch is None else datetime.datetime.fromtimestamp(epoch, datetime.UTC).isoformat(timespec="seconds")


def _span(start: float | None, end: float | None) -> float | None:
    """Seconds between two times; None where one is not known or the clock jumped back."""
    return None if start is None or end is None or end < start else round(end - start, 3)
