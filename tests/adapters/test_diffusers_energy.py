"""Energy of a GPU by its driver: what is counted is read in watt-hours, and what is not counted is not made up."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from vbench.adapters.diffusers import energy


class Driver:
    """Speaks the three calls of NVML, and fails the one that is named."""

    def __init__(self, millijoules: int = 0, fails: str = "") -> None:
        self.millijoules, self.fails, self.asked = millijoules, fails, b""

    def nvmlInit_v2(self) -> int:
        return int(self.fails == "init")

    def nvmlDeviceGetHandleByUUID(self, name: Any, device: Any) -> int:
        self.asked = name.value
        device._obj.value = 7
        return int(self.fails == "device")

    def nvmlDeviceGetTotalEnergyConsumption(self, device: Any, millijoules: Any) -> int:
        assert device.value == 7
        millijoules._obj.value = self.millijoules
        return 3 if self.fails == "energy" else 0


def test_millijoules_are_read_as_watt_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    driver = Driver(millijoules=5 * 3_600_000)
    monkeypatch.setattr(ctypes, "CDLL", lambda name: driver)
    assert energy.energy_wh("abc-1") == 5
    assert driver.asked == b"GPU-abc-1"
    assert energy.energy_wh("GPU-abc-1") == 5
    assert driver.asked == b"GPU-abc-1"


@pytest.mark.parametrize("fails", ["init", "device", "energy"])
def test_a_driver_that_cannot_tell_gives_nothing(monkeypatch: pytest.MonkeyPatch, fails: str) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda name: Driver(millijoules=9, fails=fails))
    assert energy.energy_wh("abc") is None


def test_neither_does_a_machine_without_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(energy, "LIBRARY", "libno-such-driver.so.9")
    assert energy.energy_wh("abc") is None
    monkeypatch.setattr(ctypes, "CDLL", lambda name: object())
    assert energy.energy_wh("abc") is None
