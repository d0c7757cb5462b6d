"""Spike calibration as a pass."""

from __future__ import annotations

from neurograph.convert.conversion import Conversion, Pass
from neurograph.graph import Population, Port, Projection
from neurograph.nodes.burst import BurstIF
from neurograph.nodes.spike_calibration import SpikeCalibration


class CalibrateSpikes(Pass):
    """Behind each population of spiking neurons that Place put, one of SpikeCalibration, which all readers read instead.

    `allowance`, `debt`: see SpikeCalibration. Source: Li et al. 2022, spike calibration; BrainCog's SpiCalib.
    """

    name = "spike calibration"

    def __init__(self, allowance: float = 3.0, *, debt: bool = False):
        self.neuron = SpikeCalibration(allowance=allowance, debt=debt)

    def apply(self, conversion: Conversion) -> None:
        conversion.after_place(self, BurstIF)
        for site in conversion.sites.values():
            node = conversion.graph.nodes[site.population]
            assert isinstance(node, Population)
            neuron = self.neuron
            name = conversion.fresh(f"{node.name}_calibrated")
            readers = conversion.out_of(node.name)
            conversion.put(Population(name, neuron, None, "add", node.at))
            for p in readers:
                conversion.change(p, source=Port(name, neuron.outputs[0]))
            wire = conversion.fresh(f"{node.name.replace('.', '_')}_to_{name.replace('.', '_')}")
            source, target = Port(node.name, node.neuron.outputs[0]), Port(name, neuron.inputs[0])
            conversion.graph.projections[wire] = Projection(wire, source, target, (), 0.0, node.at)
