"""A bench as the node pack sees it: the page's API over HTTP, nothing but the standard library.

A bench that is a folder gets a page of its own (`vbench ui`), which ends with ComfyUI.
"""

from __future__ import annotations

import atexit
import base64
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

ACCOUNT = "VBENCH_ACCOUNT"
"""`name:password` for a page with accounts. From the environment, since what stands in a node stands in the graph, and
the graph in every file."""
ANSWER_S, IMPORTED_WITHIN_S, STOPS_WITHIN_S, ASK_AGAIN_S = 120.0, 600.0, 30.0, 0.2
MOST_SHOWN = 9
"""Takes on the compare page."""
MOST_ROWS, MOST_ID_CHARS = 500, 200
"""Of one answer of the API; of an id that it takes."""


class BenchError(RuntimeError):
    """The bench could not be reached, or did not take the clip; the sentence says what to do."""


@dataclass(frozen=True)
class SentTake:
    """A take that is in the bench."""

    id: str
    compare_url: str
    """The page with it and the other takes of its prompt."""
    told: str
    """What was done, as a sentence."""


class Bench:
    """A bench behind an address."""

    _pages: ClassVar[dict[Path, tuple[subprocess.Popen[str], str]]] = {}
    """Folder → its page, started here, and the page's address."""

    def __init__(self, url: str) -> None:
        self._url = url.rstrip("/")

    @classmethod
    def at(cls, place: str) -> Bench:
        """The bench at an address, or in a folder of this machine.

        Raises:
            BenchError: neither, or no page could be started for the folder.
        """
        place = place.strip()
        if place.startswith(("http://", "https://")):
            return cls(place)
        if "://" in place:
            raise BenchError(f"bench is {place!r}; give the address of a page (http://...) or a folder")
        folder = Path(place).expanduser().resolve()
        if folder not in cls._pages or cls._pages[folder][0].poll() is not None:
            cls._pages[folder] = _page_over(folder)
        return cls(cls._pages[folder][1])

    def add(self, file: Path, *, tool: str, prompt: str, prompt_id: str, sample: int, score: bool) -> SentTake:
        """Send a clip and wait until the bench has it; one that it has already is not sent twice.

        Args:
            file: The clip.
            tool: Id of the tool that made it.
            prompt: What was asked for.
            prompt_id: Id of the prompt; empty: that of the bench's prompt with these words, or one made of them.
            sample: Number of the take; below 0: the next free one.
            score: Whether it is measured right after.

        Raises:
            BenchError: it could not be reached or did not take it.
        """
        known = next((each for each in self._ask("GET", "prompts") if each["text"] == prompt), None)
        id = prompt_id or (known["id"] if known else prompt[:MOST_ID_CHARS])  # the bench makes an id of words
        name = urllib.parse.urlencode({"name": f"{tool}/{file.name}"})
        upload = self._ask("POST", f"uploads?{name}", file.read_bytes())
        if upload["error"]:
            raise BenchError(f"the bench cannot read the clip: {upload['error']}")
        earlier = [take for take in self._takes(model=tool) if take["prompt"] == prompt]
        if same := next((take for take in earlier if take["sha256"] == upload["sha256"]), None):
            return self._shown(same, "was there before")
        if sample < 0:
            sample = 1 + max((take["sample"] for take in earlier), default=-1)
        said = {"upload": upload["upload"], "model": tool, "prompt_id": id, "prompt": prompt, "sample": sample}
        taken = self._imported(self._ask("POST", "uploads/confirm", {"uploads": [said], "score": score})["id"])
        mine = next((take for take in taken if take["sha256"] == upload["sha256"]), None)
        if mine is None:
            raise BenchError(f"{tool} has another take {sample} of this prompt; give another sample number, or -1")
        return self._shown(mine, "sent")

    def _imported(self, task: str) -> list[dict[str, Any]]:
        """The takes that a task was to bring, once it has; measuring them may go on."""
        end = time.monotonic() + IMPORTED_WITHIN_S
        while time.monotonic() < end:
            facts = self._ask("GET", f"tasks/{task}")
            if facts["takes"] or facts["state"] == "done":
                return self._takes(ids=",".join(facts["takes"])) if facts["takes"] else []
            if facts["state"] not in ("waiting", "running"):
                raise BenchError(f"the bench did not take the clip: {facts['message'] or facts['state']}")
            time.sleep(ASK_AGAIN_S)
        raise BenchError(f"the clip is not in the bench after {IMPORTED_WITHIN_S:.0f} s; look at {self._url}/ui/")

    def _takes(self, **query: str) -> list[dict[str, Any]]:
        takes: list[dict[str, Any]] = []
        while True:
            page = urllib.parse.urlencode({**query, "offset": len(takes), "limit": MOST_ROWS})
            rows = self._ask("GET", f"clips?{page}")["clips"]
            takes += rows
            if len(rows) < MOST_ROWS:
                return takes

    def _shown(self, take: dict[str, Any], done: str) -> SentTake:
        """With the newest takes of other tools, then of its own."""
        others = [each for each in self._takes(prompt=take["prompt_key"]) if each["id"] != take["id"]]
        others.sort(key=lambda each: (each["model"] == take["model"], -each["sample"]))
        ids = [take["id"], *(each["id"] for each in others[: MOST_SHOWN - 1])]
        told = f"{done}: {take['model']}, {take['prompt_id']}, take {take['sample']}"
        return SentTake(take["id"], f"{self._url}/ui/compare?takes={','.join(ids)}", told)

    def _ask(self, method: str, path: str, body: bytes | dict[str, Any] | None = None) -> Any:
        """What the API answers."""
        headers = {"x-vbench-client": "comfyui", "content-type": "application/octet-stream"}
        if account := os.environ.get(ACCOUNT):
            headers["authorization"] = "Basic " + base64.b64encode(account.encode()).decode()
        if isinstance(body, dict):
            headers["content-type"], body = "application/json", json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}/api/v1/{path}", body, headers, method=method)
        try:
            with urllib.request.urlopen(request, timeout=ANSWER_S) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            if error.code == 401:
                told = f"{self._url} asks who you are; set {ACCOUNT}=name:password and start ComfyUI again"
                raise BenchError(told) from None
            raise BenchError(f"{self._url} answers {error.code}: {_sentence(error.read())}") from None
        except (urllib.error.URLError, TimeoutError) as error:
            reason = getattr(error, "reason", error)
            raise BenchError(f"{self._url} cannot be reached ({reason}); start its page with vbench ui") from None


def _sentence(answer: bytes) -> str:
    """What an answer that is an error says."""
    try:
        said = json.loads(answer)
    except ValueError:
        return answer[:200].decode(errors="replace")
    return str(said.get("error") or said.get("detail") or said)


def _page_over(folder: Path) -> tuple[subprocess.Popen[str], str]:
    """Start a page over a bench's folder; its process, and its address once it answers.

    Raises:
        BenchError: vbench is not installed here, or cannot open the folder.
    """
    command = [found] if (found := shutil.which("vbench")) else [sys.executable, "-m", "vbench"]
    with tempfile.TemporaryFile("w+") as complaints:
        process = subprocess.Popen(
            [*command, "ui", "--bench", str(folder), "--port", "0", "--no-open"],
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
        )
        atexit.register(process.terminate)
        assert process.stdout is not None
        address = re.search(r" at (http://\S+)", process.stdout.readline())  # what it says first, or nothing
        if address is not None and _answers(address[1], process):
            return process, address[1].rstrip("/")
        process.terminate()
        process.wait(STOPS_WITHIN_S)
        complaints.seek(0)
        why = complaints.read().strip()[-500:] or "it said nothing"
    raise BenchError(
        f"no page over {folder}: {why}; install vbench-studio beside ComfyUI, or give the address of a page"
    )


def _answers(url: str, process: subprocess.Popen[str]) -> bool:
    """Whether a page that is being started answers before it ends, and in time."""
    end = time.monotonic() + ANSWER_S
    while process.poll() is None and time.monotonic() < end:
        try:
            with urllib.request.urlopen(url, timeout=ANSWER_S):
                return True
        except urllib.error.HTTPError:
            return True
        except (urllib.error.URLError, TimeoutError):
            time.sleep(ASK_AGAIN_S)
    return False
