"""Which decoder frames come from: a choice of the run, part of every score made from frames, never swapped silently."""

from __future__ import annotations

from typing import Literal, cast, get_args

from vbench.contracts import Settings
from vbench.errors import OptionError

Backend = Literal["pyav", "torchcodec", "nvdec"]
SETTING = "decode.backend"
SETTINGS = {
    SETTING: "what decodes video: pyav, nvdec (torchcodec on the CUDA device of the run) or torchcodec (on the CPU, to "
    "check nvdec against); default pyav",
}


def backend_of(settings: Settings) -> Backend:
    """The chosen decoder.

    Raises:
        OptionError: there is no such decoder.
    """
    chosen = settings.get(SETTING, "pyav")
    if chosen not in get_args(Backend):
        raise OptionError(f"{SETTING} is {chosen!r}; expected {', '.join(get_args(Backend))}")
    return cast("Backend", chosen)


def decode_on(settings: Settings) -> str | None:
    """The device on which torchcodec decodes, `cpu` or `cuda:N`; None: PyAV decodes."""
    return {"pyav": None, "torchcodec": "cpu", "nvdec": settings.device}[backend_of(settings)]


def check_decoder(settings: Settings) -> None:
    """Refuse a decoder that cannot work here, before anything is decoded.

    Raises:
        OptionError: torchcodec or what it stands on is missing, or the run is not on a CUDA device.
    """
    backend = backend_of(settings)
    if backend == "pyav":
        return
    if backend == "nvdec" and settings.device == "cpu":
        raise OptionError(
            f"{SETTING} is nvdec, which decodes on a CUDA device, and the device of this run is cpu; "
            "use --device cuda where there is one, or leave decode.backend out"
        )
    from vbench.video.device_frames import check_torchcodec

    check_torchcodec("cpu" if backend == "torchcodec" else settings.device)
