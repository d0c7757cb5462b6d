"""What a spike becomes on its way: dynamics before or after the weights of a projection."""

from __future__ import annotations

from typing import ClassVar

from neurograph.spec import Neuron


class Synapse(Neuron):
    """A filter declared like a neuron, with the port `input` and the output `output`.

    `side` "target": one per target neuron, fed with the weighted sum of what arrives; right for linear
    synapses, whose filters can be summed first. "source": one per source neuron, fed with its spikes; for what
    depends on the history of the source alone (short-term plasticity).
    """

    family = "synapse"
    side: ClassVar[str] = "target"
    outputs: ClassVar[tuple[str, ...]] = ("output",)
