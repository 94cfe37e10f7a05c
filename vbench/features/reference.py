"""How steady a reference set of clips is: lines fitted by `vbench calibrate`, chosen by embeddings and flow."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from vbench.contracts import Feature, FileFeature, Reference, Settings, SourceFile
from vbench.errors import MetricError, OptionError
from vbench.features.appearance import AppearanceFeature
from vbench.features.dino import DinoFeature
from vbench.features.flow import flow_feature
from vbench.records import digest

SETTING = "gated.reference"
OWN = "real"
"""Names the package's own lines in place of a file."""


class AppearanceReference(FileFeature):
    """`contracts.Reference` for colours and edges, or None where none is asked for."""

    name = "appearance_reference"
    known_settings = {  # noqa: RUF012
        SETTING: f"lines for *_gated: a file of `vbench calibrate`, or {OWN}, the package's own; default none"
    }
    embeddings: ClassVar[type[Feature]] = AppearanceFeature

    def __init__(self, settings: Settings) -> None:
        super().__init__(settings)
        self._wanted = {
            feature.name: dict(feature.params()) for feature in (self.embeddings(settings), flow_feature(settings))
        }
        self._asked = settings.get(SETTING, "")
        entries = read_references(self._asked) if self._asked else []
        self._entry = next((entry for entry in entries if _is_for(entry["params"], self._wanted)), None)

    def params(self) -> dict[str, Any]:
        if not self._asked:
            return {}
        return {"reference": digest(self._entry) if self._entry is not None else "none"}

    def read(self, source: SourceFile) -> Reference | None:
        """The lines; they do not depend on the clip."""
        if not self._asked:
            return None
        if self._entry is None:
            raise MetricError(
                f"{SETTING}={self._asked} has no lines for {' and '.join(self._wanted)} as they are set; fit them "
                "with `vbench calibrate` on a bench scored this way",
                code="not_applicable",
            )
        return Reference(
            slope=float(self._entry["slope"]),
            shares=np.array(self._entry["shares"], np.float64),
            intercepts=np.array(self._entry["intercepts"], np.float64),
        )


class DinoReference(AppearanceReference):
    """`contracts.Reference` for DINOv2, or None where none is asked for."""

    name = "dino_reference"
    embeddings = DinoFeature


def read_references(asked: str) -> list[Mapping[str, Any]]:
    """The entries of a file, or the package's own.

    Raises:
        OptionError: the file is not one that `vbench calibrate` wrote.
    """
    file = files("vbench.features") / "gated_reference.json" if asked == OWN else Path(asked)
    try:
        entries = json.loads(file.read_text(encoding="utf-8"))["references"]
        for entry in entries:
            lines = [float(value) for value in entry["intercepts"]]
            if not entry["params"] or len(lines) != len(entry["shares"]) or lines != sorted(lines):
                raise ValueError("lines do not belong together")
            float(entry["slope"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OptionError(f"{SETTING}: {file} is no file of `vbench calibrate` ({error}); fit it again") from None
    return list(entries)


def _is_for(given: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Same embeddings and flow; bf16 and fp32 give the same percentile."""
    return _without_precision(given) == _without_precision(wanted)


def _without_precision(params: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: {key: value for key, value in values.items() if key != "precision"} for name, values in params.items()
    }
