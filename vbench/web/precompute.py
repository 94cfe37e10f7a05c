"""Makes what visitors will ask for before they do: the default board, and pictures of clips no browser plays."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError

from fastapi import HTTPException

from vbench.bench import StoreError
from vbench.errors import VBenchError
from vbench.records import Clip
from vbench.video import is_browser_playable
from vbench.web.boards import boards
from vbench.web.media import MAX_PROXY_HEIGHT, POSTER, PROXY, Recipe, even_height
from vbench.web.state import Page

log = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
"""Between looks at whether a task has ended; one counts rows of a short table."""
MOST_CLIPS = 500
"""A larger bench gets its proxies on demand: nobody watches all of it, and they take disk."""
LEAVE_S = 2.0


class Precompute:
    """A thread that works once at its start and after every task that ends; use it as a context.

    Proxies are made one at a time in the page's own sandbox, which is nice to other processes, and a visitor's are next
    in line. Nothing here stops the page: what cannot be made says why to the visitor who asks for it.
    """

    def __init__(self, page: Page) -> None:
        self._page, self._leaving = page, threading.Event()
        self._thread = threading.Thread(target=self._run, name="vbench-precompute", daemon=True)

    def __enter__(self) -> None:
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._leaving.set()
        self._page.makers.close()  # so that a proxy under way is not waited for
        self._thread.join(LEAVE_S)

    def _run(self) -> None:
        n_known = -1
        while not self._leaving.is_set():
            try:
                n_ended = self._page.bench.n_ended_tasks()
                if n_ended != n_known:
                    n_known = n_ended
                    self.work()
            except (VBenchError, StoreError, OSError) as error:
                if not self._leaving.is_set():
                    log.warning("not made ahead, but when a visitor asks: %s", error)
            self._leaving.wait(LOOK_EVERY_S)

    def work(self) -> None:
        """The board, then posters and proxies of clips that browsers cannot play."""
        boards(self._page)
        if self._page.bench.n_clips() > MOST_CLIPS:
            return
        for clip in self._page.bench.clips():
            if self._leaving.is_set():
                return
            if not is_browser_playable(clip.probe):
                self._show(clip)

    def _show(self, clip: Clip) -> None:
        media, makers = self._page.bench.media, self._page.makers
        recipes: list[tuple[str, Recipe, dict[str, int]]] = [
            ("poster.webp", POSTER, {}),
            ("proxy.mp4", PROXY, {"height": even_height(clip.probe.height, MAX_PROXY_HEIGHT)}),
        ]
        try:
            for name, recipe, arguments in recipes:
                out = media.derived(clip.sha256, name)
                if out.exists():
                    continue
                making = makers.start(recipe, self._page.originals.path(clip), out, **arguments)
                if making is not None:
                    making.result()
        except (VBenchError, HTTPException, CancelledError) as error:  # the page says it where the clip is shown
            log.info("%s: nothing made ahead: %s", clip.id, error)
