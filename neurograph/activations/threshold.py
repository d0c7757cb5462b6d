"""The step function: a comparison with a threshold, each step on its own."""

from __future__ import annotations

from typing import Any

from neurograph.activations.activation import Activation
from neurograph.expr import spike
from neurograph.nodes.surrogate import QGate
from neurograph.spec import Param, SurrogateOption


class Threshold(Activation):
    """y = 1[x > theta]; its gradient is the surrogate's. Source: Threshold of NIR, Pedersen et al. 2024."""

    equation = "y = 1[x > theta]"
    threshold = Param(0.5, "threshold theta")
    surrogate = SurrogateOption(QGate())

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": spike(input - self.threshold, self.surrogate)}  # type: ignore[arg-type, operator]
