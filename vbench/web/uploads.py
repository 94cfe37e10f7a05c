"""Clips a person drops on the page: taken in pieces, looked into by the sandbox, imported once confirmed."""

from __future__ import annotations

import asyncio
import json
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

from fastapi import HTTPException

from vbench.bench import Bench
from vbench.bench.media import safe_name
from vbench.catalog.cards import cards
from vbench.catalog.prompt_lines import slug
from vbench.errors import CatalogError, ClipError, OptionError
from vbench.files import CLIP_SUFFIXES, sha256_of, write_text
from vbench.generate.pictures import pictures_folder
from vbench.importing import guess_from_name
from vbench.records import Prompt
from vbench.tasks.arguments import ImportTask, folder_to_import, page_folder
from vbench.video.sandbox import Sandbox
from vbench.web.prompt_choice import suite_prompts
from vbench.web.schemas import Confirmed, PictureFacts, UploadFacts

PROBE_LIMIT_S, PICTURE_LIMIT_S = 180.0, 30.0
Facts = TypeVar("Facts")
MOST_WAITING = 40
"""Uploads that wait to be looked into, one after another; more are refused before they are taken."""
RETRY = {"retry-after": "60"}
KEPT_S = 24 * 3600.0
"""An upload nobody confirmed is thrown away after this."""
SPARE_BYTES = 2 * 2**30
"""Free space that uploads leave on the disk."""


class Uploads:
    """The files waiting for a person's word, one folder each."""

    def __init__(self, bench: Bench) -> None:
        self._bench, self._sandbox = bench, Sandbox()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="uploads")
        self._n_waiting = 0
        self._sent_as: dict[Path, str] = {}
        """Upload that was not looked into yet → its path in the folder it came from, whose names may tell the tool."""

    @property
    def folder(self) -> Path:
        return page_folder(self._bench) / "uploads"

    async def receive(
        self, name: str, pieces: AsyncIterator[bytes], *, most_bytes: int, suffixes: Sequence[str] = CLIP_SUFFIXES
    ) -> Path:
        """Write an upload to disk as it comes; of no suffixes any is taken, since what it is shows when it is opened.

        Raises:
            OptionError: no kind of clip, too large, or no room.
        """
        self._forget_old()
        sent_as = Path(name.replace("\\", "/"))
        safe = f"{safe_name(sent_as.stem)}{sent_as.suffix.lower()}"
        if suffixes and sent_as.suffix.lower() not in suffixes:
            raise OptionError(f"{safe_name(sent_as.name)!r} is no clip; drop one of {', '.join(suffixes)}")
        place = self.folder / secrets.token_hex(16)
        place.mkdir(parents=True)
        path, taken = place / safe, 0
        try:
            with path.open("wb") as file:
                async for piece in pieces:
                    taken += len(piece)
                    if taken > most_bytes:
                        raise OptionError(
                            f"{safe}: larger than {most_bytes / 1e6:.0f} MB; import a clip with vbench import, save a "
                            "picture smaller"
                        )
                    if shutil.disk_usage(place).free < SPARE_BYTES:
                        raise OptionError(f"{safe}: the disk of the bench is nearly full; free space and drop it again")
                    file.write(piece)
            if not taken:
                raise OptionError(f"{safe}: the file is empty; copy or download it again")
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise
        self._sent_as[path] = name
        return path

    def refuse_many(self) -> None:
        """Refuse an upload before it is taken, where too many wait to be looked into.

        Raises:
            HTTPException: 503.
        """
        if self._n_waiting >= MOST_WAITING:
            raise HTTPException(503, "many clips are being looked into; drop this one in a minute", RETRY)

    async def look_into(self, path: Path) -> UploadFacts:
        """`examine` in its turn, see `_in_turn`."""
        return await self._in_turn(self.examine, path)

    async def take_picture(self, path: Path) -> PictureFacts:
        """`keep_picture` in its turn, see `_in_turn`."""
        return await self._in_turn(self.keep_picture, path)

    async def _in_turn(self, work: Callable[[Path], Facts], path: Path) -> Facts:
        """What is made of an upload, in a thread that nothing else waits for.

        Raises:
            HTTPException: 503, too many came at once; the upload is thrown away.
        """
        try:
            self.refuse_many()
        except HTTPException:
            shutil.rmtree(path.parent, ignore_errors=True)
            raise
        self._n_waiting += 1
        try:
            examined = asyncio.get_running_loop().run_in_executor(self._threads, work, path)
            examined.add_done_callback(self._done)  # not when its visitor has left: it is at work all the same
        except BaseException:
            self._n_waiting -= 1
            raise
        return await asyncio.shield(examined)

    def _done(self, examined: asyncio.Future[Any]) -> None:
        self._n_waiting -= 1
        if not examined.cancelled():
            examined.exception()  # said to its visitor, where there still is one

    def examine(self, path: Path) -> UploadFacts:
        """Probe an upload and guess what it is; one that no player could show is thrown away."""
        sent_as = self._sent_as.pop(path, path.name)
        facts: dict[str, Any] = {"upload": path.parent.name, "file": path.name, "size_bytes": path.stat().st_size}
        try:
            facts_of_file = self._sandbox.call("probe", {"source": str(path)}, limit_s=PROBE_LIMIT_S)
        except ClipError as error:
            shutil.rmtree(path.parent, ignore_errors=True)
            return UploadFacts(**facts, error=str(error).replace(f"{path}", path.name))
        guess = guess_from_name(
            sent_as,
            sorted(self._bench.models()),
            self._bench.prompts(),
            more_models=_catalogue(),
            more_prompts=suite_prompts(),
            metadata=facts_of_file["tags"],
        )
        prompt_id = guess.prompt_id or (slug(guess.prompt) if guess.prompt else "")
        sha256 = sha256_of(path)
        same = self._bench.clip_by_sha(sha256)
        facts |= {"sha256": sha256, "same_as": f"{same.model}, {same.prompt.id}, {same.sample}" if same else ""}
        return UploadFacts(**facts, error="", probe=facts_of_file["probe"], **asdict(guess) | {"prompt_id": prompt_id})

    def keep_picture(self, path: Path) -> PictureFacts:
        """Check an uploaded picture and keep it with the bench; one that no tool could take is thrown away."""
        arguments = {"source": str(path), "folder": str(pictures_folder(self._bench)), "name": path.name}
        try:
            kept = self._sandbox.call("picture", arguments, limit_s=PICTURE_LIMIT_S)
        except ClipError as error:
            return PictureFacts(file=path.name, error=str(error))
        finally:
            shutil.rmtree(path.parent, ignore_errors=True)
        return PictureFacts(file=path.name, error="", **kept)

    def stage(self, confirmed: Sequence[Confirmed], *, score: bool) -> ImportTask:
        """Bring confirmed uploads into one folder with a manifest; the task that imports it.

        Args:
            confirmed: What a person says each file is.
            score: Whether they are measured right after.

        Raises:
            OptionError: an upload is gone, a prompt has no text, or two files claim one place.
        """
        names = [f"{item.model}, prompt {item.prompt_id}, sample {item.sample}" for item in confirmed]
        if len(set(names)) < len(names):
            twice = next(name for name in names if names.count(name) > 1)
            raise OptionError(f"two files for {twice}; number the samples")
        files = [self._file(item.upload) for item in confirmed]
        prompts = self._prompts(confirmed)
        self._bench.add_prompts(prompts)  # with the tags and wishes of its suite, which the lines below do not hold
        name = secrets.token_hex(8)
        folder = folder_to_import(self._bench, name)
        folder.mkdir(parents=True)
        rows = []
        for number, (item, file, prompt) in enumerate(zip(confirmed, files, prompts, strict=True)):
            target = folder / f"{number:03d} {file.name}"
            file.replace(target)
            shutil.rmtree(file.parent, ignore_errors=True)
            row = {"file": target.name, "model": item.model, "prompt_id": prompt.id, "sample": item.sample}
            paid: dict[str, float | str] = {"cost": item.cost} if item.cost is not None else {}
            paid |= {"credits": item.credits} if item.credits else {}
            rows.append(row | paid | {"notes": f"dropped on the page as {file.name}"})
        _write_lines(folder / "manifest.jsonl", rows)
        lines = {prompt.key: {"id": prompt.id, "text": prompt.text} for prompt in prompts}
        _write_lines(folder / "prompts.jsonl", list(lines.values()))
        places = tuple((item.model, prompt.key, item.sample) for item, prompt in zip(confirmed, prompts, strict=True))
        return ImportTask(folder=name, places=places, score=score)

    def _prompts(self, confirmed: Sequence[Confirmed]) -> list[Prompt]:
        """The prompt of each: the bench's, one of a suite, or a new one by its text.

        Raises:
            OptionError: an id is unknown or not unique, and no text was given; or two have one id and other texts.
        """
        known: dict[str, dict[str, Prompt]] = {}
        for prompt in (*suite_prompts(), *self._bench.prompts()):
            known.setdefault(prompt.id, {})[prompt.text] = prompt
        prompts = [_prompt(item, known.get(item.prompt_id, {})) for item in confirmed]
        texts: dict[str, str] = {}
        for prompt in prompts:
            if texts.setdefault(prompt.id, prompt.text) != prompt.text:
                raise OptionError(f"two texts for the prompt {prompt.id!r}; give one of them another id")
        return prompts

    def close(self) -> None:
        """End the process that looks into files."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._sandbox.close()

    def _file(self, upload: str) -> Path:
        files = list((self.folder / upload).glob("*")) if (self.folder / upload).is_dir() else []
        if len(files) != 1:
            raise OptionError("an upload is not there any more; drop the file again")
        return files[0]

    def _forget_old(self) -> None:
        if not self.folder.is_dir():
            return
        for place in self.folder.iterdir():
            if place.stat().st_mtime < time.time() - KEPT_S:
                shutil.rmtree(place, ignore_errors=True)


def _prompt(item: Confirmed, same: Mapping[str, Prompt]) -> Prompt:
    """One prompt, of those that are called so."""
    if item.prompt:
        id = item.prompt_id if same else slug(item.prompt_id)
        return same.get(item.prompt) or Prompt(id=id, text=item.prompt, suite="page")
    if len(same) != 1:
        how_many = "no prompt" if not same else "more than one prompt"
        raise OptionError(f"{how_many} that is known here is called {item.prompt_id!r}; give its text")
    return next(iter(same.values()))


def _catalogue() -> list[str]:
    """Ids of the tools of the catalogue; none where a card of one's own cannot be read, which the tools' list says."""
    try:
        return list(cards())
    except CatalogError:
        return []


def _write_lines(path: Path, rows: list[dict[str, Any]]) -> None:
    write_text(path, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))
