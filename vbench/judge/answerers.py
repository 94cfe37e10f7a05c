"""Which detectors and readers there are, by name; imported when used, so that a list of them loads no model."""

from __future__ import annotations

from vbench.registry import Registry

ANSWERERS = Registry(
    "vbench.answerers",
    "answerer",
    {
        "ppocr": "vbench.judge.letters:WritingAnswerer",
        "whisper": "vbench.judge.speech:SpeechAnswerer",
        "owlv2": "vbench.judge.detection:owl_answerer",
        "grounding-dino": "vbench.judge.detection:grounding_answerer",
        "coco": "vbench.judge.detection:coco_answerer",
    },
)
"""Name → what makes the answerer from `contracts.Settings`; plug-ins use the entry point `vbench.answerers`."""
