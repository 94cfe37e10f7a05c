"""vbench in ComfyUI: nodes that send a result with its graph to a bench and open it beside the other takes."""

from .nodes import VBenchSendImages, VBenchSendVideo

NODE_CLASS_MAPPINGS = {"VBenchSendVideo": VBenchSendVideo, "VBenchSendImages": VBenchSendImages}
NODE_DISPLAY_NAME_MAPPINGS = {
    "VBenchSendVideo": "Send video to vbench",
    "VBenchSendImages": "Send images to vbench",
}
WEB_DIRECTORY = "./web"

__all__ = ["NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS", "WEB_DIRECTORY"]
