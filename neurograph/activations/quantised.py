"""Quantised activations, which a spiking neuron can equal."""

from __future__ import annotations

from typing import Any

import numpy as np

from neurograph.activations.activation import Activation
from neurograph.errors import SpecError, declared_at
from neurograph.expr import clip, custom_gradient, floor, where
from neurograph.fields import plain
from neurograph.spec import Option, Param

TIE = 1e-5
"""How far below a half still rounds up, in quantisation steps.

Two computations of one sum differ in their last bits. Sums of few distinct terms lie exactly on a half, where that would
decide; a little lower hardly any do.
"""


class QCFS(Activation):
    """Quantisation, clip, floor, shift: y = (theta / L) clip(floor(x L / theta + 1/2), low, L), trained straight through.

    Gradients: dy/dx = 1 inside the clip, else 0; dy/dtheta = (y - x) / theta inside, the clip's end outside. `low` = 0 is a
    quantised ReLU; below 0 a signed quantiser. Ties round up (see TIE).
    Source: Bu et al. 2022, "Optimal ANN-SNN conversion for high-accuracy and ultra-low-latency spiking neural networks".
    """

    equation = "y = theta/L clip(floor(x L/theta + 1/2), low, L)"
    levels = Option(4, doc="L, the number of steps up to theta")
    low = Option(0, doc="the lowest level, 0 or below")
    threshold = Param(8.0, "theta, the largest output", above=0.0)

    def __init__(self, **values: Any):
        super().__init__(**values)
        levels, low = self.options["levels"], self.options["low"]
        if isinstance(levels, bool) or not isinstance(levels, int) or levels < 1:
            raise SpecError(f"QCFS(levels={levels!r}) at {declared_at()}: a whole number, 1 or more")
        if isinstance(low, bool) or not isinstance(low, int) or low > 0:
            raise SpecError(f"QCFS(low={low!r}) at {declared_at()}: a whole number, 0 or below")

    @property
    def spiking(self) -> bool:  # type: ignore[override]
        return self.options["low"] == 0  # type: ignore[no-any-return]

    @property
    def signed(self) -> bool:  # type: ignore[override]
        return not self.spiking

    @property
    def ceiling(self) -> float | None:
        return float(np.max(plain(self.params["threshold"])))

    def step(self, input: Any) -> dict[str, Any]:
        theta, levels, low = self.threshold, self.levels, self.low
        size = theta / levels  # type: ignore[operator]
        y = size * clip(floor(input / size + (0.5 + TIE)), float(low), float(levels))  # type: ignore[arg-type]
        above, below = input >= theta, input <= size * low
        inside = where(above, 0.0, where(below, 0.0, 1.0))
        by_theta = where(above, 1.0, where(below, low / levels, (y - input) / theta))  # type: ignore[operator]
        return {"output": custom_gradient(y, (input, inside), (theta, by_theta))}  # type: ignore[arg-type]
