"""Detectors that look for any noun in a picture: OWLv2 and Grounding DINO, through transformers.

OWLv2: Minderer et al. 2023, arXiv:2306.09683. Grounding DINO: Liu et al. 2023, arXiv:2303.05499. Both Apache-2.0.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from vbench.contracts import Bytes, Detection, Settings
from vbench.errors import WeightsError
from vbench.features.weights import HubModel, load_transformers
from vbench.text import first_line

OWL = HubModel(
    setting="owl.model",
    repo="google/owlv2-base-patch16-ensemble",
    revision=None,
    size_mb=620,
    licence="Apache-2.0",
    holds="OWLv2 weights and processor",
)
GROUNDING = HubModel(
    setting="grounding.model",
    repo="IDEA-Research/grounding-dino-tiny",
    revision=None,
    size_mb=690,
    licence="Apache-2.0",
    holds="Grounding DINO weights and processor",
)
LEAST = 0.05
"""Scores below this are forgotten; what they mean is for whoever asks to say."""


class OpenVocabularyDetector:
    """A zero-shot detector of transformers as a `contracts.Detector`.

    Args:
        model: Which.
        kind: Class of transformers that it is.
        settings: Where its weights are, and the device.

    Raises:
        WeightsError: they are missing, or of another model.
    """

    def __init__(self, model: HubModel, kind: str, settings: Settings) -> None:
        self._kind, self._settings = kind, settings
        self.identity = f"{kind} {model.identity(settings)}"
        folder = model.require(settings)
        self._model = load_transformers(kind, folder, settings)
        self._processor = _processor(folder)

    def knows(self, label: str) -> bool:
        """Any noun."""
        return bool(label.strip())

    def detect(self, frames: Bytes, labels: Sequence[str]) -> list[list[Detection]]:
        """As `contracts.Detector`, one picture at a time."""
        import torch

        found = []
        for pixels in frames:
            height, width = pixels.shape[:2]
            inputs = self._processor(images=pixels, text=[self._queries(labels)], return_tensors="pt", padding=True)
            inputs = inputs.to(self._settings.device)
            with torch.inference_mode():
                outputs = self._model(**inputs)
            (result,) = self._boxes(outputs, inputs, (height, width))
            found.append(self._detections(result, labels, (height, width)))
        return found

    def _queries(self, labels: Sequence[str]) -> Any:
        """Grounding DINO wants phrases that end in a full stop, in one text."""
        if self._kind.startswith("Grounding"):
            return " ".join(f"{label.lower()}." for label in labels)
        return [f"a photo of a {label}" for label in labels]

    def _boxes(self, outputs: Any, inputs: Any, size: tuple[int, int]) -> Any:
        if self._kind.startswith("Grounding"):
            return self._processor.post_process_grounded_object_detection(
                outputs, inputs["input_ids"], threshold=LEAST, text_threshold=LEAST, target_sizes=[size]
            )
        return self._processor.post_process_grounded_object_detection(outputs, threshold=LEAST, target_sizes=[size])

    def _detections(self, result: Any, labels: Sequence[str], size: tuple[int, int]) -> list[Detection]:
        height, width = size
        named = result.get("text_labels") if self._kind.startswith("Grounding") else None
        numbers = result["labels"] if named is None else named
        detections = []
        for score, number, box in zip(result["scores"], numbers, result["boxes"], strict=True):
            label = self._label(number, labels)
            left, top, right, bottom = (float(side) for side in box)
            shares = (left / width, top / height, right / width, bottom / height)
            inside = tuple(min(1.0, max(0.0, side)) for side in shares)
            if label and inside[0] < inside[2] and inside[1] < inside[3]:
                detections.append(Detection(label, float(score), (inside[0], inside[1], inside[2], inside[3])))
        return sorted(detections, key=lambda detection: -detection.score)

    def _label(self, number: Any, labels: Sequence[str]) -> str:
        """The word that was asked for: by its number, or by the phrase that Grounding DINO read out of the text."""
        if not isinstance(number, str):
            return labels[int(number)]
        return next((label for label in labels if label.lower() in number or (number and number in label.lower())), "")


def owl(settings: Settings) -> OpenVocabularyDetector:
    """OWLv2."""
    return OpenVocabularyDetector(OWL, "Owlv2ForObjectDetection", settings)


def grounding_dino(settings: Settings) -> OpenVocabularyDetector:
    """Grounding DINO."""
    return OpenVocabularyDetector(GROUNDING, "GroundingDinoForObjectDetection", settings)


def _processor(folder: Any) -> Any:
    import transformers

    try:
        return transformers.AutoProcessor.from_pretrained(folder, local_files_only=True)
    except Exception as error:
        raise WeightsError(f"{folder}: has no processor that can be read ({first_line(error)}); get it again") from None
