"""The unit that only passes on: where sums, concatenations and products meet."""

from __future__ import annotations

from typing import Any

from neurograph.spec import Neuron


class Relay(Neuron):
    """Puts out in each step what arrives in it; costs nothing, as the compiler takes it out."""

    equation = "y = x"
    aliases = ("parrot_neuron",)
    identity = True

    def step(self, input: Any) -> dict[str, Any]:
        return {"spike": input}
