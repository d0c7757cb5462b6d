"""The first pass: everything that is not understood is refused, by name."""

from __future__ import annotations

from neurograph.activations.activation import Activation
from neurograph.activations.relay import Relay
from neurograph.convert.conversion import Conversion, Pass, Site
from neurograph.encode import Direct
from neurograph.errors import GraphError
from neurograph.graph import Output, Projection
from neurograph.projections.pool import MaxPool2d
from neurograph.projections.softmax import Softmax


class Normalise(Pass):
    """Check that spikes can stand for every part of the ANN, and list the activations that become spiking neurons.

    Rates add up, so what lies between activations must be linear in evaluation, or a max pool. A softmax at the very end
    does not change which answer is largest and is left out, with a note. `graded=True` (equilibrium conversion) lets any
    operator and activation pass that is a function of one step.
    """

    name = "normalise"

    def __init__(self, *, graded: bool = False):
        self.graded = graded

    def apply(self, conversion: Conversion) -> None:
        graph = conversion.graph
        if not graph.inputs or not graph.outputs:
            raise GraphError(f"graph {graph.name!r} has {'no input' if not graph.inputs else 'no output'} to convert")
        if len(graph.inputs) > 1:
            raise GraphError(f"graph {graph.name!r} has several inputs; conversion takes networks with one")
        for entry in graph.inputs:
            if not isinstance(entry.encoder, Direct):
                raise GraphError(
                    f"input {entry.name!r} ({entry.at}): the ANN takes values as they are, not {entry.encoder!r}"
                )
        for p in list(graph.projections.values()):
            self._check_projection(conversion, p)
        shapes = conversion.shapes()
        for node in graph.populations:
            neuron = node.neuron
            if isinstance(neuron, Activation) and (neuron.spiking or (self.graded and neuron.signed)):
                conversion.sites[node.name] = Site(node.name, neuron, shapes[node.name], node.at)
            elif not isinstance(neuron, Relay) and not (self.graded and isinstance(neuron, Activation)):
                kind = (
                    "an activation that rates cannot stand for" if isinstance(neuron, Activation) else "no activation"
                )
                raise GraphError(
                    f"population {node.name!r} ({node.at}): {neuron!r} is {kind}. Convertible are ReLU, ReLU6, Clamp from 0 "
                    "and QCFS" + (", and others by equilibrium conversion" if isinstance(neuron, Activation) else "")
                )
            if not self.graded and not isinstance(node.combine, str):
                raise GraphError(
                    f"population {node.name!r} ({node.at}): {node.combine!r} of two rates is not the rate of a product; "
                    "use equilibrium conversion"
                )
        if not conversion.sites:
            raise GraphError(
                f"graph {graph.name!r} has no activation that becomes spiking, so nothing would be converted. "
                "Declare populations of ReLU, ReLU6, Clamp or QCFS"
            )

    def _check_projection(self, conversion: Conversion, p: Projection) -> None:
        if p.delay or p.synapses or p.plasticity or p.rule:
            raise GraphError(
                f"projection {p.name!r} ({p.at}) has a delay, synapses or a rule: it is not part of an ANN"
            )
        if self.graded:
            return
        operators = list(p.operators)
        # of several arrivals, as in an ensemble, the sum would be another
        at_end = isinstance(conversion.graph.nodes[p.target.node], Output) and len(conversion.into(p.target.node)) == 1
        while operators and at_end and isinstance(operators[-1], Softmax) and operators[-1].axis == -1:
            dropped = operators.pop()
            conversion.notes.append(
                f"{dropped!r} of {p.name!r} is left out: it does not change which answer is largest"
            )
            conversion.change(p, operators=tuple(operators))
        for operator in operators:
            if not operator.linear and not isinstance(operator, MaxPool2d):
                raise GraphError(
                    f"projection {p.name!r} ({p.at}): {operator!r} is neither linear nor a max pool, so rates cannot "
                    "pass through it. Use equilibrium conversion, or take it out of the network"
                )
