"""A ComfyUI server: its API-format graph with the wishes written into the nodes that the card names.

Progress comes over the server's websocket where that can be reached; everything else is plain HTTP.
"""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from vbench.adapters import download as downloads
from vbench.adapters.comfyui.graph import ComfyUIOptions, read_graph
from vbench.adapters.comfyui.server import Progress, ended, messages_of, refusal, videos_of, why_no_video
from vbench.adapters.contract import Adapter
from vbench.adapters.response import fit_id
from vbench.adapters.values import image_bytes, image_sha256, local_setting, local_values
from vbench.adapters.wire import Auth, Wire, origin
from vbench.catalog.wishes import Granted, grant
from vbench.errors import JobError, NotStartedError
from vbench.records import Handle, Plan, Provenance, Request, Setting, Status, digest

if TYPE_CHECKING:
    from vbench.catalog.cards import ModelCard


class ComfyUIAdapter(Adapter):
    """Queues the graph, asks for its history, and downloads the video it saved."""

    is_local = True
    options_model = ComfyUIOptions

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self.options = card.options_as(ComfyUIOptions)
        self._graph = read_graph(card, self.options)
        self._client = uuid.uuid4().hex
        self._wire: Wire | None = None
        self._progress = Progress()

    # --- the verbs ------------------------------------------------------------------------------------------------

    def plan(self, request: Request) -> Plan:
        """The graph that will be queued."""
        granted = grant(self.card, request)
        warnings = list(granted.warnings)
        values = self._values(request, granted)
        for wish, what in (("negative", "negative prompt"), ("image", "first frame"), ("seed", "seed")):
            if values.get(wish) not in (None, "") and wish not in self.options.nodes:
                warnings.append(f"the graph has no place for a {what}; it is left out")
        graph = copy.deepcopy(self._graph)
        for wish, place in self.options.nodes.items():
            if values.get(wish) is not None:
                graph[place.node]["inputs"][place.input] = values[wish]
        body: dict[str, Any] = {"prompt": graph}
        return Plan(
            model=self.card.id,
            adapter=self.card.adapter,
            request=request,
            body=body,
            identity={"body": body},
            warnings=tuple(warnings),
            cost_usd=0.0,
            sends=local_setting(values) if "frames" in self.options.nodes else Setting(),
        )

    def submit(self, plan: Plan) -> Handle:
        """Queue the graph under an id of ours, so that it can be found even where the answer was lost.

        Raises:
            NotStartedError: the server was not reached, or does not have it.
            JobError: the server refuses the graph; the message names the node.
        """
        wire, job = self._connected(), uuid.uuid4().hex
        graph = copy.deepcopy(dict(plan.body["prompt"]))
        if plan.request.image and "image" in self.options.nodes:
            place = self.options.nodes["image"]
            graph[place.node]["inputs"][place.input] = self._upload(wire, plan.request.image)
        if self.options.free_cache:
            wire.post_once("/free", json_body={"unload_models": False, "free_memory": True})
        self._progress.follow(wire.base_url, self._client)
        try:
            response = wire.post_once(
                "/prompt", json_body={"prompt": graph, "client_id": self._client, "prompt_id": job}
            )
        except NotStartedError:
            raise
        except JobError as error:
            if self._state(wire, job) is None:
                raise NotStartedError(f"{error}; the server does not have it", code="provider_error") from None
        else:
            if not response.ok:
                raise JobError(f"{self.card.id}: {refusal(response.json) or response.text}", code="bad_request")
            job = fit_id((response.json or {}).get("prompt_id")) or job
        data = {"queued": time.time(), "prompt_sent": plan.request.text, "body": dict(plan.body)}
        return Handle(id=job, data=data | {"seed": plan.request.seed, "warnings": list(plan.warnings)})

    def poll(self, handle: Handle) -> Status:
        """What history and queue say."""
        wire = self._connected()
        entry = self._state(wire, handle.id)
        every = self.options.every_s
        if entry is None:
            if time.time() - handle.data["queued"] < 2 * every:  # between queue and history for a moment
                return Status(state="submitted", retry_after_s=every)
            message = f"{self.card.id}: the server no longer knows this job; was it restarted?"
            return Status(state="failed", reason="provider_error", message=message)
        if isinstance(entry, str):
            state = "running" if entry == "running" else "submitted"
            progress = self._progress.of(handle.id)
            return Status(state=state, progress=progress, retry_after_s=every)  # type: ignore[arg-type]
        return ended(self.card.id, entry)

    def fetch(self, handle: Handle, out: Path) -> tuple[Path, Provenance]:
        """Download the newest video that the graph saved.

        Raises:
            JobError: there is none, or it cannot be downloaded.
        """
        wire = self._connected()
        entry = self._state(wire, handle.id)
        if not isinstance(entry, Mapping):
            raise JobError(f"{self.card.id}: the server's history has lost this job", code="download_failed")
        file = next(videos_of(entry), None)
        if file is None:
            raise JobError(f"{self.card.id}: {why_no_video(entry)}", code="empty_result")
        query = httpx.QueryParams({key: file.get(key, "") for key in ("filename", "subfolder", "type")})
        headers, _ = wire.credentials()
        clip = downloads.RemoteClip(
            url=f"{wire.base_url}/view?{query}",
            model=self.card.id,
            local=True,
            key_headers=headers,
            key_origin=origin(wire.base_url),
        )
        with downloads.client(local=True) as http:
            path = downloads.download(clip, out, http=http)
        return path, self._provenance(handle, entry, str(file["filename"]))

    def cancel(self, handle: Handle) -> bool:
        """Take it off the queue, or interrupt it where it runs."""
        wire = self._connected()
        state = self._state(wire, handle.id)
        if state == "queued":
            return wire.post_once("/queue", json_body={"delete": [handle.id]}).ok
        if state == "running":
            return wire.post_once("/interrupt", json_body={"prompt_id": handle.id}).ok
        return False

    def close(self) -> None:
        """Close the connections."""
        self._progress.close()
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    # --- the graph ------------------------------------------------------------------------------------------------

    def _values(self, request: Request, granted: Granted) -> dict[str, Any]:
        values = local_values(self.card, request, granted, self.options.frames)
        return values | {"image": values["image"] and _image_name(Path(values["image"]))}

    def _upload(self, wire: Wire, image: Path) -> str:
        files = {"image": (_image_name(image), image_bytes(image), "application/octet-stream")}
        response = wire.post_once("/upload/image", form={"overwrite": "true"}, files=files)
        if not response.ok:
            raise JobError(f"{self.card.id}: the first frame was refused ({response.text})", code="bad_request")
        return str((response.json or {}).get("name", _image_name(image)))

    # --- the server -----------------------------------------------------------------------------------------------

    def _connected(self) -> Wire:
        if self._wire is None:
            auth = Auth(**self.options.auth.model_dump()) if self.options.auth else None
            self._wire = Wire(model=self.card.id, base_url=self.options.base_url, auth=auth)
        return self._wire

    def _state(self, wire: Wire, job: str) -> Mapping[str, Any] | str | None:
        """Its history entry where it has ended, else ``running`` or ``queued``; None: the server has no such job."""
        if (entry := self._entry(wire, job)) is not None:
            return entry
        queue = wire.get("/queue").json
        for name, state in (("queue_running", "running"), ("queue_pending", "queued")):
            if isinstance(queue, dict) and any(job in item[:2] for item in queue.get(name, ())):
                return state
        return self._entry(wire, job)  # it may have ended between the two questions

    def _entry(self, wire: Wire, job: str) -> Mapping[str, Any] | None:
        history = wire.get(f"/history/{job}").json
        return history[job] if isinstance(history, dict) and isinstance(history.get(job), dict) else None

    def _provenance(self, handle: Handle, entry: Mapping[str, Any], filename: str) -> Provenance:
        messages = dict(messages_of(entry))
        stamps = {name: data.get("timestamp") for name, data in messages.items() if isinstance(data, dict)}
        started, ended = stamps.get("execution_start"), stamps.get("execution_success")
        cached = [str(node) for node in messages.get("execution_cached", {}).get("nodes", ())]
        warnings = list(handle.data["warnings"])
        work_s = (ended - started) / 1000 if started and ended else None
        if cached:
            warnings.append(f"{len(cached)} nodes came from the server's cache: the time it took says nothing")
            work_s = None
        return Provenance(
            origin="generated",
            source=self._connected().base_url,
            prompt_sent=handle.data["prompt_sent"],
            seed=handle.data["seed"] if "seed" in self.options.nodes else None,
            seed_honoured=True if "seed" in self.options.nodes else None,
            body=handle.data["body"],
            work_s=work_s,
            queue_s=max(0.0, started / 1000 - handle.data["queued"]) if started else None,
            cost_usd=0.0,
            licence=self.card.licence.weights,
            warnings=tuple(warnings),
            extra={"workflow": digest(self._graph), "file": filename, "cached_nodes": cached},
        )


def _image_name(image: Path) -> str:
    """A name on the server that changes with the content."""
    return f"vbench-{image_sha256(image)[:16]}{image.suffix.lower()}"
