"""What an activation of an artificial network is: a unit without state, the same function of every step."""

from __future__ import annotations

from typing import ClassVar

from neurograph.spec import Neuron


class Activation(Neuron):
    """Base of all activations: y = f(x), elementwise. `step(self, input)` returns {"output": y}.

    `spiking` says whether a rate can stand for it: y is 0 for x <= 0 and rises with x, up to `ceiling` at most.
    """

    abstract = True
    outputs = ("output",)
    spiking: ClassVar[bool] = False
    signed: ClassVar[bool] = False  # whether spikes of both signs can stand for it

    @property
    def ceiling(self) -> float | None:
        """The largest output, where there is one."""
        return None
