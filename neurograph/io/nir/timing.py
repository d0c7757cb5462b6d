"""What the step length of a NIR file is: given, written by our exporter, or hidden in the gains of the discrete dialect.

NIR has no dt. In the continuous dialect r and w_in are physics and the reader chooses dt; in the discrete dialect they hold it,
r = tau/dt and w_in = tau_syn/dt, so that a step of Euler's rule is v = (1 - dt/tau) v + x.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from neurograph.errors import FormatError
from neurograph.io.nir.flat import Flat
from neurograph.io.nir.model import Array, Node

PRODUCER = "neurograph"
CLOSE = 1e-5  # relative: gains are often float32
_TIMED = {"I", "LI", "IF", "LIF", "CubaLI", "CubaLIF", "Delay"}


def step_length(net: Flat, dt: float | None, cyclic: bool, where: str) -> tuple[float, str]:
    """dt in seconds, and where it is from. Raises FormatError where a file does not say and nobody else does."""
    if dt is not None:
        if isinstance(dt, bool) or not isinstance(dt, int | float) or not (math.isfinite(dt) and dt > 0):
            raise FormatError(f"from_nir(dt={dt!r}): the step length is a finite number above 0, in seconds")
        return float(dt), "given"
    if str(net.metadata.get("producer", "")).startswith(PRODUCER):
        held = np.asarray(net.metadata.get("dt", 0.0))
        if held.dtype.kind in "fiu" and held.size == 1 and math.isfinite(float(held.reshape(-1)[0])):
            value = float(held.reshape(-1)[0])
            if value > 0:
                return value, "metadata"
    found = _hidden(net)
    if found is not None:
        return found, "gains"
    if not cyclic and not any(node.kind in _TIMED for node in net.nodes.values()):
        return 1.0, "nothing depends on it"
    raise FormatError(
        f"{where}: the step length is not known. NIR has no dt, and the gains do not agree on one (r = tau/dt in every LIF "
        "and LI, with w_in = tau_syn/dt in every CubaLIF and CubaLI). Pass dt= in seconds: 1e-4 for files of snnTorch and "
        "SpikingJelly, 1e-3 for those of Norse, unless they were made otherwise"
    )


def _hidden(net: Flat) -> float | None:
    """The one dt = tau/r of all neurons, where gains were meant to hold it: some r must differ from 1."""
    steps: list[Array] = []
    gains: list[Array] = []
    for node in net.nodes.values():
        p: dict[str, Any] = node.params
        for tau, gain in (("tau", "r"), ("tau_mem", "r"), ("tau_syn", "w_in")):
            if tau in p:
                if not np.all(p[gain] > 0):
                    return None
                steps.append((p[tau] / p[gain]).reshape(-1))
                gains.append(np.broadcast_to(p[gain], np.broadcast_shapes(p[gain].shape, p[tau].shape)).reshape(-1))
    if not steps:
        return None
    found, held = np.concatenate(steps), np.concatenate(gains)
    if not found.size or np.all(held == 1.0):
        return None
    middle = float(np.median(found))
    if not math.isfinite(middle) or not np.all(np.abs(found - middle) <= CLOSE * middle):
        return None
    short = float(f"{middle:.6g}")  # what was meant, before it was rounded to float32
    return short if short > 0 else None


def is_discrete(node: Node, dt: float) -> bool:
    """Whether the gains of a neuron are those of the discrete dialect at this step length."""
    p: dict[str, Any] = node.params
    pairs = [("tau", "r")] if "tau" in p else [("tau_mem", "r"), ("tau_syn", "w_in")]
    return all(bool(np.all(np.abs(p[gain] * dt - p[tau]) <= CLOSE * p[tau])) for tau, gain in pairs)
