"""Starts the web app: what a Hugging Face Space runs, and `python app.py` for a person at home."""

from __future__ import annotations

import os
import sys

from vbench.bench import Bench
from vbench.errors import VBenchError, as_typed
from vbench.web.serve import bind, serve
from vbench.web.server import build


def main() -> None:
    """Serve the bench at $VBENCH_HOME or ./bench; in a Space for everyone, who may look and vote."""
    space_host = os.environ.get("SPACE_HOST", "") if os.environ.get("SPACE_ID") else ""
    is_space = bool(os.environ.get("SPACE_ID"))
    host = "0.0.0.0" if is_space else "127.0.0.1"
    port = int(os.environ.get("PORT") or os.environ.get("GRADIO_SERVER_PORT") or 7860)
    with bind(host, port) as bound, Bench.open() as bench:
        app = build(bench, host=host, public=is_space, space_host=space_host)
        print(f"vbench shows {bench.root} at http://{space_host or 'localhost'}:{bound.getsockname()[1]}/", flush=True)
        serve(app, bound, behind_proxy=is_space)


if __name__ == "__main__":
    try:
        main()
    except VBenchError as error:
        sys.exit(f"vbench: {as_typed(str(error))}")
