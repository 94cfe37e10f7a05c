"""What a GPU has drawn, as its driver counts it."""

from __future__ import annotations

import ctypes
from typing import Any

LIBRARY = "libnvidia-ml.so.1"


def energy_wh(uuid: str) -> float | None:
    """Energy that a GPU has drawn since its driver was loaded; the difference of two is that of what lies between.

    Of the whole board: what others run on it at the time is in it.

    Args:
        uuid: Of the device, as torch gives it.

    Returns:
        Watt-hours; None where the driver does not count (cards before Volta) or is not NVIDIA's.
    """
    try:
        nvml: Any = ctypes.CDLL(LIBRARY)
    except OSError:
        return None
    device, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    name = ctypes.c_char_p(f"GPU-{uuid.removeprefix('GPU-')}".encode())
    try:
        if (
            nvml.nvmlInit_v2()
            or nvml.nvmlDeviceGetHandleByUUID(name, ctypes.byref(device))
            or nvml.nvmlDeviceGetTotalEnergyConsumption(device, ctypes.byref(millijoules))
        ):
            return None
    except AttributeError:  # a driver from before the call
        return None
    return millijoules.value / 3.6e6
