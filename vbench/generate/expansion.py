"""Prompt expansion as an arm: a language model rewrites the prompts, and its clips are kept apart from the original's.

Any OpenAI-compatible chat endpoint will do (DeepSeek, Qwen, a local server). What it made of a prompt is stored in the
bench and used for every tool, so that tools are compared on the same words.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import Field

from vbench.errors import CatalogError, JobError
from vbench.records import Failure, Prompt, digest
from vbench.schema import Strict

if TYPE_CHECKING:
    from vbench.adapters.wire import Wire
    from vbench.bench import Bench

INSTRUCTION = (
    "You rewrite prompts for text-to-video models. Keep every object, number, colour, action, place and camera "
    "movement that the prompt names, and add no others; describe light, texture, motion and framing in plain words. "
    "Answer in English with one paragraph of at most 120 words and nothing else."
)
MAX_CHARS = 4000
Expansions = dict[str, dict[str, str]]
"""Arm → prompt key → the prompt as its language model has rewritten it."""


class Arm(Strict):
    """A way to rewrite prompts."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9._-]{0,39}$")
    """Its clips are called ``tool@name``."""
    base_url: str
    """Up to and without ``/chat/completions``; may refer to the environment."""
    model: str
    api_key: str = ""
    """``${DEEPSEEK_API_KEY}``; empty: the server needs none."""
    system: str = INSTRUCTION
    reasoning: bool = False
    """An o1-class model: it is sent ``max_completion_tokens`` and neither temperature nor seed, which it refuses."""
    temperature: float | None = Field(default=0.0, ge=0.0, le=2.0)
    """None: not sent."""
    max_tokens: int = Field(default=8000, gt=0)
    """For thought and answer together; the answer itself takes a few hundred."""
    seed: int | None = 0
    """None: not sent."""
    timeout_s: float = Field(default=300.0, gt=0)

    def body(self, prompt: Prompt) -> dict[str, Any]:
        """What is sent."""
        messages = [{"role": "system", "content": self.system}, {"role": "user", "content": prompt.text}]
        body: dict[str, Any] = {"model": self.model, "messages": messages, "stream": False}
        if self.reasoning:
            return {**body, "max_completion_tokens": self.max_tokens}
        wishes = {"temperature": self.temperature, "max_tokens": self.max_tokens, "seed": self.seed}
        return body | {name: value for name, value in wishes.items() if value is not None}

    def identity(self, prompt: Prompt) -> str:
        """Digest of all that decides what comes out, without the key and the address."""
        request = self.model_dump(include={"model", "system", "temperature", "max_tokens", "seed"})
        if self.reasoning:
            request = {"model": self.model, "system": self.system, "max_completion_tokens": self.max_tokens}
        return digest("expansion", self.name, request, prompt.key)


def read_arm(path: Path) -> Arm:
    """An arm from its YAML file.

    Raises:
        CatalogError: it is not one, or a key is written into it.
    """
    from vbench.catalog.yaml_lines import check, read_yaml

    data, lines = read_yaml(path)
    arm = check(Arm, data, path=path, lines=lines)
    if arm.api_key and not re.fullmatch(r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-)?\}", arm.api_key):
        line = lines.get(("api_key",), 1)
        raise CatalogError(f"{path}:{line}: a key is written into the file; refer to the environment: ${{MY_API_KEY}}")
    return arm


def known_expansions(bench: Bench, arms: Sequence[Arm], prompts: Sequence[Prompt]) -> Expansions:
    """What is there already."""
    expansions: Expansions = {}
    for arm in arms:
        prompt_keys = {arm.identity(prompt): prompt.key for prompt in prompts}
        texts = bench.expansions(list(prompt_keys))
        expansions[arm.name] = {prompt_keys[identity]: text for identity, text in texts.items()}
    return expansions


def expand_prompts(bench: Bench, arms: Sequence[Arm], prompts: Sequence[Prompt]) -> Expansions:
    """Rewrite what is not rewritten yet; each request is sent once, and its answer stored at once.

    A prompt that could not be rewritten is missing from the answer and stands among the bench's failures.

    Raises:
        AuthError: no key, or it was refused.
    """
    expansions = known_expansions(bench, arms, prompts)
    for arm in arms:
        if missing := [prompt for prompt in prompts if prompt.key not in expansions[arm.name]]:
            expansions[arm.name] |= _expand(bench, arm, missing)
    return expansions


def _expand(bench: Bench, arm: Arm, prompts: Sequence[Prompt]) -> dict[str, str]:
    from vbench.adapters.wire import Auth, Wire

    texts: dict[str, str] = {}
    auth = Auth(value=f"Bearer {arm.api_key}", header="Authorization") if arm.api_key else None
    wire = Wire(model=f"arm {arm.name}", base_url=arm.base_url, auth=auth, timeout_s=arm.timeout_s)
    try:
        for prompt in prompts:
            subject = f"{arm.name}: {prompt.id}"
            try:
                text, info = _ask(wire, arm, prompt)
            except JobError as error:
                bench.add_failure(Failure(stage="generate", subject=subject, code=error.code, message=str(error)))
                continue
            bench.add_expansion(arm.identity(prompt), arm=arm.name, prompt_key=prompt.key, text=text, info=info)
            bench.clear_failure("generate", subject)
            texts[prompt.key] = text
    finally:
        wire.close()
    return texts


def _ask(wire: Wire, arm: Arm, prompt: Prompt) -> tuple[str, dict[str, Any]]:
    from vbench.adapters.chat import post_chat  # here, like the wire: plans need no HTTP client

    body = arm.body(prompt)
    answer = post_chat(wire, body)
    return _text_of(arm, prompt, answer.json), {"answered_by": (answer.json or {}).get("model", ""), "body": body}


def _text_of(arm: Arm, prompt: Prompt, answer: Any) -> str:
    """The rewritten prompt.

    Raises:
        JobError: there is none, it was cut off, or it is no prompt.
    """
    from vbench.adapters.chat import text_and_finish

    text, why = text_and_finish(answer, who=f"arm {arm.name}, prompt {prompt.id!r}")
    text = text.strip('"').strip()
    if why == "content_filter":
        raise JobError(f"arm {arm.name}, prompt {prompt.id!r}: refused by the language model", code="moderated_input")
    if why == "length" or not text or len(text) > MAX_CHARS:
        raise JobError(
            f"arm {arm.name}, prompt {prompt.id!r}: the answer was cut off, empty (a thought may have taken all of it) "
            f"or over {MAX_CHARS} characters; raise max_tokens or change system",
            code="empty_result",
        )
    return text
