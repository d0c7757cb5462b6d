"""Equilibrium conversion: a network of spikes that comes to rest at the quantised network."""

from __future__ import annotations

import numpy as np

from neurograph.activations.quantised import QCFS
from neurograph.convert.conversion import Conversion, Pass, Site
from neurograph.convert.passes.place import replace_neuron
from neurograph.errors import SpecError, declared_at
from neurograph.graph import Output
from neurograph.nodes.bounded import BoundedIF
from neurograph.projections.accumulate import Accumulate
from neurograph.readout import Last


class Quantise(Pass):
    """Each activation becomes QCFS with its threshold and `levels` steps up to it; a QCFS keeps its own.

    What comes out is the network that equilibrium conversion equals, kept as the conversion's reference.
    """

    name = "quantise"

    def __init__(self, levels: int = 15):
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise SpecError(f"Quantise(levels={levels!r}) at {declared_at()}: a whole number, 1 or more")
        self.levels = levels

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for site in conversion.sites.values():
            if isinstance(site.activation, QCFS):
                levels, low = site.activation.options["levels"], site.activation.options["low"]
            else:
                levels, low = self.levels, 0
            # a step that float32 holds exactly, so that the quantised and the spiking network multiply by the same number
            step = np.float32(site.theta / levels).astype(np.float64)
            site.threshold = step * levels
            quantised = QCFS(threshold=site.spread(site.theta), levels=levels, low=low)
            replace_neuron(conversion, site, quantised)
            site.activation = quantised
        conversion.reference = conversion.graph.copied()


class PlaceBounded(Pass):
    """Each QCFS becomes BoundedIF, and what reads it accumulates its spikes; the answer is that of the last step.

    The input stays on, which is what injecting it once and holding it means; so do biases. Every projection applies its
    operators to levels, as the quantised network does, so pools, softmax, layer norm and products of values are as they were.
    """

    name = "place"

    def apply(self, conversion: Conversion) -> None:
        conversion.before_place(self)
        for site in conversion.sites.values():
            neuron, step = self._neuron(site)
            replace_neuron(conversion, site, neuron)
            for p in conversion.out_of(site.population):
                conversion.change(p, operators=(Accumulate(step), *p.operators))
        for output in conversion.graph.outputs:
            conversion.put(Output(output.name, Last(), output.at))

    def _neuron(self, site: Site) -> tuple[BoundedIF, np.ndarray]:
        quantised = site.activation
        if not isinstance(quantised, QCFS):
            raise SpecError(
                f"activation {site.population!r} ({site.at}) is {quantised!r}: the pass 'quantise' comes before 'place'"
            )
        step = site.theta / quantised.options["levels"]
        low, high = quantised.options["low"], quantised.options["levels"]
        return BoundedIF(threshold=site.spread(step), high=high, low=low), step
