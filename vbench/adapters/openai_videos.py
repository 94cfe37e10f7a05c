"""The OpenAI videos protocol (`/v1/videos`, multipart) at any address: servers of your own and gateways."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from vbench.adapters.http.adapter import HttpAdapter
from vbench.adapters.http.options import HttpOptions
from vbench.adapters.http.reader import first_address
from vbench.adapters.response import Response
from vbench.adapters.secrets import expand
from vbench.adapters.templates import mime_of, without_paths
from vbench.adapters.values import image_bytes
from vbench.catalog.cards import ModelCard
from vbench.records import Handle, Plan, Request
from vbench.schema import Strict

Extra = Literal["seed", "negative_prompt", "fps", "frames", "size_parts"]
EXTRAS: dict[Extra, dict[str, str]] = {
    "seed": {"seed": "{seed:str}"},
    "negative_prompt": {"negative_prompt": "{negative:str?}"},
    "fps": {"fps": "{fps:str}"},
    "frames": {"num_frames": "{frames:str}"},
    "size_parts": {"width": "{width:str}", "height": "{height:str}"},
}
"""Fields that servers add to the protocol, by the name the card asks for them with."""


class OpenAIVideosOptions(Strict):
    """The `options` of a card whose adapter is ``openai_videos``."""

    base_url: str
    """Up to and with ``/v1``."""
    key: str = ""
    """``${EXAMPLE_API_KEY}``; empty: the server asks for none."""
    model: str
    extra: tuple[Extra, ...] = ()
    """Wishes that this server takes beyond the protocol."""
    fields: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Further constant fields: num_inference_steps, guidance_scale, flow_shift, ..."""
    every_s: float = Field(default=2.0, gt=0)
    timeout_s: float = Field(default=3600.0, gt=0)
    typical_s: float | None = None
    max_bytes: int = Field(default=2 * 2**30, gt=0)


class OpenAIVideosAdapter(HttpAdapter):
    """A server that speaks the OpenAI videos protocol."""

    options_model = OpenAIVideosOptions

    def __init__(self, card: ModelCard, *, sleep: Callable[[float], None] = time.sleep) -> None:
        """Check the card's options; nothing is connected to.

        Raises:
            CatalogError: an option is unknown or wrong.
        """
        self._own = card.options_as(OpenAIVideosOptions)
        super().__init__(card, options=_protocol(self._own), sleep=sleep)

    def plan(self, request: Request) -> Plan:
        """As of any http tool; ``${NAME}`` in the model's name is filled in."""
        plan = super().plan(request)
        body = {**plan.body, "model": expand(self._own.model, model=self.card.id)}
        return replace(plan, body=body, identity={**plan.identity, "body": without_paths(body)})

    def _post(self, plan: Plan) -> Response:
        form: dict[str, str] = {}
        files: dict[str, tuple[str, bytes, str]] = {}
        for name, value in plan.body.items():
            if isinstance(value, dict):
                path = Path(value["$base64"])
                files[name] = (path.name, image_bytes(path), mime_of(path))
            else:
                form[name] = str(value)
        return self._connected().post_once("/videos", form=form, files=files)

    def _result_url(self, handle: Handle) -> str:
        """The content route; some servers name an address of their own instead."""
        url = first_address(handle.data.get("result"))
        if url is not None and url.startswith(("http://", "https://")):
            return url
        return f"{self._connected().base_url}/videos/{handle.id}/content"


def _protocol(own: OpenAIVideosOptions) -> HttpOptions:
    """The protocol in the words of the http adapter."""
    body: dict[str, Any] = {
        "model": "",
        "prompt": "{prompt}",
        "seconds": "{seconds:str?}",
        "size": "{size?}",
        "input_reference": "{image:base64?}",
        **{name: _text(value) for name, value in own.fields.items()},
    }
    for extra in own.extra:
        body |= EXTRAS[extra]
    return HttpOptions.model_validate(
        {
            "base_url": own.base_url,
            "auth": {"header": "Authorization", "value": f"Bearer {own.key}"} if own.key else None,
            "create": {"path": "/videos", "body": body, "id": "$.id"},
            "poll": {
                "path": "/videos/{id}",
                "every_s": own.every_s,
                "timeout_s": own.timeout_s,
                "typical_s": own.typical_s,
                "state": "$.status",
                "states": {
                    "queued": "queued",
                    "in_progress": "running",
                    "processing": "running",
                    "completed": "succeeded",
                    "failed": "failed",
                    "cancelled": "cancelled",
                },
                "progress": "$.progress",
            },
            "result": {
                "url": ["$.url", "$.id"],
                "with_key": True,
                "meta": {
                    "seed": "$.seed",
                    "version": "$.model",
                    "revised_prompt": "$.revised_prompt",
                    "work_s": "$.inference_time_s",
                    "created_at": "$.created_at",
                    "finished_at": "$.completed_at",
                    "extra": {
                        "peak_memory_mb": "$.peak_memory_mb",
                        "fps": "$.fps",
                        "n_frames": "$.num_frames",
                        "seconds": "$.seconds",
                        "size": "$.size",
                    },
                },
            },
            "cancel": {"method": "DELETE", "path": "/videos/{id}"},
            "errors": {
                "code": ["$.error.code", "$.error.type"],
                "message": ["$.error.message", "$.detail", "$.error"],
                "reasons": {
                    "moderation_blocked": "moderated_output",
                    "content_policy_violation": "moderated_input",
                    "insufficient_quota": "no_balance",
                    "billing_hard_limit_reached": "no_balance",
                    "rate_limit_exceeded": "rate_limited",
                    "invalid_api_key": "auth",
                    "model_not_found": "bad_request",
                    "/content.?policy|moderat|safety system/": "moderated_input",
                    "/out of memory/": "out_of_memory",
                },
            },
            "max_bytes": own.max_bytes,
        }
    )


def _text(value: str | int | float | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
