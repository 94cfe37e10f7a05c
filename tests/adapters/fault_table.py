"""How each protocol takes each fault, and how many billable requests left: python -m tests.adapters.fault_table."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.adapters.driver import drive, hosted
from tests.adapters.test_hosted import CREATE_FAULTS, NO_STATE_WORDS, POLL_FAULTS, SMALL_BYTES
from tests.fakes.hosted import Fake
from tests.fakes.protocols import PROTOCOLS
from vbench.adapters import response

STAGES = {
    "create": tuple(CREATE_FAULTS),
    "poll": tuple(POLL_FAULTS),
    "file": ("403", "truncated", "cut", "packed", "bomb", "html", "png", "empty", "garbled", "huge", "drop"),
}
"""Stage of a job → what goes wrong there."""


def has_cell(protocol: str, stage: str, fault: str) -> bool:
    """Whether a protocol can go wrong like that."""
    if stage == "file":
        return protocol != "vertex"  # its clip comes inside the answer
    return stage != "poll" or protocol not in NO_STATE_WORDS or fault not in {"unseen", "UPPER", "lower"}


def cell(protocol: str, stage: str, fault: str) -> str:
    """Billable requests and how the job ended."""
    with (
        pytest.MonkeyPatch.context() as patch,
        Fake(protocol, **{stage: [fault]}) as fake,  # type: ignore[arg-type]
        hosted(fake, patch) as (adapter, _),
        tempfile.TemporaryDirectory() as folder,
    ):
        patch.setattr(response, "MAX_RESPONSE_BYTES", SMALL_BYTES)
        return f"{drive(adapter, Path(folder) / 'clip').end} ({fake.creates})"


def main() -> None:
    """One table per stage of a job."""
    n_cells = 0
    for stage, faults in STAGES.items():
        print(f"\n| {stage} | " + " | ".join(faults) + " |\n" + "|---" * (len(faults) + 1) + "|")
        for protocol in PROTOCOLS:
            cells = [cell(protocol, stage, fault) if has_cell(protocol, stage, fault) else "-" for fault in faults]
            n_here = sum(text != "-" for text in cells)
            if n_here:
                print(f"| {protocol} | " + " | ".join(cells) + " |")
            n_cells += n_here
    print(f"\n{n_cells} cells")


if __name__ == "__main__":
    main()
