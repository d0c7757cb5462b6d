"""What simulator neurons share: the refractory time, the spike and the reset that end a step."""

from __future__ import annotations

from typing import Any

from neurograph.expr import floor, maximum, spike, where
from neurograph.nodes.surrogate import Atan
from neurograph.spec import Neuron, Param, State, SurrogateOption


class _Refractory(Neuron):
    """A neuron that rests for t_ref after a spike: not listed itself, its subclasses write `step`.

    A spike sets the counter to t_ref/dt steps, every step takes one away, and the neuron integrates and may fire
    where nothing is left: t_ref = 5 ms at dt = 0.1 ms freezes the 49 updates after the one that spiked. The reset
    passes no gradient to the spike.
    """

    t_ref = Param(2.0, "refractory time", unit="ms", at_least=0.0)
    refractory = State(0.0, "steps left of the refractory time")
    surrogate = SurrogateOption(Atan())

    def _left(self: Any, refractory: Any) -> Any:
        """Steps left after this one began."""
        return maximum(refractory - 1.0, 0.0)

    def _steps(self: Any) -> Any:
        """Steps that a spike sets the counter to."""
        return floor(self.t_ref / self.dt + 0.5)

    def _fire(self: Any, margin: Any, may_fire: Any, left: Any) -> tuple[Any, Any, Any]:
        """The spike where margin > 0 and it may be, that as a condition, and the counter after it."""
        s: Any = where(may_fire, spike(margin, self.surrogate), 0.0)
        fired = s > 0.5
        return s, fired, where(fired, self._steps(), left)
