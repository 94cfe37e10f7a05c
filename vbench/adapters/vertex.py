"""Veo on Vertex AI: a long-running operation whose answer holds the clip."""

from __future__ import annotations

import base64
import binascii
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from pydantic import Field

from vbench.adapters import download as downloads
from vbench.adapters.contract import Missing
from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.http.options import HttpOptions
from vbench.adapters.response import Response
from vbench.adapters.secrets import lookup, remember
from vbench.adapters.templates import first, read, without_paths
from vbench.adapters.wire import Auth, Wire
from vbench.catalog.cards import ModelCard
from vbench.errors import AuthError, JobError
from vbench.records import Handle, Plan, Request
from vbench.schema import Strict

TOKEN_NAME = "VERTEX_ACCESS_TOKEN"
TOKEN_COMMAND = ("gcloud", "auth", "print-access-token")
TOKEN_LIFE_S = 1800.0
"""Access tokens live an hour."""
BYTES = ("$.response.videos[0].bytesBase64Encoded",)


class VertexOptions(Strict):
    """The `options` of a card whose adapter is ``vertex``."""

    base_url: str
    """Up to and with ``/v1``."""
    project: str
    location: str
    model: str
    every_s: float = Field(default=10.0, gt=0)
    timeout_s: float = Field(default=3600.0, gt=0)
    typical_s: float | None = None
    max_bytes: int = Field(default=2 * 2**30, gt=0)


class VertexAdapter(HttpAdapter):
    """A video model of Vertex AI."""

    options_model = VertexOptions

    def __init__(self, card: ModelCard, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Check the card's options; nothing is connected to.

        Raises:
            CatalogError: an option is unknown or wrong.
        """
        super().__init__(card, options=_protocol(card, card.options_as(VertexOptions)), sleep=sleep)
        self._token_until = 0.0

    @classmethod
    def missing(cls, card: ModelCard) -> tuple[Missing, ...]:
        """Keys, and a way to an access token."""
        lacks = super().missing(card)
        if lookup(TOKEN_NAME) is None and shutil.which(TOKEN_COMMAND[0]) is None:
            lacks += (Missing(kind="key", message=f"set {TOKEN_NAME}, or install gcloud and log in"),)
        return lacks

    def plan(self, request: Request) -> Plan:
        """As of any http tool, in a list of one instance."""
        plan = super().plan(request)
        body = {"instances": [plan.body["instance"]], "parameters": plan.body["parameters"]}
        return replace(plan, body=body, identity={**plan.identity, "body": without_paths(body)})

    def _connected(self) -> Wire:
        wire = super()._connected()
        if time.monotonic() >= self._token_until:
            wire.auth = Auth(header="Authorization", value=f"Bearer {_token(self.card.id)}")
            self._token_until = time.monotonic() + TOKEN_LIFE_S
        return wire

    def _normal(self, response: Response) -> Response:
        """An operation says only when it is done; the clip itself stays out of the journal."""
        if not isinstance(response.json, Mapping) or "name" not in response.json:
            return response
        operation: dict[str, Any] = dict(response.json)
        videos = read("$.response.videos", operation) or []
        filtered = read("$.response.raiMediaFilteredReasons", operation) or []
        state = "running"
        if operation.get("done"):
            state = "failed" if operation.get("error") or (filtered and not videos) else "succeeded"
        where = "inline" if first(BYTES, response.json) else read("$.response.videos[0].gcsUri", response.json)
        plain = {"name": operation["name"], "state": state, "error": operation.get("error"), "clip": where}
        if filtered and not videos:
            plain["error"] = {
                "status": "FILTERED",
                "message": "; ".join(map(str, filtered)) if isinstance(filtered, list) else str(filtered),
            }
        return replace(response, json=plain)

    def _download(self, handle: Handle, out: Path) -> Path:
        where = str(handle.data.get("result"))
        if where != "inline":
            raise JobError(
                f"{self.card.id}: the clip lies in your bucket at {where}; copy and import it", code="download_failed"
            )
        data = first(BYTES, self._call(self.options.poll, handle).json)
        if data is None:
            raise downloads.ExpiredLinkError(f"{self.card.id}: the operation no longer holds the clip")
        try:
            raw = base64.b64decode(str(data), validate=True)
        except binascii.Error:
            raise JobError(f"{self.card.id}: the answer's clip is not base64", code="empty_result") from None
        return downloads.save([raw], out, model=self.card.id)


def _token(model: str) -> str:
    """An access token: from the environment or the keyring, else as `gcloud` prints it.

    Raises:
        AuthError: there is none.
    """
    token = lookup(TOKEN_NAME)
    if token is None:
        try:
            done = subprocess.run(TOKEN_COMMAND, capture_output=True, text=True, timeout=30, check=True)
        except (OSError, subprocess.SubprocessError) as error:
            raise AuthError(
                f"{model}: no access token ({type(error).__name__} from `{' '.join(TOKEN_COMMAND)}`); run "
                f"`gcloud auth login` or set {TOKEN_NAME}, or leave {model} out of `models=`"
            ) from None
        token = done.stdout.strip()
    remember(token)
    return token


def _picture(name: str) -> dict[str, str]:
    return {"bytesBase64Encoded": f"{{{name}:base64?}}", "mimeType": f"{{{name}:mime?}}"}


def _protocol(card: ModelCard, own: VertexOptions) -> HttpOptions:
    """The protocol in the words of the http adapter."""
    return HttpOptions.model_validate(
        {
            "base_url": f"{own.base_url}/projects/{own.project}/locations/{own.location}"
            f"/publishers/google/models/{own.model}",
            "create": {
                "path": ":predictLongRunning",
                "body": {
                    "instance": {
                        "prompt": "{prompt}",
                        "image": _picture("image"),
                        "lastFrame": _picture("last_image"),
                        "referenceImages": [{"image": _picture("reference"), "referenceType": "ASSET"}],
                    },
                    "parameters": {
                        "sampleCount": 1,
                        "durationSeconds": "{seconds:int}",
                        "aspectRatio": "{ratio}",
                        "resolution": "{tier}",
                        "negativePrompt": "{negative?}",
                        "seed": "{seed:int}",
                        "generateAudio": "{audio:bool}",
                        "enhancePrompt": False,
                    },
                },
                "id": "$.name",
            },
            "poll": {
                "method": "POST",
                "path": ":fetchPredictOperation",
                "body": {"operationName": "{id}"},
                "every_s": own.every_s,
                "timeout_s": own.timeout_s,
                "typical_s": own.typical_s,
                "state": "$.state",
                "states": {"running": "running", "succeeded": "succeeded", "failed": "failed"},
            },
            "result": {"url": "$.clip"},
            "errors": {
                "code": ["$.error.status", "$.error.code"],
                "message": "$.error.message",
                "reasons": {
                    "FILTERED": "moderated_output",
                    "RESOURCE_EXHAUSTED": "rate_limited",
                    "UNAUTHENTICATED": "auth",
                    "PERMISSION_DENIED": "auth",
                    "FAILED_PRECONDITION": "no_balance",
                    "NOT_FOUND": "model_retired",
                    "/safety|usage guidelines|polic(y|ies)|sensitive/": "moderated_input",
                    "INVALID_ARGUMENT": "bad_request",
                    "3": "bad_request",
                    "8": "rate_limited",
                },
            },
            "max_bytes": own.max_bytes,
        }
    )
