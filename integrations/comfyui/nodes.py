"""The nodes: a VIDEO, or a batch of images and its rate, goes to a bench as one take of a prompt."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

from .bench import Bench

DEFAULT_BENCH = "http://127.0.0.1:7860"
MOST_SAMPLES = 9999
NEXT_FREE = -1


def _text(told: str, default: str = "", *, multiline: bool = False) -> tuple[str, dict[str, Any]]:
    return "STRING", {"default": default, "multiline": multiline, "tooltip": told}


def _inputs(what: Mapping[str, Any]) -> dict[str, Any]:
    which = {"default": NEXT_FREE, "min": NEXT_FREE, "max": MOST_SAMPLES, "tooltip": "Number of the take; -1: the next"}
    return {
        "required": {
            **what,
            "bench": _text("Address of a bench's page, or its folder on this machine", DEFAULT_BENCH),
            "tool": _text("What made it, such as wan-2.2 or wan-2.2@my-lora"),
            "prompt": _text("What was asked for, word for word", multiline=True),
        },
        "optional": {
            "prompt_id": _text("Id of the prompt; empty: the one it has in the bench, or one made of its words"),
            "sample": ("INT", which),
            "score": ("BOOLEAN", {"default": False, "tooltip": "Measure it right after"}),
            "open_page": ("BOOLEAN", {"default": True, "tooltip": "Open the compare page when it is there"}),
        },
        "hidden": {"graph": "PROMPT", "extra_pnginfo": "EXTRA_PNGINFO"},
    }


def _metadata(graph: Any, extra_pnginfo: Any) -> dict[str, Any]:
    """The graph as ComfyUI's own nodes write it, so that the file can be dropped on ComfyUI again."""
    return {**({"prompt": graph} if graph is not None else {}), **(extra_pnginfo or {})}


class _Send:
    """What both nodes are to ComfyUI."""

    CATEGORY = "vbench"
    FUNCTION = "send"
    OUTPUT_NODE = True
    RETURN_TYPES = ("STRING",)
    RETURN_NAMES = ("compare_url",)

    @classmethod
    def VALIDATE_INPUTS(cls, bench: str, tool: str, prompt: str) -> bool | str:
        """True, or what is wrong, before anything is made; an input that comes over a link is None here."""
        for name, value in (("bench", bench), ("tool", tool), ("prompt", prompt)):
            if value is not None and not value.strip():
                return f"{name} is empty; vbench needs the bench, the tool that made the take, and its prompt"
        return True

    def _sent(self, file: Path, wish: Mapping[str, Any]) -> dict[str, Any]:
        take = Bench.at(wish["bench"]).add(
            file,
            tool=wish["tool"].strip(),
            prompt=wish["prompt"].strip(),
            prompt_id=wish.get("prompt_id", "").strip(),
            sample=wish.get("sample", NEXT_FREE),
            score=wish.get("score", False),
        )
        shown = {"compare_url": [take.compare_url], "open_page": [wish.get("open_page", True)], "text": [take.told]}
        return {"ui": shown, "result": (take.compare_url,)}


class VBenchSendVideo(_Send):
    """Send a VIDEO as it is: nothing is encoded again where its codec allows that."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """What the node takes."""
        return _inputs({"video": ("VIDEO",)})

    def send(self, video: Any, graph: Any = None, extra_pnginfo: Any = None, **wish: Any) -> dict[str, Any]:
        """Send it; the address of the page that shows it beside the other takes of its prompt."""
        with tempfile.TemporaryDirectory(prefix="vbench-comfyui-") as folder:
            file = Path(folder) / "comfyui.mp4"
            video.save_to(str(file), metadata=_metadata(graph, extra_pnginfo))
            return self._sent(file, wish)


class VBenchSendImages(_Send):
    """Send a batch of images as a clip: H.264 at a high quality, its pixels as little changed as that allows."""

    @classmethod
    def INPUT_TYPES(cls) -> dict[str, Any]:
        """What the node takes."""
        rate = ("FLOAT", {"default": 24.0, "min": 1.0, "max": 240.0, "step": 0.001, "tooltip": "Images a second"})
        return _inputs({"images": ("IMAGE",), "fps": rate})

    def send(
        self, images: Any, fps: float, graph: Any = None, extra_pnginfo: Any = None, **wish: Any
    ) -> dict[str, Any]:
        """Send it; the address of the page that shows it beside the other takes of its prompt.

        Args:
            images: IMAGE, float (n, height, width, 3) in 0 to 1.
            fps: Images a second.
            graph: The graph that made it.
            extra_pnginfo: The workflow, as ComfyUI keeps it.
            wish: The other inputs.
        """
        with tempfile.TemporaryDirectory(prefix="vbench-comfyui-") as folder:
            file = Path(folder) / "comfyui.mp4"
            write_clip(images, fps, file, metadata=_metadata(graph, extra_pnginfo))
            return self._sent(file, wish)


def write_clip(images: Any, fps: float, file: Path, *, metadata: Mapping[str, Any]) -> None:
    """Encode a batch of images, with texts that players leave alone.

    Args:
        images: IMAGE, float (n, height, width, 3) in 0 to 1.
        fps: Images a second.
        file: An MP4.
        metadata: Name → what is written as JSON.

    Raises:
        ValueError: no image, or a rate that is none.
    """
    import av  # ComfyUI brings it

    if not len(images):
        raise ValueError("the batch holds no image; connect the node to frames")
    if not (math.isfinite(fps) and fps > 0):
        raise ValueError(f"fps is {fps}; give images a second, such as 24")
    height, width = images.shape[1] // 2 * 2, images.shape[2] // 2 * 2  # what 4:2:0 can hold
    with av.open(str(file), "w", options={"movflags": "use_metadata_tags"}) as container:
        for name, value in metadata.items():
            container.metadata[name] = json.dumps(value)
        stream = container.add_stream("h264", rate=Fraction(fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.options = {"crf": "12"}
        for image in images:
            pixels = (image[:height, :width, :3] * 255).round().clip(0, 255)
            pixels = pixels.cpu().numpy() if hasattr(pixels, "cpu") else pixels
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels.astype("uint8"), format="rgb24")))
        container.mux(stream.encode(None))
