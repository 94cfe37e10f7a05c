"""Any tool reached by http whose protocol a card can say as data: create, poll, result, cancel, errors, cost."""

from __future__ import annotations

import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from vbench.adapters import download as downloads
from vbench.adapters.contract import Adapter
from vbench.adapters.http.card import check_protocol, left_out, unsaid
from vbench.adapters.http.options import Call, Hop, HttpOptions
from vbench.adapters.http.reader import ASK_LATER_S, WAITING, ResponseReader, ended, first_address
from vbench.adapters.response import Response, fit_id, fit_text, shortened
from vbench.adapters.templates import (
    fill,
    first,
    laid_over,
    mime_of,
    placeholders,
    values,
    with_files,
    without_paths,
)
from vbench.adapters.values import image_bytes
from vbench.adapters.wire import Auth, Wire, origin, unknown
from vbench.catalog.cards import ModelCard, estimate_cost
from vbench.catalog.wishes import grant
from vbench.errors import AuthError, JobError, NotStartedError
from vbench.records import Handle, JobState, Plan, Provenance, Request, Status
from vbench.schema import Strict

VERSION = 1
"""Raise it when the same card and request would send something else."""


class HttpAdapter(Adapter):
    """A hosted tool, all of whose differences are in its card."""

    options_model: ClassVar[type[Strict]] = HttpOptions

    def __init__(
        self, card: ModelCard, *, options: HttpOptions | None = None, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Check the card's options; nothing is connected to.

        Args:
            card: The tool.
            options: For a protocol that is code; None: the card's own options say it.
            sleep: For tests.

        Raises:
            CatalogError: an option is unknown, a template names a value that nobody gives, a path is none.
        """
        super().__init__(card)
        self._sleep = sleep
        self.options = options = options or card.options_as(HttpOptions)
        self._reader = ResponseReader(card, options)
        check_protocol(card, options)
        self._tables = {name: (table.by, table.values) for name, table in options.tables.items()}
        self._wire: Wire | None = None
        self._lock = threading.Lock()
        """Adapters are shared by the threads of a run."""
        self._watched: dict[str, float] = {}
        """Handle id → monotonic second of its first poll here: a wall clock may jump."""

    @classmethod
    def check_card(cls, card: ModelCard) -> None:
        """Also its patterns, paths and templates, which adapters of this kind look at when they are made."""
        super().check_card(card)
        cls(card).close()

    # --- the verbs ---

    def plan(self, request: Request) -> Plan:
        """The exact body, its price, and a warning for every wish that will not be honoured."""
        granted = grant(self.card, request)
        known = values(self.card, request, granted, self._tables)
        path, template = self._route(request)
        body, dropped = fill(template, known, card=self.card)
        used = {name for name, _, _ in placeholders(template)}
        used |= {by for name, (by, _) in self._tables.items() if name in used}
        warnings = (*granted.warnings, *left_out(request, dropped), *unsaid(self.card, request, used))
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity={"adapter": "http", "version": VERSION, "path": path, "body": without_paths(body)},
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
        response = self._post(plan)
        code, message, reason = self._reader.complaint(response)
        job = first(create.id, response.json)
        has_begun = response.ok and fit_id(job) is not None and self._reader.named(code, message) is None
        if not response.ok or (reason is not None and not has_begun):  # a job with a remark is a job
            raise self._refusal(response, code, message)
        if job is None:
            raise unknown(
                self.card.id,
                f"HTTP {response.status} without a job id at {' or '.join(create.id)}: "
                f"{response.text or 'empty answer'}",
            )
        path, template = self._route(plan.request)
        job, kept = self._fit(job, {**self._reader.kept(create.keep, response.json), "create_path": path})
        data = {
            "keep": kept,
            "submitted_at": time.time(),
            "sent": plan.body,
            "seed": plan.request.seed if "seed" in {n for n, _, _ in placeholders(template)} else None,
            "estimate_usd": plan.cost_usd,
            "warnings": list(plan.warnings),
        }
        return Handle(id=job, data=data)

    def poll(self, handle: Handle) -> Status:
        """What the tool says now; trouble in asking is a message with a pause, never an end.

        Raises:
            AuthError: the key was refused.
        """
        try:
            response = self._call(self.options.poll, handle)
        except JobError as error:
            return self._in_time(handle, Status(state="submitted", message=str(error), retry_after_s=ASK_LATER_S))
        status = self._reader.status(self._normal(response), handle)
        if status.state == "succeeded" and status.handle is not None and self.options.result.hop is not None:
            status = self._hopped(self.options.result.hop, status.handle)
        return self._in_time(handle, status)

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
        """Ask the tool to stop; False where it cannot be asked, said no, or has come to an end already.

        It is asked first how the job stands: of a finished job a cancellation may destroy the record, and the clip
        with it. Where cancelling is a DELETE of something that may be billed, only what still waits is cancelled, since
        what runs may be finished before the DELETE arrives.
        """
        call = self.options.cancel
        if call is None:
            return False
        may_be: tuple[JobState | None, ...] = ("submitted", "running")
        if call.method == "DELETE" and self.card.is_billable:
            may_be = ("submitted",)
        try:
            if self._reader.state_of(self._normal(self._call(self.options.poll, handle, attempts=1))) not in may_be:
                return False
            response = self._call(call, handle, attempts=1)
        except JobError:
            return False
        return response.ok and self._reader.complaint(response)[2] is None

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
        if poll.method != "GET" or not {name for name, _, _ in placeholders(poll.path)} <= {"id", "create_path"}:
            return f"key set; {origin(wire.base_url)} has no free question to try it with"
        path = poll.path.replace("{id}", "vbench-check").replace("{create_path}", self.options.create.path)
        response = wire.get(path, headers=self._headers(poll, {}), attempts=1)
        _, message, reason = self._reader.complaint(response)
        if response.status in {401, 403} or reason == "auth":
            raise AuthError(f"{self.card.id}: HTTP {response.status}: the key was refused {message}".rstrip())
        return f"{origin(wire.base_url)} answers (HTTP {response.status}), the key was not refused"

    # --- calls ---

    def _normal(self, response: Response) -> Response:
        """A poll's answer in the form that the options describe; for protocols that need code."""
        return response

    def _post(self, plan: Plan) -> Response:
        """The one billable request."""
        create = self.options.create
        return self._connected().post_once(
            self._route(plan.request)[0],
            json_body=with_files(plan.body, self._upload),
            headers=self._headers(create, {}),
            method=create.method,
        )

    def _route(self, request: Request) -> tuple[str, Mapping[str, Any]]:
        """Where a job begins, and the template of what is sent there."""
        create, can = self.options.create, self.card.capabilities
        has_frames = (request.image and can.i2v) or (request.last_image and can.last_image)
        if create.with_frames is None or not has_frames:
            return create.path, create.body
        return create.with_frames.path or create.path, laid_over(create.body, create.with_frames.body)

    def _upload(self, path: Path) -> Any:
        """Bring a picture to the tool before the billable request; what the tool calls it.

        Raises:
            NotStartedError: it could not be brought; the job was not begun.
            JobError: the tool does not take it.
        """
        upload = self.options.upload
        if upload is None:  # refused when the card was checked
            raise AssertionError(f"{self.card.id}: no upload")
        wire = self._connected()
        files = {upload.field: (path.name, image_bytes(path), mime_of(path))}
        try:
            response = wire.post_once(upload.path, form={}, files=files, headers=self._headers(self.options.create, {}))
        except JobError as error:
            raise NotStartedError(
                f"{self.card.id}: the prompt's picture could not be uploaded, no job was begun ({error.code})",
                code="provider_error",
            ) from None
        named = first(upload.id, response.json)
        if not response.ok or named is None:
            code, message, reason = self._reader.complaint(response)
            words = " ".join(filter(None, [code, message])) or response.text or "empty answer"
            said = f"{self.card.id}: HTTP {response.status}: the tool does not take the prompt's picture {path.name}"
            if reason in WAITING or response.status >= 500:
                raise NotStartedError(
                    f"{said} now ({words}); it is sent again later",
                    code=reason or "provider_error",
                    retry_after_s=response.retry_after_s,
                )
            known = reason not in (None, "provider_error")
            raise JobError(f"{said} ({words}); no job was begun", code=reason if known and reason else "bad_request")
        return named

    def _connected(self) -> Wire:
        with self._lock:
            if self._wire is None:
                options = self.options
                self._wire = Wire(
                    model=self.card.id,
                    base_url=options.base_url,
                    auth=Auth(**options.auth.model_dump()) if options.auth else None,
                    timeout_s=options.timeout_s,
                    sleep=self._sleep,
                )
            return self._wire

    def _fit(self, job: Any, kept: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
        """The id of a job that has begun, and what is kept beside it.

        Raises:
            JobError: code ``outcome_unknown``: one of them cannot be named in a call, so that nobody can ask for it.
        """
        id = fit_id(job)
        odd = next((name for name, value in kept.items() if fit_text(value) is None), None)
        if id is None:
            raise unknown(
                self.card.id, f"the tool calls its job {shortened(job, 240)}, which is no id that can be asked for"
            )
        if odd is not None:
            raise unknown(
                self.card.id, f"of its job {id} the tool gives {odd} {shortened(kept[odd])}, which is no part of a call"
            )
        return id, dict(kept)

    def _headers(self, call: Call, known: Mapping[str, Any]) -> dict[str, str]:
        fresh = {"uuid": str(uuid.uuid4()), **known}
        return {
            str(k): str(v) for k, v in fill({**self.options.headers, **call.headers}, fresh, card=self.card)[0].items()
        }

    def _call(self, call: Call, handle: Handle, *, attempts: int | None = None) -> Response:
        """A call that costs nothing, about a job."""
        known = {"id": handle.id, "create_path": self.options.create.path, **handle.data.get("keep", {})}
        for name, _, optional in placeholders([call.path, call.body]):
            if known.get(name) is None and not optional:
                raise JobError(f"{self.card.id}: the tool gave no {name} for job {handle.id}", code="provider_error")
        path, _ = fill(call.path, known, card=self.card)
        body, _ = fill(call.body, known, card=self.card)
        return self._connected().get(
            path, method=call.method, json_body=body, headers=self._headers(call, {}), attempts=attempts
        )

    def _refusal(self, response: Response, code: str, message: str) -> Exception:
        """The error of a create call; only what the card or the status names counts as certain."""
        named = self._reader.named(code, message)
        if response.ok and named is None:
            words = f"{self.card.id}: HTTP {response.status} with error {code} {message}".rstrip()
            return JobError(f"{words}; name the code under errors.reasons", code="provider_error")
        if named == "moderated_output":  # there is no output yet
            named = "moderated_input"
        wire = HttpAdapter._connected(self)  # as it came: that there is no fresh key must not hide this answer
        return wire.refuse(response, code=code, message=message, reason=named)

    def _in_time(self, handle: Handle, status: Status) -> Status:
        """Give up on a job that this process has watched for too long."""
        if status.state not in {"submitted", "running"}:
            self._watched.pop(handle.id, None)
            return status
        began = self._watched.setdefault(handle.id, time.monotonic())
        left_s = began + self.options.poll.timeout_s - time.monotonic()
        if left_s >= 0:
            wait_s = status.retry_after_s
            return status if wait_s is None or wait_s <= left_s else replace(status, retry_after_s=left_s)
        return ended(
            "failed",
            "timeout_local",
            f"no result after {self.options.poll.timeout_s:g} s of asking; job {handle.id} may still finish at the tool"
            + (f" ({status.message})" if status.message else ""),
        )

    # --- the result ---

    def _hopped(self, hop: Hop, handle: Handle) -> Status:
        """The end of a job whose result takes a second call; a refusal may show there only."""
        try:
            response = self._call(hop, handle)
        except JobError as error:
            return Status(state="running", message=str(error), retry_after_s=ASK_LATER_S)
        return self._reader.hopped(hop, response, handle)

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
        options, wire = self.options, self._connected()
        clip = downloads.RemoteClip(
            url=self._result_url(handle),
            model=self.card.id,
            local=self.card.local,
            key_headers=wire.credentials()[0] if options.result.with_key else {},
            key_origin=origin(wire.base_url),
            max_bytes=options.max_bytes,
        )
        with downloads.client(local=self.card.local, timeout_s=options.timeout_s) as http:
            return downloads.download(clip, out, http=http, sleep=self._sleep)

    def _provenance(self, handle: Handle) -> Provenance:
        return self._reader.provenance(handle, origin(self._connected().base_url))

    def _result_url(self, handle: Handle) -> str:
        """Where the clip is."""
        url = first_address(handle.data.get("result"))
        if url is None:
            raise JobError(f"{self.card.id}: job {handle.id} has no result address", code="empty_result")
        return url
