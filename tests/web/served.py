"""The page on a port of its own, in this process."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from vbench.bench import Bench
from vbench.web.serve import bind, server_config
from vbench.web.server import build


@contextmanager
def serving(bench: Bench, **options: Any) -> Iterator[str]:
    """Serve a bench and give its address; options as `vbench.web.server.build`."""
    socket = bind("127.0.0.1", 0)
    config = server_config(build(bench, **options))
    config.timeout_graceful_shutdown = 1
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [socket]}, daemon=True)
    thread.start()
    try:
        for _ in range(400):
            if server.started:
                break
            time.sleep(0.05)
        else:
            raise RuntimeError("the page did not start in 20 s")
        yield f"http://127.0.0.1:{socket.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
