"""Networks in ONNX files, run by OpenCV beside the decoder: where the files come from, and how they are opened."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import cv2

from vbench.contracts import Settings, Weights
from vbench.errors import WeightsError
from vbench.features.weights import hub_cache, identity_of
from vbench.files import home_expanded
from vbench.text import first_line


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedFile:
    """A file that is published at an address and known by its digest."""

    setting: str
    """`--set` name that points to a copy."""
    name: str
    url: str
    sha256: str
    size_mb: int
    licence: str
    holds: str

    @property
    def about(self) -> str:
        """What the setting means and its default."""
        return f"file of {self.holds}; default {self.name} ({self.licence})"

    def path(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: nowhere.

        Raises:
            WeightsError: the given path is no file.
        """
        if given := settings.get(self.setting, ""):
            return given_file(self.setting, given, self.holds)
        cached = hub_cache() / self.name
        return cached if cached.is_file() else None

    def weights(self, settings: Settings) -> Weights:
        """For the plan: is it there, and which one is it."""
        path = self.path(settings)
        return Weights(
            name=str(path) if settings.get(self.setting, "") else self.name,
            setting=self.setting,
            size_mb=self.size_mb,
            licence=self.licence,
            present=path is not None,
            revision=self.identity(settings),
            optional=True,
        )

    def identity(self, settings: Settings) -> str:
        """`sha256:...` of a given copy, else of the published file."""
        path = self.path(settings) if settings.get(self.setting, "") else None
        return identity_of(path) if path is not None else f"sha256:{self.sha256[:16]}"

    def require(self, settings: Settings) -> Path:
        """The file; fetched where it is not there, and kept only if its digest is the published one.

        Raises:
            WeightsError: it is not there and cannot be had.
        """
        path = self.path(settings)
        if path is not None:
            return path
        import httpx

        target = hub_cache() / self.name
        part = target.with_name(f"{target.name}.{os.getpid()}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            digest = hashlib.sha256()
            with part.open("wb") as file, httpx.stream("GET", self.url, follow_redirects=True, timeout=30) as answer:
                answer.raise_for_status()
                for piece in answer.iter_bytes():
                    digest.update(piece)
                    file.write(piece)
            if digest.hexdigest() != self.sha256:
                raise WeightsError(
                    f"{self.url}: what was sent has the digest {digest.hexdigest()[:16]}, expected {self.sha256[:16]}; "
                    f"give a copy with --set {self.setting}=PATH"
                )
            part.replace(target)
        except (OSError, httpx.HTTPError) as error:
            raise WeightsError(
                f"{self.name} (about {self.size_mb} MB) is not on this machine and cannot be downloaded: "
                f"{first_line(error, 160)}; give a copy with --set {self.setting}=PATH"
            ) from None
        finally:
            part.unlink(missing_ok=True)
        return target


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedFile:
    """A file that comes along inside a Python package."""

    setting: str
    """`--set` name that points to a folder which holds it, instead of the package."""
    package: str
    """As it is imported; it is looked into and never run."""
    name: str
    """Path inside the package."""
    extra: str
    """Of this distribution, which installs the package."""
    size_mb: int
    licence: str

    @property
    def about(self) -> str:
        """What the setting means and its default."""
        return f"folder of {Path(self.name).name}; default inside the package {self.package} ({self.licence})"

    def path(self, settings: Settings) -> Path | None:
        """Where it lies on this machine; None: the package is not installed.

        Raises:
            WeightsError: the given folder does not hold it.
        """
        if given := settings.get(self.setting, ""):
            return given_file(self.setting, str(Path(given) / Path(self.name).name), Path(self.name).name)
        spec = find_spec(self.package)
        folders = spec.submodule_search_locations if spec is not None else None
        path = Path(next(iter(folders))) / self.name if folders else None
        return path if path is not None and path.is_file() else None

    def weights(self, settings: Settings) -> Weights:
        """For the plan: is it there, and which one is it."""
        path = self.path(settings)
        return Weights(
            name=f"{self.package}/{self.name}",
            setting=self.setting,
            size_mb=self.size_mb,
            licence=self.licence,
            present=path is not None,
            revision=identity_of(path) if path is not None else "",
            optional=True,
            by_hand=self._by_hand,
        )

    @property
    def _by_hand(self) -> str:
        return f"pip install 'vbench-studio[{self.extra}]'"

    def identity(self, settings: Settings) -> str:
        """`sha256:...` of the file."""
        return identity_of(self.require(settings))

    def require(self, settings: Settings) -> Path:
        """The file.

        Raises:
            WeightsError: the package is not installed.
        """
        path = self.path(settings)
        if path is None:
            raise WeightsError(
                f"{Path(self.name).name} is not on this machine: it comes with the package {self.package}; "
                f"{self._by_hand}"
            )
        return path


def given_file(setting: str, given: str, holds: str) -> Path:
    """The file that a setting points to.

    Raises:
        WeightsError: there is none.
    """
    path = home_expanded(given)
    if not path.is_file():
        raise WeightsError(f"{setting} is {given}, which is no file; expected {holds}")
    return path


def open_net(path: Path, holds: str) -> Any:
    """A network in a file, as OpenCV's `cv2.dnn.Net`.

    Raises:
        WeightsError: the file is cut off, or no ONNX.
    """
    try:
        with quiet():
            return cv2.dnn.readNetFromONNX(str(path))
    except cv2.error as error:
        raise unfit(path, holds, error) from None


def run_net(net: Any, pixels: Any, path: Path, holds: str) -> Any:
    """What a network says, float32.

    Raises:
        WeightsError: it does not take such an input: it is a network of another shape.
    """
    try:
        net.setInput(pixels)
        return net.forward()
    except cv2.error as error:
        raise unfit(path, holds, error) from None


def unfit(path: Path, holds: str, why: Exception | str) -> WeightsError:
    """The error for a file that is not what it should be."""
    return WeightsError(f"{path}: not {holds} ({first_line(why, 120)}); expected {holds}, get the file again")


class quiet:
    """OpenCV's own warnings about a file are left out: what matters of them is in the error."""

    def __enter__(self) -> None:
        self._level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

    def __exit__(self, *_: object) -> None:
        cv2.utils.logging.setLogLevel(self._level)
