"""Exact propagators of linear neurons, without the cancellation of their textbook forms.

A current decaying with tau_s moves a membrane of tau_m in one step by a multiple of
(exp(-dt/tau_s) - exp(-dt/tau_m)) / (1/tau_m - 1/tau_s), which is 0/0 where the time constants are equal and
loses digits where they are close. With x = dt/tau_m - dt/tau_s it is dt exp(-dt/tau_m) phi(x), and phi has no such
place: it is computed from its series at x/256 by doubling, in which all terms are positive. What depends on
parameters alone is computed once, so the length of the series costs nothing in the loop.
"""

from __future__ import annotations

import math
from typing import Any

from neurograph.expr import exp

_DOUBLINGS, _TERMS = 8, 16


def phi(x: Any) -> Any:
    """(exp(x) - 1)/x, the mean of exp(x s) over s in [0, 1]; 1 at x = 0. For |x| below 256."""
    return _moments(x)[0]


def phi_ramp(x: Any) -> Any:
    """(exp(x) (x - 1) + 1)/x**2, the mean of s exp(x s) over s in [0, 1]; 1/2 at x = 0."""
    return _moments(x)[1]


def _moments(x: Any) -> tuple[Any, Any]:
    small = x * 0.5**_DOUBLINGS
    mean = _series(small, lambda k: 1.0 / math.factorial(k + 1))
    ramp = _series(small, lambda k: 1.0 / (math.factorial(k) * (k + 2)))
    for k in range(_DOUBLINGS, 0, -1):
        # each interval is two halves, the second weighted by exp(half); exp anew, since squaring it adds up errors
        growth = exp(x * 0.5**k)
        mean, ramp = mean * (growth + 1.0) * 0.5, (ramp + growth * (mean + ramp)) * 0.25  # type: ignore[operator]
    return mean, ramp


def _series(x: Any, coefficient: Any) -> Any:
    value = coefficient(_TERMS)
    for k in range(_TERMS - 1, -1, -1):
        value = value * x + coefficient(k)
    return value


class Propagator:
    """One step of a membrane with time constant tau_m and capacitance c_m.

    decay: of v - e_l; held: per pA that stays for the step; decaying(tau): per pA that decays with tau;
    ramp(tau): per pA/ms of the second variable of an alpha-shaped current.
    """

    def __init__(self, dt: float, tau_m: Any, c_m: Any):
        self._dt, self._rate, self._gain = dt, dt / tau_m, dt / c_m
        self.decay: Any = exp(-dt / tau_m)
        self.held = self._gain * phi(-dt / tau_m)

    def decaying(self, tau: Any) -> Any:
        return self._gain * self.decay * phi(self._rate - self._dt / tau)

    def ramp(self, tau: Any) -> Any:
        return self._gain * self._dt * self.decay * phi_ramp(self._rate - self._dt / tau)


def times(x: Any, factor: Any) -> Any:
    """x factor; nothing at all for an input that is not connected."""
    return 0.0 if isinstance(x, int | float) and x == 0 else x * factor
