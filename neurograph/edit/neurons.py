"""A graph with other neurons: the artificial twin of a spiking network, or the spiking one of an artificial."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, Union

from neurograph.activations.activation import Activation
from neurograph.edit.cut import _chosen
from neurograph.errors import GraphError, SpecError, declared_at
from neurograph.graph import Graph, Population, Port
from neurograph.spec import Neuron

Choice = Union[Neuron, Callable[[Population], Neuron]]


def with_neurons(graph: Graph, neuron: Choice, *names: str) -> Graph:
    """A copy in which every spiking population has this neuron, or what a function makes of each population.

    Spiking are neurons with an output "spike" and activations that a rate can stand for (ReLU); relays, sources and readout
    neurons stay. `names`: only these populations, or those below these prefixes, whatever they hold. Names, shapes and
    projections stay, so weights of the one load into the other, except parameters that a neuron itself learns. What projects
    to the first port of a neuron projects to the first of the new one; another port must be there under its name. Raises
    GraphError where a projection, its plasticity or a probe asks for what the new neuron does not have.
    """
    chosen = (
        _chosen(graph, names, "with_neurons") if names else {p.name for p in graph.populations if spiking(p.neuron)}
    )
    out, before = graph.copied(), {}
    for node in graph.populations:
        if node.name in chosen:
            made = neuron if isinstance(neuron, Neuron) else _made(neuron, node)
            before[node.name] = node.neuron
            out.nodes[node.name] = replace(node, neuron=made)

    def moved(end: Port, role: str, where: str) -> Port:
        if end.node not in before:
            return end
        new = out.nodes[end.node].neuron  # type: ignore[union-attr]
        old, ports = getattr(before[end.node], role), getattr(new, role)
        if ports and end.port == old[0]:
            return Port(end.node, ports[0])
        if end.port not in ports:
            raise GraphError(
                f"with_neurons() at {declared_at()}: {where} uses {end.port!r} of {end.node!r}, and {new!r} has "
                f"{', '.join(ports) or 'no such port'}. Take it out first: graph.without(...)"
            )
        return end

    for name, p in graph.projections.items():
        where = f"projection {name!r} ({p.at})"
        source, end = moved(p.source, "outputs", where), moved(p.target, "inputs", where)
        out.projections[name] = replace(p, source=source, target=end)
        target = out.nodes[p.target.node]
        if p.plasticity is not None and p.target.node in before and "spike" not in target.neuron.outputs:  # type: ignore[union-attr]
            raise GraphError(
                f"with_neurons() at {declared_at()}: the plasticity of {where} follows spikes, and {target.neuron!r} has none"  # type: ignore[union-attr]
            )
    out.probes = {}
    for key, probe in graph.probes.items():
        if probe.population in before:
            old, new = before[probe.population], out.nodes[probe.population].neuron  # type: ignore[union-attr]
            variable = new.outputs[0] if probe.variable == old.outputs[0] else probe.variable
            known = out._recordable(probe.population)[2]
            if variable not in known:
                raise GraphError(
                    f"with_neurons() at {declared_at()}: the probe of {probe.variable!r} of {probe.population!r} ({probe.at}) finds "
                    f"no such variable in {new!r}; it has {', '.join(known)}"
                )
            probe = replace(probe, variable=variable)
            key = probe.key
        out.probes[key] = probe
    return out


def spiking(neuron: Neuron) -> bool:
    """Whether the unit spikes, or is an activation that spikes can stand for."""
    if isinstance(neuron, Activation):
        return bool(neuron.spiking)
    return "spike" in neuron.outputs and bool(neuron.inputs) and not neuron.identity


def _made(choose: Any, node: Population) -> Neuron:
    hint = " Did you forget the ()?" if isinstance(choose, type) else ""
    made = choose(node) if callable(choose) and not isinstance(choose, type) else choose
    if not isinstance(made, Neuron):
        raise SpecError(
            f"with_neurons() at {declared_at()} takes a Neuron, or a function from a population to one, not {made!r}.{hint}"
        )
    return made
