"""A judge behind an OpenAI-compatible endpoint: Qwen-VL at DashScope, OpenRouter, a local vLLM or SGLang, Gemini."""

from __future__ import annotations

import base64
import time
from typing import Any

from vbench.errors import JobError
from vbench.judge.card import JudgeCard
from vbench.judge.phrases import SYSTEM
from vbench.judge.request import JudgeRequest, Said, content_of
from vbench.text import storable


class EndpointBackend:
    """A judge behind an OpenAI-compatible endpoint."""

    def __init__(self, card: JudgeCard) -> None:
        from vbench.adapters.wire import Auth, Wire

        self.card = card
        options = card.options
        auth = Auth(value=f"Bearer {options.api_key}", header="Authorization") if options.api_key else None
        self._wire = Wire(model=f"judge {card.id}", base_url=options.base_url, auth=auth, timeout_s=options.timeout_s)

    def body(self, request: JudgeRequest) -> dict[str, Any]:
        """What is sent."""
        options = self.card.options
        content = [
            part
            if part["type"] == "text"
            else {
                "type": "image_url",
                "image_url": {"url": "data:image/jpeg;base64," + base64.b64encode(part["jpeg"]).decode()},
            }
            for part in content_of(request)
        ]
        body: dict[str, Any] = {
            "model": options.model,
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": content}],
            "temperature": options.temperature,
            "max_tokens": options.max_tokens,
            "stream": False,
            **options.extra,
        }
        if options.seed is not None:
            body["seed"] = options.seed
        if options.json_mode:
            body["response_format"] = {"type": "json_object"}
        return body

    def ask(self, request: JudgeRequest) -> Said:
        """Send the request once; waited for and sent again only where nothing began."""
        from vbench.adapters.chat import post_chat, text_and_finish

        started = time.monotonic()
        answer = post_chat(self._wire, self.body(request)).json
        latency_s = time.monotonic() - started
        facts = _usage(answer)
        cost = self.card.cost_usd(facts["tokens_in"], facts["tokens_out"]) if facts else None
        facts["answered_by"] = storable(str(answer.get("model", ""))[:120]) if isinstance(answer, dict) else ""
        try:
            text, why = text_and_finish(answer, who=f"judge {self.card.id}")
        except JobError:  # it was answered, and perhaps billed: an answer of no use, not a request that never was
            text, why = "", "no content"
        if why == "content_filter":
            text = ""
        return Said(text=text, cost_usd=cost, latency_s=latency_s, facts=facts | {"finish": why[:40]})

    def close(self) -> None:
        self._wire.close()


def _usage(answer: Any) -> dict[str, Any]:
    """Tokens in and out, where the answer counts them plausibly."""
    usage = answer.get("usage") if isinstance(answer, dict) else None
    if not isinstance(usage, dict):
        return {}
    counts = [usage.get("prompt_tokens"), usage.get("completion_tokens")]
    if any(isinstance(n, bool) or not isinstance(n, int) or not 0 <= n <= 10_000_000 for n in counts):
        return {}
    return {"tokens_in": counts[0], "tokens_out": counts[1]}
