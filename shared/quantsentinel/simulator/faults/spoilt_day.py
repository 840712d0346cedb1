"""Three failures of real feeds, laid into a simulated day so that the demo shows what the firewall does with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantsentinel.market.snapshot import Snapshot
from quantsentinel.simulator.faults.fault import Fault, Scene
from quantsentinel.simulator.faults.registry import fault


def demo_faults(scene: Scene) -> tuple[tuple[Fault, float], ...]:
    """Zeros with "success", another instrument's prices (a slipped decimal where no other was simulated), a repeat."""
    foreign = (fault("foreign_chain"), 1.0) if scene.foreign else (fault("slipped_chain"), 10.0)
    return (fault("all_zero"), 1.0), foreign, (fault("repeated"), 1.0)


def spoilt(scene: Scene, seed: int) -> tuple[Snapshot, ...]:
    """One snapshot of each fault, spread evenly over the day; fewer where the day is too short."""
    random, chosen = np.random.default_rng(seed), demo_faults(scene)
    clean = scene.snapshots
    for number, (wrong, severity) in enumerate(chosen, 1):
        at = number * len(clean) // (len(chosen) + 1)
        injected = wrong(scene, at, severity, random) if at > 0 else None
        if injected is not None:
            scene = replace(scene, snapshots=injected.snapshots)
    return scene.snapshots
