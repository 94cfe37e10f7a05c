"""A real WebKitGTK over a running page, on a screen of its own, spoken to as WebDriver (W3C)."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.browser import PATIENCE_MS
from vbench.web.serve import bind

DRIVER = shutil.which("WebKitWebDriver")
SCREEN = shutil.which("Xvfb")
MINI_BROWSER = next((str(path) for path in sorted(Path("/usr/lib").glob("*/webkit2gtk-4*/MiniBrowser"))), None)
NO_ANSWER_S = 60.0


def require_webkit() -> None:
    """Skip the module that calls it where there is no WebKitGTK; fail it where browsers are asked for.

    Raises:
        Failed: `VBENCH_REQUIRE_BROWSER=1`, and WebKitGTK, its driver or Xvfb is not installed.
    """
    if DRIVER and SCREEN and MINI_BROWSER:
        return
    lack = "no WebKitGTK: install webkit2gtk-driver and xvfb"
    if os.environ.get("VBENCH_REQUIRE_BROWSER") == "1":
        pytest.fail(f"VBENCH_REQUIRE_BROWSER=1, but there is {lack}", pytrace=False)
    pytest.skip(lack, allow_module_level=True)


class WebKitWindow:
    """One window of a session; the names are Playwright's where they do the same."""

    def __init__(self, session: httpx.Client) -> None:
        self._session = session

    def _post(self, path: str, body: dict[str, Any]) -> Any:
        answer = self._session.post(path, json=body)
        value = answer.json()["value"]
        if answer.is_error:
            raise AssertionError(f"WebKit answers {path} with {value['error']}: {value['message']}")
        return value

    def goto(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self._post("url", {"url": url})

    def evaluate(self, function: str, arg: Any = None) -> Any:
        """What a JavaScript function gives, awaited where it is a promise."""
        script = (
            "const done = arguments[1];"
            f"Promise.resolve(({function})(arguments[0]))"
            ".then((value) => done([value]), (error) => done(String(error)));"
        )
        result = self._post("execute/async", {"script": script, "args": [arg]})
        if isinstance(result, str):
            raise AssertionError(f"WebKit: {result}")
        return result[0] if result else None

    def wait_for_function(self, condition: str, arg: Any = None) -> None:
        """Wait, frame by frame of the screen, until a JavaScript function gives what counts as true."""
        script = f"""(arg) => new Promise((resolve, reject) => {{
          const end = performance.now() + {PATIENCE_MS};
          const look = () => {{
            if (({condition})(arg)) resolve(true);
            else if (performance.now() > end) reject(new Error("waited in vain"));
            else requestAnimationFrame(look);
          }};
          look();
        }})"""
        try:
            self.evaluate(script, arg)
        except AssertionError as error:
            raise AssertionError(f"{error} for {condition}") from error

    def press(self, key: str) -> None:
        """A key of the keyboard, pressed and let go."""
        keys = [{"type": kind, "value": key} for kind in ("keyDown", "keyUp")]
        self._post("actions", {"actions": [{"type": "key", "id": "keyboard", "actions": keys}]})


@contextmanager
def _screen() -> Iterator[str]:
    """A screen that nobody sees, and its name."""
    reading, writing = os.pipe()
    assert SCREEN is not None
    process = subprocess.Popen(
        [SCREEN, "-displayfd", str(writing), "-screen", "0", "1280x800x24", "-nolisten", "tcp"],
        pass_fds=[writing],
        stderr=subprocess.DEVNULL,
    )
    os.close(writing)
    try:
        with os.fdopen(reading) as names:
            yield f":{names.readline().strip()}"
    finally:
        process.terminate()
        process.wait(30)


def _until_it_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + NO_ANSWER_S
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(f"{url}/status", timeout=5)
            return
        except httpx.TransportError:
            time.sleep(0.05)
    raise RuntimeError(f"WebKitWebDriver did not answer at {url}")


@contextmanager
def webkit(*, plays_untouched: bool = True) -> Iterator[WebKitWindow]:
    """A WebKit window; `plays_untouched=False` refuses every play that no key or finger asked for."""
    socket = bind("127.0.0.1", 0)
    port = socket.getsockname()[1]
    socket.close()
    assert DRIVER is not None
    with _screen() as display:
        driver = subprocess.Popen(
            [DRIVER, f"--port={port}"],
            env={**os.environ, "DISPLAY": display, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            url = f"http://127.0.0.1:{port}"
            _until_it_answers(url, driver)
            policy = "allow" if plays_untouched else "deny"
            options = {"binary": MINI_BROWSER, "args": ["--automation", f"--autoplay-policy={policy}"]}
            wanted = {"capabilities": {"alwaysMatch": {"webkitgtk:browserOptions": options}}}
            made = httpx.post(f"{url}/session", json=wanted, timeout=NO_ANSWER_S).json()["value"]
            if "sessionId" not in made:
                raise RuntimeError(f"WebKitGTK could not be started: {made}")
            with httpx.Client(base_url=f"{url}/session/{made['sessionId']}/", timeout=2 * NO_ANSWER_S) as session:
                session.post("timeouts", json={"script": 2 * PATIENCE_MS, "pageLoad": PATIENCE_MS})
                yield WebKitWindow(session)
                session.delete("")
        finally:
            driver.terminate()
            driver.wait(30)
