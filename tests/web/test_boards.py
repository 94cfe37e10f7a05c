"""Boards that are kept until the bench changes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

from vbench.web.boards import Kept


def test_a_board_is_made_once_for_all_who_ask_at_once() -> None:
    kept, made = Kept(), []

    def make() -> int:
        made.append(1)
        return len(made)

    with ThreadPoolExecutor(8) as visitors:
        assert set(visitors.map(lambda _: kept.get("k", "s", make), range(40))) == {1}
    assert kept.get("k", "changed", make) == 2


def test_one_that_is_there_does_not_wait_for_one_that_is_being_made() -> None:
    kept, go = Kept(), threading.Event()
    assert kept.get("there", 1, lambda: "board") == "board"
    with ThreadPoolExecutor(1) as visitor:
        slow = visitor.submit(kept.get, "slow", 1, lambda: go.wait(10) and "slow board")
        try:
            assert kept.get("there", 1, lambda: "again") == "board"
        finally:
            go.set()
        assert slow.result(10) == "slow board"


def test_the_oldest_are_forgotten_and_a_failure_is_not_kept() -> None:
    kept = Kept(2)
    for key in ("a", "b", "a", "c"):
        kept.get(key, 1, lambda key=key: key)
    assert kept.get("a", 1, lambda: "made again") == "a"
    assert kept.get("b", 1, lambda: "made again") == "made again"

    def broken() -> str:
        raise ValueError

    for make in (broken, lambda: "whole"):
        try:
            assert kept.get("d", 1, make) == "whole"
        except ValueError:
            assert make is broken
