"""One module or package per kind of tool; each turns (prompt, seed, wish list) into a video file.

`contract` says what an adapter is, `readiness` what a tool lacks here. Adapters of hosted tools share `wire` (at most
one POST), `response`, `download`, `templates` and `secrets`; those of this machine share `program` and `values`.
"""

from __future__ import annotations

from vbench.adapters.contract import Adapter
from vbench.errors import OptionError
from vbench.registry import Registry

__all__ = ["ADAPTERS", "Adapter", "adapter_class", "works_here"]

ADAPTERS = Registry(
    "vbench.adapters",
    "adapter",
    {
        "synthetic": "vbench.adapters.synthetic:SyntheticAdapter",
        "animate": "vbench.adapters.animate:AnimateAdapter",
        "diffusers": "vbench.adapters.diffusers.adapter:DiffusersAdapter",
        "http": "vbench.adapters.http.adapter:HttpAdapter",
        "openai_videos": "vbench.adapters.openai_videos:OpenAIVideosAdapter",
        "openrouter": "vbench.adapters.openrouter:OpenRouterAdapter",
        "gemini": "vbench.adapters.gemini:GeminiAdapter",
        "vertex": "vbench.adapters.vertex:VertexAdapter",
        "comfyui": "vbench.adapters.comfyui.adapter:ComfyUIAdapter",
        "command": "vbench.adapters.command:CommandAdapter",
    },
)


def adapter_class(name: str) -> type[Adapter]:
    """The adapter that cards call `name`.

    Raises:
        OptionError: there is none of that name, or what an installed package registers under it is no adapter.
    """
    kind = ADAPTERS[name]
    if not (isinstance(kind, type) and issubclass(kind, Adapter)):
        raise OptionError(
            f"adapter {name!r} is {kind!r}, which is not derived from vbench.adapters.Adapter; "
            "update or uninstall the package that registers it"
        )
    return kind


def works_here(name: str) -> bool:
    """Whether an adapter's work is done on this machine; False too where no adapter of that name is installed."""
    return name in ADAPTERS and adapter_class(name).is_local
