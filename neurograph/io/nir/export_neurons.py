"""What a population is in NIR: the inverse of neurons.py, and the same for the neurons that NIR has under another name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from neurograph.activations.threshold import Threshold
from neurograph.graph import Population
from neurograph.io.nir.losses import Losses
from neurograph.io.nir.model import Array, Node, Sizes
from neurograph.nodes.cuba import CubaLI, CubaLIF
from neurograph.nodes.point import IF, LIF, PLIF, LeakyIntegrator
from neurograph.nodes.resistive import Integrator, ResistiveIF, ResistiveLI, ResistiveLIF
from neurograph.spec import Learnable, Neuron

Values = dict[str, Array]


@dataclass(frozen=True)
class Clock:
    """dt: the step in the graph's unit of time. seconds: how long that unit is."""

    dt: float
    seconds: float


def values_of(population: Population, shape: Sizes) -> Values:
    """Every parameter as a full array."""
    neuron = population.neuron
    shapes = neuron.check_shapes(shape, f"population {population.name!r} ({population.at})")
    out = {}
    for name, value in neuron.params.items():
        array = np.asarray(value.value if isinstance(value, Learnable) else value, np.float64)
        spread = array.reshape(shapes[name]) if array.size > 1 else array.reshape(())
        out[name] = np.array(np.broadcast_to(spread, shape))
    return out


def node_of(population: Population, shape: Sizes, clock: Clock, losses: Losses) -> Node | None:
    """The node of a population; None where NIR has no such neuron."""
    element = f"population {population.name!r} ({population.neuron!r})"
    make = _NODES.get(type(population.neuron))
    if make is None:
        known = ", ".join(c.__name__ for c in _NODES)
        losses.refuse(element, f"NIR has no such neuron; it has {known}")
        return None
    p = values_of(population, shape)
    _check_options(population.neuron, element, losses)
    return make(population.neuron, p, clock)


def start_of(neuron: Neuron, element: str, losses: Losses) -> str | None:
    """Where the potential begins: "zero", "rest", None where both are one."""
    for name, value in neuron.initial.items():
        if name != "v" and not _zero(value):
            losses.lose(element, f"it starts with {name}={value!r}; NIR has no initial state")
    if "v" not in neuron.initial:
        return None
    rest, start = neuron.params.get("v_rest", 0.0), neuron.initial["v"]
    if _zero(rest.value if isinstance(rest, Learnable) else rest):
        if start != "v_rest" and not _zero(start):
            losses.lose(element, f"it starts with v={start!r}; NIR has no initial state")
        return None
    if isinstance(start, str) and start == "v_rest":
        return "rest"
    if not _zero(start):
        losses.lose(element, f"it starts with v={start!r}; NIR has no initial state")
    return "zero"


def scheme_of(neuron: Neuron) -> str | None:
    """The rule of integration, where the neuron has one."""
    if isinstance(neuron, PLIF | LeakyIntegrator):
        return "euler"
    return neuron.options.get("integration")


def _zero(value: Any) -> bool:
    return isinstance(value, int | float | np.ndarray) and not np.any(np.asarray(value))


def _check_options(neuron: Neuron, element: str, losses: Losses) -> None:
    reset = neuron.options.get("reset", "hard")
    if reset != "hard":
        what = "soft reset (minus threshold)" if reset == "soft" else "spikes without reset"
        losses.lose(element, f"{what}; NIR resets to v_reset")
    surrogate = neuron.options.get("surrogate")
    if surrogate is not None and not getattr(surrogate, "strict", True):
        losses.lose(element, "it fires at V >= threshold; NIR fires above it")


def _threshold(neuron: Neuron, p: Values) -> Values:
    theta = p["threshold"]
    if neuron.options.get("threshold_of") == "sigmoid":
        theta = 1.0 / (1.0 + np.exp(-theta))
    # a reset by subtraction is lost, and from v_reset nothing is missed then
    return {"v_threshold": theta, "v_reset": p["v_reset"]}


def _if(neuron: Neuron, p: Values, clock: Clock) -> Node:
    r = p.get("r", np.ones_like(p["threshold"])) / clock.seconds
    return Node("IF", {"r": r, **_threshold(neuron, p)})


def _i(neuron: Neuron, p: Values, clock: Clock) -> Node:
    return Node("I", {"r": p["r"] / clock.seconds})


def _leaky(neuron: Neuron, p: Values, clock: Clock) -> Values:
    if isinstance(neuron, PLIF):
        tau = 1.0 + np.exp(-p["w"])  # 1 / sigmoid(w)
    else:
        tau = p["tau"]
    r = p.get("r", np.ones_like(tau))
    if not neuron.options.get("decay_input", True):
        # Euler adds x as it is; the exact form adds it for a unit of time
        r = r * tau / (clock.dt if scheme_of(neuron) == "euler" else 1.0)
    return {"tau": tau * clock.seconds, "r": r, "v_leak": p.get("v_rest", np.zeros_like(tau))}


def _lif(neuron: Neuron, p: Values, clock: Clock) -> Node:
    return Node("LIF", {**_leaky(neuron, p, clock), **_threshold(neuron, p)})


def _li(neuron: Neuron, p: Values, clock: Clock) -> Node:
    return Node("LI", _leaky(neuron, p, clock))


def _cuba(neuron: Neuron, p: Values, clock: Clock) -> Node:
    r, w_in = p["r"], p["w_in"]
    if not neuron.options["decay_input"]:
        r, w_in = r * p["tau_mem"] / clock.dt, w_in * p["tau_syn"] / clock.dt
    taus = {n: p[n] * clock.seconds for n in ("tau_syn", "tau_mem")}
    held = {**taus, "r": r, "v_leak": p["v_rest"], "w_in": w_in}
    if isinstance(neuron, CubaLI):
        return Node("CubaLI", held)
    return Node("CubaLIF", {**held, **_threshold(neuron, p)})


def _compare(neuron: Neuron, p: Values, clock: Clock) -> Node:
    return Node("Threshold", {"threshold": p["threshold"]})


_NODES: dict[type[Neuron], Callable[[Neuron, Values, Clock], Node]] = {
    IF: _if,
    LIF: _lif,
    PLIF: _lif,
    LeakyIntegrator: _li,
    Integrator: _i,
    ResistiveIF: _if,
    ResistiveLI: _li,
    ResistiveLIF: _lif,
    CubaLI: _cuba,
    CubaLIF: _cuba,
    Threshold: _compare,
}


def in_steps(node: Node, dt: float) -> tuple[Node, Array | None]:
    """The node with gains of the discrete dialect, r = tau/dt and w_in = tau_syn/dt, and what its input is then multiplied
    by (None: by 1). dt is in seconds."""
    p = dict(node.params)
    factor: Array = np.ones(())
    for tau, gain in (("tau", "r"), ("tau_mem", "r"), ("tau_syn", "w_in")):
        if tau in p:
            wanted = p[tau] / dt
            factor = factor * (p[gain] / wanted)
            p[gain] = wanted
    if np.allclose(factor, 1.0, rtol=1e-9, atol=0.0):
        return Node(node.kind, p), None
    return Node(node.kind, p), factor
