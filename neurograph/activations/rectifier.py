"""Rectifiers: ReLU, ReLU6 and the general clamp."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.activations.activation import Activation
from neurograph.errors import SpecError, declared_at
from neurograph.expr import clip, relu
from neurograph.fields import plain
from neurograph.spec import Param


class ReLU(Activation):
    """y = max(x, 0)."""

    equation = "y = max(x, 0)"
    spiking = True

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": relu(input)}


class Clamp(Activation):
    """y = min(max(x, low), high). Converted to spikes only with low = 0; `high` learnt is PACT (Choi et al. 2018)."""

    equation = "y = min(max(x, low), high)"
    low = Param(0.0, "smallest output")
    high = Param(1.0, "largest output")

    def __init__(self, **values: Any):
        super().__init__(**values)
        if not np.all(np.asarray(plain(self.params["low"])) < np.asarray(plain(self.params["high"]))):
            raise SpecError(f"{self!r} at {declared_at()}: low must be below high")

    @property
    def spiking(self) -> bool:  # type: ignore[override]
        return bool(np.all(np.asarray(plain(self.params["low"])) == 0.0))

    @property
    def ceiling(self) -> float | None:
        return float(np.max(plain(self.params["high"])))

    def step(self, input: Any) -> dict[str, Any]:
        return {"output": clip(input, self.low, self.high)}  # type: ignore[arg-type]


class ReLU6(Clamp):
    """y = min(max(x, 0), 6). Source: Krizhevsky 2010."""

    equation = "y = min(max(x, 0), 6)"
    high = Param(6.0, "largest output")
