"""Writes one export in a process of its own."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from vbench.bench import Bench
from vbench.errors import VBenchError
from vbench.exports import export, takes_of


def main() -> None:
    """Write the export that the first argument describes into the folder that the second names."""
    wanted, folder = json.loads(sys.argv[1]), Path(sys.argv[2])
    try:
        with Bench.open(create=False) as bench:
            takes = takes_of(bench, wanted["clips"], author=wanted["author"])
            print(export(wanted["kind"], takes, folder, at_s=wanted.get("at_s")).name)
    except VBenchError as error:
        print(error)
        sys.exit(2)


if __name__ == "__main__":
    main()
