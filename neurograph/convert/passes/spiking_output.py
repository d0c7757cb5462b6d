"""An output that spikes."""

from __future__ import annotations

from dataclasses import replace

from neurograph.activations.rectifier import ReLU
from neurograph.convert.conversion import Conversion, Pass, Site
from neurograph.graph import Population, Port, Projection


class SpikingOutput(Pass):
    """The logits become spikes too: a population of ReLU before each output, converted like any other activation.

    It belongs directly behind Normalise. Negative logits are silent and the answer of T steps has T + 1 levels, so ties are
    common; a read-out of the logits themselves loses nothing. Source: Conversion_Burst, which replaces the LogSoftmax.
    """

    name = "spiking output"

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for output in conversion.graph.outputs:
            arrivals = conversion.into(output.name)
            neuron = ReLU()
            name = conversion.fresh(f"{output.name}_spikes")
            conversion.put(Population(name, neuron, None, "add", output.at))
            for p in arrivals:
                conversion.change(p, target=replace(p.target, node=name, port=neuron.inputs[0]))
            wire = conversion.fresh(f"{name.replace('.', '_')}_to_{output.name.replace('.', '_')}")
            source, target = Port(name, neuron.outputs[0]), Port(output.name, "input")
            conversion.graph.projections[wire] = Projection(wire, source, target, (), 0.0, output.at)
            conversion.sites[name] = Site(name, neuron, conversion.shapes()[name], output.at)
