"""A judge whose weights are on this machine, through transformers."""

from __future__ import annotations

from vbench.judge.card import JudgeCard
from vbench.judge.request import JudgeRequest, Said


class LocalBackend:
    """Placeholder until the next slice."""

    def __init__(self, card: JudgeCard) -> None:
        raise NotImplementedError

    def ask(self, request: JudgeRequest) -> Said:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError
