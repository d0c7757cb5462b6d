"""One recurrent population for sequences: its spikes come back to it one step later, and the last step answers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from neurograph.activations.relay import Relay
from neurograph.errors import SpecError
from neurograph.graph import Graph
from neurograph.models.blocks import threshold_of
from neurograph.nodes.point import LIF, LeakyIntegrator
from neurograph.projections.dense import Dense
from neurograph.projections.layer_norm import LayerNorm
from neurograph.readout import Last, Readout
from neurograph.spec import Neuron

RECIPES = ("sequential",)


def sequential(
    num_classes: int = 10,
    neuron: Neuron | None = None,
    input_shape: Sequence[int] = (28,),
    *,
    hidden: int = 128,
    norm: bool = True,
    gain: float = 1.0,
    readout_tau: float = 2.0,
    readout: Readout | None = None,
) -> Graph:
    """A recurrent network as a graph: input "x" [T, N, features], populations "hidden" and "integrator", output "logits".

    Each port p of the neuron receives norm(W_p [x_t; s_{t-1}] + b_p), its port "soma" norm(W x_t + b) alone. `norm` is a
    layer norm over the population whose weights begin at `gain` times the threshold and biases at 0 (Spiking-WM's
    PopNorm, there with gain 1), so that neurons fire from the start. Spikes reach a leaky integrator of `readout_tau` steps per class, and the answer is its
    potential after the last step: what came earlier has to be remembered by the recurrent population.
    Source: the MCRNN cell of Spiking-WM, arXiv 2503.00713.
    """
    if num_classes < 1 or hidden < 1:
        raise SpecError(f"sequential(num_classes={num_classes}, hidden={hidden}): both must be at least 1")
    if not isinstance(input_shape, tuple | list) or len(input_shape) != 1:
        raise SpecError(f"sequential(input_shape={input_shape!r}): one axis of features, such as (28,)")
    kind = LIF() if neuron is None else neuron
    graph = Graph("sequential")
    source = graph.input("x", tuple(input_shape))
    population = graph.population("hidden", kind, hidden)
    for port in kind.inputs:
        # what arrives is summed before it is normalised; the compiler takes the relay out
        current = graph.population(f"{port}_current", Relay(), hidden)
        graph.connect(source, current, Dense(hidden), name=f"{port}.input")
        if port != "soma":
            graph.connect(population, current, Dense(hidden, bias=False), delay=1, name=f"{port}.recurrent")
        graph.connect(current, population[port], *([_norm(kind, hidden, gain)] if norm else []), name=f"{port}.norm")
    integrator = graph.population("integrator", LeakyIntegrator(tau=readout_tau), num_classes)
    graph.connect(population, integrator, Dense(num_classes), name="head")
    graph.connect(integrator, graph.output("logits", readout=readout or Last()))
    return graph


def _norm(neuron: Neuron, hidden: int, gain: float) -> LayerNorm:
    return LayerNorm(eps=1e-3).started(weight=np.full(hidden, gain * threshold_of(neuron)))
