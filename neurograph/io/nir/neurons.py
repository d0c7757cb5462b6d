"""Which neuron stands for which node of NIR, and back.

Seconds become steps (or another unit of the graph): `seconds` is how long one is. A neuron whose gains are 1, or exactly those
that divide the input by nothing, is the plain LIF; another is its form with a resistance.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.activations.threshold import Threshold
from neurograph.io.nir.model import Array, Node, uniform
from neurograph.io.nir.timing import is_discrete
from neurograph.nodes.cuba import CubaLI, CubaLIF
from neurograph.nodes.point import IF, LIF, LeakyIntegrator
from neurograph.nodes.resistive import Integrator, ResistiveIF, ResistiveLI, ResistiveLIF
from neurograph.spec import Neuron

_DIGITS = 12  # of what was in seconds: 0.01 s are 10 steps of 0.001 s, not 10.000000000000002


def in_units(values: Array, seconds: float) -> Array:
    """Times in seconds as times in units of `seconds`, without the noise of a division."""
    out = np.asarray(values / seconds)
    if seconds == 1.0:
        return out
    flat = out.reshape(-1)
    different, which = np.unique(flat, return_inverse=True)
    short = np.array([float(f"{v:.{_DIGITS}g}") for v in different.tolist()])
    return short[which].reshape(out.shape)


def neuron_of(node: Node, dt: float, seconds: float, scheme: str, start: str) -> Neuron:
    """The neuron of a node. dt is in seconds, `scheme` "euler" or "exact", `start` "zero" or "rest"."""
    p, discrete = node.params, False
    args: dict[str, Any] = {}
    for name in ("tau", "tau_syn", "tau_mem"):
        if name in p:
            args[name] = uniform(in_units(p[name], seconds))
    for name, ours in (
        ("v_threshold", "threshold"),
        ("threshold", "threshold"),
        ("v_reset", "v_reset"),
        ("v_leak", "v_rest"),
    ):
        if name in p:
            args[ours] = uniform(p[name])
    for name in ("r", "w_in"):
        if name in p:
            args[name] = uniform(p[name])
    if node.kind in ("I", "IF"):  # their gain is per second
        args["r"] = uniform(in_units(p["r"], 1.0 / seconds))
    elif node.kind != "Threshold":
        discrete = is_discrete(node, dt)
        args["integration"] = scheme
        if start == "zero" and np.any(p["v_leak"] != 0):
            args["v"] = 0.0
    if "threshold" in args and node.kind != "Threshold":
        args["reset"] = "hard"
    plain = _is(args.get("r"), 1.0)
    if node.kind == "Threshold":
        return Threshold(**args)
    if node.kind == "I":
        return Integrator(**args)
    if node.kind == "IF":
        return IF(**_without(args, "r")) if plain else ResistiveIF(**args)
    if node.kind == "LIF":
        if plain:
            return LIF(**_without(args, "r"))
        if discrete and scheme == "euler":
            return LIF(**_without(args, "r"), decay_input=False)
        return ResistiveLIF(**args)
    if node.kind == "LI":
        bare = plain and scheme == "euler" and _is(args["v_rest"], 0.0)
        return LeakyIntegrator(tau=args["tau"]) if bare else ResistiveLI(**args)
    cls = CubaLI if node.kind == "CubaLI" else CubaLIF
    return cls(**_without(args, "r", "w_in"), decay_input=False) if discrete else cls(**args)


def _is(value: Any, number: float) -> bool:
    return isinstance(value, float) and value == number


def _without(args: dict[str, Any], *names: str) -> dict[str, Any]:
    return {n: v for n, v in args.items() if n not in names}
