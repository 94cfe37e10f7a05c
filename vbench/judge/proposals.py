"""Questions that a judge proposes from a prompt's text, before any clip is seen, for a person to edit."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import yaml

from vbench.catalog.question_lines import QuestionLine
from vbench.errors import CatalogError, JobError
from vbench.judge.ask import Asker
from vbench.judge.phrases import QUESTIONS
from vbench.judge.reply import json_object
from vbench.judge.request import JudgeRequest
from vbench.records import Prompt, digest

MOST = 8
KINDS = ("presence", "count", "colour", "space", "action", "order", "physics", "anatomy", "identity")
Proposals = Mapping[str, Sequence[QuestionLine]]
"""Prompt id → what is proposed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposed:
    """What a run came to."""

    lines: Proposals
    failed: Mapping[str, str]
    """Prompt id → why there is nothing."""


def propose(asker: Asker, prompts: Sequence[Prompt]) -> Proposed:
    """Questions for those of the prompts that have none of their own; asked once for each text, and kept."""
    lines: dict[str, Sequence[QuestionLine]] = {}
    failed: dict[str, str] = {}
    for prompt in prompts:
        if prompt.questions:
            continue
        request = JudgeRequest(purpose="questions", text=QUESTIONS.format(text=json.dumps(prompt.text)))
        subject = digest("prompt", prompt.text, length=64)
        outcome = asker.call(request, subject, {"purpose": "questions"}, is_useless=lambda reply: not _is_list(reply))
        try:
            if outcome.code:
                raise JobError(outcome.message, code=outcome.code)
            lines[prompt.id] = read_proposals(outcome.reply)
        except JobError as error:
            failed[prompt.id] = str(error)
    return Proposed(lines=lines, failed=failed)


def read_proposals(reply: str) -> list[QuestionLine]:
    """The questions of a reply; what is no question of a known kind is left out.

    Raises:
        JobError: none is left (code ``bad_answer``).
    """
    listed = json_object(reply).get("questions")
    items = [item for item in listed[:50] if isinstance(item, dict)] if isinstance(listed, list) else []
    kept: dict[str, QuestionLine] = {}
    for item in items:
        text = " ".join(str(item.get("text", "")).split())
        if item.get("kind") in KINDS and text.endswith("?") and text.isprintable() and 8 <= len(text) <= 200:
            kept.setdefault(text, QuestionLine(kind=item["kind"], text=text))
    if not kept:
        raise JobError("the answer has no question of a known kind", code="bad_answer")
    return list(kept.values())[:MOST]


def _is_list(reply: str) -> bool:
    try:
        return bool(read_proposals(reply))
    except JobError:
        return False


def with_questions(text: str, proposals: Proposals) -> str:
    """The text of a YAML suite with questions under those of its prompts that have none; all else stays as it is.

    Raises:
        CatalogError: it is no suite of block style, as the shipped ones are.
    """
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    entries = _prompt_nodes(root)
    lines = text.split("\n")
    for node in reversed(entries):
        fields = {key.value: value for key, value in node.value}
        name = fields["id"].value if "id" in fields else ""
        if name not in proposals or "questions" in fields:
            continue
        if node.flow_style:
            raise CatalogError(f"prompt {name!r} stands in braces; write it in lines, so that questions find room")
        end = min(node.end_mark.line, len(lines))
        while end > 0 and (not lines[end - 1].strip() or lines[end - 1].lstrip().startswith("#")):
            end -= 1
        indent = " " * node.start_mark.column
        written = [
            f"{indent}  - {{kind: {line.kind}, text: {json.dumps(line.text, ensure_ascii=False)}}}"
            for line in proposals[name]
        ]
        lines[end:end] = [f"{indent}questions:", *written]
    return "\n".join(lines)


def _prompt_nodes(root: yaml.Node | None) -> list[yaml.MappingNode]:
    if isinstance(root, yaml.MappingNode):
        root = next((value for key, value in root.value if key.value == "prompts"), None)
    if not isinstance(root, yaml.SequenceNode):
        return []
    return [node for node in root.value if isinstance(node, yaml.MappingNode)]
