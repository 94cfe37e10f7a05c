"""One response of a hosted tool, read whole and made fit to be stored."""

from __future__ import annotations

import email.utils
import json
import math
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx

from vbench.adapters.secrets import redact
from vbench.records import Reason
from vbench.text import storable

MAX_RESPONSE_BYTES = 256 * 2**20
"""Ceiling of an API response; some hold a clip in base64."""
HTTP_REASONS: Mapping[int, Reason] = {
    400: "bad_request",
    401: "auth",
    402: "no_balance",
    403: "auth",
    404: "bad_request",
    405: "bad_request",
    409: "bad_request",
    410: "model_retired",
    413: "bad_request",
    415: "bad_request",
    422: "bad_request",
    429: "rate_limited",
}
"""What a status code means where the answer does not say more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """What a tool answered to one request."""

    status: int
    json: Any
    """None where the body is not JSON."""
    text: str
    """The start of the body, without keys."""
    headers: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def retry_after_s(self) -> float | None:
        return retry_after_s(self.headers)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds that an answer asks to wait: ``Retry-After`` as a number or a date; None where it does not."""
    if (hint := headers.get("openai-poll-after-ms", "")).isdigit():
        return int(hint) / 1000
    text = headers.get("retry-after", "").strip()
    if not text:
        return None
    try:
        return max(0.0, float(text))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _finite(text: str) -> float | None:
    """A number that can be stored again: JSON has neither NaN nor infinity."""
    number = float(text)
    return number if math.isfinite(number) else None


def _storable(value: Any) -> Any:
    """A document whose texts can be stored again: JSON may hold half a character, or NUL."""
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, list):
        return [_storable(item) for item in value]
    return {storable(key): _storable(item) for key, item in value.items()} if isinstance(value, dict) else value


def read_response(raw: httpx.Response) -> Response:
    """Read a response whole, below the ceiling."""
    body = bytearray()
    for chunk in raw.iter_bytes():
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise httpx.DecodingError(f"the answer is larger than {MAX_RESPONSE_BYTES} bytes")
    try:
        value = _storable(json.loads(body, parse_constant=lambda _: None, parse_float=_finite))
    except (ValueError, RecursionError):
        value = None
    text = redact(storable(bytes(body[:500]).decode("utf-8", "replace")))
    return Response(
        status=raw.status_code, json=value, text=text, headers={k.lower(): v for k, v in raw.headers.items()}
    )
