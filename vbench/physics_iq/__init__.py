"""Physics-IQ: what a tool makes of the first picture of a real experiment, beside two takes of what really happened."""

from __future__ import annotations

from vbench.physics_iq.data import PhysicsData, write_suite
from vbench.physics_iq.run import PhysicsReport, PhysicsRow, Runs, physics_iq

__all__ = ["PhysicsData", "PhysicsReport", "PhysicsRow", "Runs", "physics_iq", "write_suite"]
