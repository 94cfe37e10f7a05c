"""How each protocol takes each fault, and how many billable requests left: python -m tests.adapters.fault_table."""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.adapters.driver import REQUEST, card, drive, hosted
from tests.adapters.test_hosted import CREATE_FAULTS, NO_STATE_WORDS, POLL_FAULTS, SMALL_BYTES
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS
from vbench.adapters import ADAPTERS, response
from vbench.adapters.http import reader
from vbench.bench import Bench
from vbench.generate import GenerateReport, generate, job_runner, worker
from vbench.records import Prompt

STAGES = {
    "create": tuple(CREATE_FAULTS),
    "poll": tuple(POLL_FAULTS),
    "file": ("403", "truncated", "cut", "packed", "bomb", "html", "png", "empty", "garbled", "huge", "drop"),
    "cancel": ("queued", "running", "finished", "unknown"),
    "again": ("empty", "cut", "expired", "cancelled"),
}
"""Stage of a job → what goes wrong there. ``cancel``: how the job stands when it is to be stopped. ``again``: how it
ended, although its clip was there; then the same line, with the word that would pay for another."""
ADDRESS_ELSEWHERE = ("openai", "omni", "vertex", "fal", "minimax_v1", "openrouter")
"""Protocols whose answer to a poll holds no address of the clip that could be missing."""


def has_cell(protocol: str, stage: str, fault: str) -> bool:
    """Whether a protocol can go wrong like that."""
    if stage == "cancel":
        return bool(PROTOCOLS[protocol].cancel[0])
    if stage == "again" and fault == "empty":
        return protocol not in ADDRESS_ELSEWHERE
    if stage == "file" or (stage == "again" and fault == "cut"):
        return protocol != "vertex"  # its clip comes inside the answer
    return stage != "poll" or protocol not in NO_STATE_WORDS or fault not in {"unseen", "UPPER", "lower"}


@contextmanager
def quick() -> Iterator[pytest.MonkeyPatch]:
    """Without the pauses, with small ceilings, and no job is young."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(random, "uniform", lambda *_: 0.001)
        patch.setattr(response, "MAX_RESPONSE_BYTES", SMALL_BYTES)
        patch.setattr(job_runner, "FETCH_TRIES", 2)
        patch.setattr(job_runner, "FETCH_PAUSE_S", 0.001)
        patch.setattr(worker, "IDLE_S", 0.01)
        yield patch


def cell(protocol: str, stage: str, fault: str) -> str:
    """How the job ended, and billable requests."""
    if stage == "cancel":
        return _cancelled(protocol, fault)
    if stage == "again":
        return _again(protocol, fault)
    with quick() as patch, Fake(protocol, **{stage: [fault]}) as fake:  # type: ignore[arg-type]
        if fault == "404_late":
            patch.setattr(reader, "FRESH_S", 0.0)
        with hosted(fake, patch) as (adapter, _), tempfile.TemporaryDirectory() as folder:
            return f"{drive(adapter, Path(folder) / 'clip').end} ({fake.creates})"


def _cancelled(protocol: str, fault: str) -> str:
    """Whether a job that stands so was told to stop."""
    script = {"queued": ["queued"], "running": ["running"], "finished": [], "unknown": ["500"]}[fault]
    with quick() as patch, Fake(protocol, poll=script) as fake, hosted(fake, patch, local=False) as (adapter, _):
        handle = adapter.submit(adapter.plan(REQUEST))
        (job,) = fake.jobs.values()
        if fault == "finished":
            job.state = "succeeded"
        is_told = adapter.cancel(handle)
        assert is_told == job.cancelled
        return f"{'told' if is_told else 'left'} ({fake.creates})"


def _again(protocol: str, fault: str) -> str:
    """How a job ended, and what the same line brought with the word that would pay for another."""
    scripts: dict[str, dict[str, list[str]]] = {
        "empty": {"poll": ["no_url"]},
        "cut": {"file": ["cut"] * 6},
        "expired": {"poll": ["404"] * 3},
        "cancelled": {"poll": ["running"]},
    }
    with quick() as patch, Fake(protocol, **scripts[fault]) as fake, tempfile.TemporaryDirectory() as folder:  # type: ignore[arg-type]
        patch.setattr(reader, "FRESH_S", 0.0)
        patch.setattr(reader, "GONE_S", 0.0)
        with hosted(fake, patch), Bench.open(Path(folder)) as bench:
            return f"{_run_twice(bench, fake, is_cancelled=fault == 'cancelled')} ({fake.creates})"


def _run_twice(bench: Bench, fake: Fake, *, is_cancelled: bool) -> str:
    def run(**options: Any) -> GenerateReport:
        # Billable, as its own card is: only on the way to the address of the clip it is one of this machine.
        return generate(bench, models=[card(fake.spec.card)], prompts=PROMPTS, make=_paid, **options)

    def stop(step: Any) -> None:
        if is_cancelled and step.state in ("submitted", "running"):
            bench.cancel_job(step.job)

    run(progress=stop)
    (job,) = bench.jobs()
    first = job.reason or job.state
    if job.state == "succeeded":
        return "made"
    report = run(retry=[job.state])
    (job,) = bench.jobs() if len(bench.jobs()) == 1 else bench.jobs()[-1:]
    return f"{first}, {'made' if report.is_complete and len(bench.clips()) == 1 else job.state}"


def _paid(model: Any) -> Any:
    """The adapter of a card of this machine, whose jobs cost money all the same."""
    adapter = ADAPTERS[model.adapter](model, sleep=lambda _: None)
    plan = adapter.plan

    def billable(request: Any) -> Any:
        from dataclasses import replace

        return replace(plan(request), is_billable=True, cost_usd=0.5)

    adapter.plan = billable
    return adapter


PROMPTS = [Prompt(id="cat", text="a cat on a roof")]


def main() -> None:
    """One table per stage of a job."""
    cells: list[str] = []
    for stage, faults in STAGES.items():
        print(f"\n| {stage} | " + " | ".join(faults) + " |\n" + "|---" * (len(faults) + 1) + "|")
        for protocol in PROTOCOLS:
            row = [cell(protocol, stage, fault) if has_cell(protocol, stage, fault) else "-" for fault in faults]
            if set(row) != {"-"}:
                print(f"| {protocol} | " + " | ".join(row) + " |")
            cells += [text for text in row if text != "-"]
    n_once = sum(text.endswith(" (1)") for text in cells)
    print(f"\n{len(cells)} cells, one billable request in {n_once} of them")
    if n_once != len(cells):
        sys.exit(1)


if __name__ == "__main__":
    main()
