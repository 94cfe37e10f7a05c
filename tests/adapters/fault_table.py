"""How each protocol takes each fault, and how many billable requests left: python -m tests.adapters.fault_table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.adapters.driver import drive, hosted
from tests.adapters.test_hosted import CREATE_FAULTS, NO_STATE_WORDS, POLL_FAULTS
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS

FILE_FAULTS = ("403", "truncated", "html", "png", "empty", "garbled", "huge", "drop")


def cell(protocol: str, kind: str, fault: str) -> str:
    """Billable requests and how the job ended."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Fake(protocol, **{kind: [fault]}) as fake,  # type: ignore[arg-type]
        hosted(fake, patch) as (adapter, _),
        tempfile.TemporaryDirectory() as folder,
    ):
        return f"{drive(adapter, Path(folder) / 'clip').end} ({fake.creates})"


def main() -> None:
    """One table per stage of a job."""
    for kind, faults in {"create": CREATE_FAULTS, "poll": POLL_FAULTS, "file": FILE_FAULTS}.items():
        print(f"\n| {kind} | " + " | ".join(faults) + " |\n" + "|---" * (len(faults) + 1) + "|")
        for protocol in PROTOCOLS:
            skipped = NO_STATE_WORDS if kind == "poll" else set()
            if kind == "file" and protocol == "vertex":
                continue  # its clip comes inside the answer
            cells = [
                "-" if protocol in skipped and fault in {"unseen", "UPPER", "lower"} else cell(protocol, kind, fault)
                for fault in faults
            ]
            print(f"| {protocol} | " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
