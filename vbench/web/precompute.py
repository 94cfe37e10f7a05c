"""Makes what visitors will ask for before they do: the default board, and the copies of clips that pages show."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import CancelledError

from fastapi import HTTPException

from vbench.bench import StoreError
from vbench.errors import VBenchError
from vbench.tasks.copies import Copy, missing_copies
from vbench.web.boards import boards
from vbench.web.state import Page

log = logging.getLogger(__name__)
LOOK_EVERY_S = 5.0
"""Between looks at whether a task has ended; one counts rows of a short table."""
LEAVE_S = 2.0


class Precompute:
    """A thread that works once at its start and after every task that ends; use it as a context.

    Copies are made one at a time in the page's own sandboxes, which are nice to other processes, and a visitor's are
    next in line. Nothing here stops the page: what cannot be made says why to the visitor who asks for it.
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
        """The board, then the pictures and videos that are missing; a task of them under way is let do it."""
        boards(self._page)
        tasks = self._page.bench.tasks()
        if any(task.kind == "copies" and task.state in ("waiting", "running") for task in tasks):
            return
        for copy in missing_copies(self._page.bench):
            if self._leaving.is_set():
                return
            self._make(copy)

    def _make(self, copy: Copy) -> None:
        page, clip = self._page, copy.clip
        out = page.bench.media.derived(clip.sha256, copy.name)
        try:
            making = page.makers.start(copy.recipe, page.originals.path(clip), out, **copy.arguments)
            if making is not None:
                making.result()
        except (VBenchError, HTTPException, CancelledError) as error:  # the page says it where the clip is shown
            log.info("%s: nothing made ahead: %s", clip.id, error)
