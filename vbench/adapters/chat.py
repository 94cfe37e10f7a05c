"""Chat completions of any OpenAI-compatible endpoint: one billable request, waited for where nothing began."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from vbench.adapters.response import Response
from vbench.errors import JobError, NotStartedError

if TYPE_CHECKING:
    from vbench.adapters.wire import Wire

TRIES = 4
"""Of a request that surely began nothing: a rate limit, a refused connection."""


def post_chat(
    wire: Wire, body: Mapping[str, Any], *, tries: int = TRIES, sleep: Callable[[float], None] = time.sleep
) -> Response:
    """The answer to one request; it is sent again only where it surely began nothing.

    Raises:
        AuthError: no key, or it was refused.
        NotStartedError: nothing began, after all tries.
        JobError: it was refused, or nobody knows whether it was answered (``outcome_unknown``).
    """
    for attempt in range(1, tries + 1):
        try:
            answer = wire.post_once("/chat/completions", json_body=body)
            if not answer.ok:
                raise wire.refuse(answer)
            return answer
        except NotStartedError as error:
            if attempt == tries:
                raise
            sleep(error.retry_after_s if error.retry_after_s is not None else 2.0**attempt / 2)
    raise AssertionError("unreachable")


def text_and_finish(answer: Any, *, who: str) -> tuple[str, str]:
    """What was said, without what was thought aloud, and why it ended there.

    Raises:
        JobError: the answer is none of this protocol.
    """
    try:
        choice = answer["choices"][0]
        text, why = str(choice["message"]["content"] or ""), str(choice.get("finish_reason") or "")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise JobError(
            f"{who}: the answer has no choices[0].message.content; "
            "is base_url that of an OpenAI-compatible chat endpoint?",
            code="bad_request",
        ) from None
    return re.sub(r"<think>.*?</think>", "", text, flags=re.DOTALL).strip(), why
