"""Clips are divided between processes, and what a process that is gone had is free again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.test_bench import bench, make_clip
from vbench.bench import Bench
from vbench.bench.owner import Owner
from vbench.records import MetricInfo, Outcomes

__all__ = ["bench"]
ALIVE: Callable[[str, float], bool] = lambda owner, lease_until: lease_until > time.time()  # noqa: E731


INFO: dict[str, Any] = {
    "name": "flicker",
    "unit": "levels",
    "higher_is_better": False,
    "bounds": (0.0, float("inf")),
    "group": "temporal",
    "about": "x",
}


def filled(bench: Bench, n: int) -> list[str]:
    clips = [make_clip(sample=number, content=f"{number:03d}") for number in range(n)]
    for clip in clips:
        bench.add_clip(clip)
    return [clip.id for clip in clips]


def test_a_clip_is_claimed_once(bench: Bench) -> None:
    clips = filled(bench, 7)

    def taken(owner: str, n: int, lease_s: float = 60.0) -> list[str]:
        return bench.claim_clips(clips, n, owner=owner, lease_s=lease_s, is_alive=ALIVE)

    assert taken("one", 3) == clips[:3], "in the order in which they are wanted"
    assert taken("two", 3) == clips[3:6]
    assert taken("two", 3) == clips[6:]
    assert taken("one", 3) == []
    assert (bench.n_claimants("one"), bench.n_claimants("three")) == (1, 2)
    bench.add_outcomes(Outcomes(clip=clips[0]), owner="one")
    bench.add_outcomes(Outcomes(clip=clips[1]), owner="two")
    assert taken("three", 9) == clips[:1], "only its owner ends a claim"
    bench.release_claims("two", clips[3:4])
    assert taken("three", 9) == clips[3:4]
    bench.release_claims("two")
    assert taken("three", 9) == clips[4:]


def test_what_a_process_left_is_taken_over(bench: Bench) -> None:
    clips = filled(bench, 3)
    assert bench.claim_clips(clips, 9, owner="one", lease_s=-1, is_alive=ALIVE) == clips
    bench.extend_claims("one", 60)
    assert bench.claim_clips(clips, 9, owner="two", lease_s=60, is_alive=ALIVE) == []
    bench.extend_claims("one", -1)
    assert bench.claim_clips(clips, 9, owner="two", lease_s=60, is_alive=ALIVE) == clips


def test_many_claim_at_once_and_none_gets_what_another_has(bench: Bench) -> None:
    clips = filled(bench, 60)

    def take_all(owner: str) -> list[str]:
        mine: list[str] = []
        while taken := bench.claim_clips(clips, 4, owner=owner, lease_s=60, is_alive=ALIVE):
            mine += taken
        return mine

    with ThreadPoolExecutor(6) as threads:
        shares = list(threads.map(take_all, [f"owner {number}" for number in range(6)]))
    assert sorted(clip for share in shares for clip in share) == sorted(clips)


def test_an_owner_lives_while_its_process_does(bench: Bench) -> None:
    one, two = Owner(bench.root), Owner(bench.root)
    assert two.is_alive(one.owner, 0.0), "its lock is seen, whatever its lease"
    assert two.is_alive("elsewhere:ab", time.time() + 9)
    assert not two.is_alive("elsewhere:ab", time.time() - 9)
    one.close()
    assert not two.is_alive(one.owner, time.time() + 9)
    two.close()


def test_many_may_tell_of_the_same_at_once(bench: Bench) -> None:
    clip, info = make_clip(), MetricInfo(**{**INFO, "version": 3})
    start = threading.Barrier(6)

    def tell(number: int) -> None:
        start.wait()
        bench.add_metrics([info])
        bench.add_prompts([clip.prompt])
        bench.add_model(clip.model, {"name": str(number)})
        bench.add_clip(clip)

    with ThreadPoolExecutor(6) as threads:
        list(threads.map(tell, range(6)))
    assert bench.metrics() == {"flicker": info}
    assert bench.clips() == [clip]
    assert bench.models()[clip.model]["name"] in "012345"
