"""Types of the JSON API for the page's scripts, made from the schema that the server describes itself with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from vbench.files import write_text
from vbench.web.server import build

ROOT = Path(__file__).resolve().parents[1]
TYPES = ROOT / "vbench/web/types/api.d.ts"
MAKER = ROOT / "node_modules/openapi-typescript/bin/cli.js"
HEAD = "// Made by tools/api_types.py from the server's own schema; `make types` makes it anew.\n"


def node() -> str | None:
    """Node of the environment that runs this, or of the system."""
    return shutil.which("node", path=os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")]))


def schema() -> str:
    """What `/api/v1/openapi.json` answers."""
    with tempfile.TemporaryDirectory() as folder:
        return json.dumps(build(Path(folder) / "bench").openapi())


def types() -> str:
    """Text of `vbench/web/types/api.d.ts` for the server as it is.

    Raises:
        FileNotFoundError: node or its packages are not there.
        RuntimeError: the schema cannot be read as one.
    """
    program = node()
    if program is None or not MAKER.exists():
        raise FileNotFoundError(
            f"{MAKER} needs node 20 or newer and the packages of package-lock.json; run: make check"
        )
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "openapi.json", Path(folder) / "api.d.ts"
        source.write_text(schema(), encoding="utf-8")
        ran = subprocess.run(
            [program, MAKER, source, "-o", target, "--default-non-nullable", "false"],
            capture_output=True,
            text=True,
            timeout=120,
        )
        if ran.returncode:
            raise RuntimeError(f"openapi-typescript failed: {ran.stderr.strip()[-2000:]}")
        return HEAD + target.read_text(encoding="utf-8")


if __name__ == "__main__":
    write_text(TYPES, types())
    print(TYPES)
