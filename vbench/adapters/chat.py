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
        JobError: the answer is none of this protocol, or ends in the middle of a thought (``empty_result``).
    """
    try:
        choice = answer["choices"][0]
        text, why = _words(choice["message"]["content"]), str(choice.get("finish_reason") or "")
    except (KeyError, IndexError, TypeError, AttributeError):
        raise JobError(
            f"{who}: the answer has no choices[0].message.content; "
            "is base_url that of an OpenAI-compatible chat endpoint?",
            code="bad_request",
        ) from None
    text, is_thinking = without_thought(text)
    if is_thinking:
        raise JobError(
            f"{who}: the answer ends in the middle of a thought, so that none of it is known to be meant; "
            "raise max_tokens",
            code="empty_result",
        )
    return text.strip(), why


_THOUGHT = r"(?:think|thinking|thought|reasoning)"


def without_thought(text: str) -> tuple[str, bool]:
    """An answer without what a reasoning model thought before it, and whether it ends in the middle of a thought.

    Chat templates of R1 put the opening tag into the prompt, so that only the closing one comes back.
    """
    text = re.sub(rf"<({_THOUGHT})>.*?</\1>", "", text, flags=re.DOTALL | re.IGNORECASE)
    text = re.split(rf"</{_THOUGHT}>", text, flags=re.IGNORECASE)[-1]
    return text, re.search(rf"<{_THOUGHT}\b", text, re.IGNORECASE) is not None


def _words(content: Any) -> str:
    """The text of a message, which may come in parts; what a part thinks is none of it."""
    if isinstance(content, list):
        return "".join(str(part["text"]) for part in content if part.get("type") in ("text", "output_text"))
    if content is not None and not isinstance(content, str):
        raise TypeError(content)
    return content or ""
