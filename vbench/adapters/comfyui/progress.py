"""Follows the websocket of a ComfyUI server, for a share of progress while a graph runs."""

from __future__ import annotations

import json
import threading
from contextlib import suppress
from typing import Any


class Progress:
    """Follows a server's websocket in the background; without one there is merely no progress to show."""

    def __init__(self) -> None:
        self._share: dict[str, float] = {}
        self._socket: Any = None
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()

    def of(self, job: str) -> float | None:
        """0 to 1; None: not told."""
        return self._share.get(job)

    def follow(self, base_url: str, client: str) -> None:
        """Connect, unless connected."""
        with self._lock:
            if self._thread is not None and self._thread.is_alive():
                return
            url = base_url.replace("http", "ws", 1) + f"/ws?clientId={client}"
            self._thread = threading.Thread(target=self._listen, args=(url,), name="vbench-comfyui", daemon=True)
            self._thread.start()

    def _listen(self, url: str) -> None:
        from websockets.exceptions import WebSocketException
        from websockets.sync.client import connect

        with (
            suppress(OSError, WebSocketException),
            connect(url, open_timeout=5, close_timeout=2, max_size=64 * 2**20, proxy=None) as socket,
        ):
            self._socket = socket
            for message in socket:
                if isinstance(message, str):  # binary messages are previews
                    self._take(message)

    def _take(self, message: str) -> None:
        with suppress(ValueError, KeyError, TypeError, ZeroDivisionError):
            found = json.loads(message)
            if found["type"] == "progress":
                data = found["data"]
                self._share[data["prompt_id"]] = min(1.0, data["value"] / data["max"])

    def close(self) -> None:
        """Disconnect."""
        with self._lock:
            if self._socket is not None:
                self._socket.close()
                self._socket = None
