"""The signed, bounded integrate-and-fire neuron of equilibrium conversion."""

from __future__ import annotations

from typing import Any

from neurograph.activations.quantised import TIE
from neurograph.errors import SpecError, declared_at
from neurograph.expr import where
from neurograph.spec import Neuron, Option, Param, State


class BoundedIF(Neuron):
    """Signed bounded integrate-and-fire: it emits +1 or -1 until what it has sent, S theta, is its input, quantised.

    u = Z / theta + 1/2 - S;  s = +1 where u >= 1 and S < high, -1 where u < 0 and S > low;  S = S + s.
    Z is the whole input up to now, the sum of what increments have brought (see Accumulate): with an input injected once, V =
    Z - S theta is the potential of the neuron that integrates increments. At rest S = clip(floor(Z / theta + 1/2), low, high),
    which is QCFS with theta its step; the tie of a half rounds up as there. No gradient passes: train the QCFS network.
    Source: ST-BIF, You et al. 2024 (SpikeZIP-TF); signed IF, Hu et al. 2023 (Fast-SNN), Wang et al. 2022 (SNM).
    """

    equation = "u = Z/theta + 1/2 - S;  s = 1[u >= 1, S < high] - 1[u < 0, S > low];  S = S + s"
    aliases = ("STBIF",)
    threshold = Param(1.0, "theta, the step of the quantisation", above=0.0)
    high = Option(4, doc="the highest level")
    low = Option(0, doc="the lowest level, 0 or below")
    sent = State(0.0, "S: spikes sent, with their sign")

    def __init__(self, **values: Any):
        super().__init__(**values)
        high, low = self.options["high"], self.options["low"]
        if not (isinstance(high, int) and isinstance(low, int)) or high < 1 or low > 0:
            raise SpecError(f"BoundedIF(high={high!r}, low={low!r}) at {declared_at()}: whole numbers, low <= 0 < high")

    def step(self, sent: Any, input: Any) -> dict[str, Any]:
        u = input / self.threshold + (0.5 + TIE) - sent
        rising = (u >= 1.0) & (sent < float(self.high))  # type: ignore[arg-type]
        falling = (u < 0.0) & (sent > float(self.low))  # type: ignore[arg-type]
        s = where(rising, 1.0, where(falling, -1.0, 0.0))
        return {"sent": sent + s, "spike": s}
