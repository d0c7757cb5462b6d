"""Activations that no rate can stand for; equilibrium conversion keeps them as they are."""

from __future__ import annotations

from typing import Any

from neurograph.activations.activation import Activation
from neurograph.expr import maximum, minimum, sigmoid, tanh
from neurograph.spec import Param


class Sigmoid(Activation):
    """y = 1 / (1 + exp(-x))."""

    equation = "y = 1 / (1 + exp(-x))"

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": sigmoid(input)}


class Tanh(Activation):
    """y = tanh(x)."""

    equation = "y = tanh(x)"

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": tanh(input)}


class SiLU(Activation):
    """y = x / (1 + exp(-x)). Source: Elfwing et al. 2018."""

    equation = "y = x sigmoid(x)"

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": input * sigmoid(input)}


class LeakyReLU(Activation):
    """y = max(x, 0) + slope min(x, 0)."""

    equation = "y = max(x, 0) + slope min(x, 0)"
    slope = Param(0.01, "slope below 0")

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": maximum(input, 0.0) + self.slope * minimum(input, 0.0)}  # type: ignore[operator]
