"""Surrogate gradients: what stands for the derivative of a spike.

A surrogate says when a spike is fired (`forward`, strict u > 0 or u >= 0) and which slope its gradient
has (`derivative(u, alpha)`). alpha is its width; declared learnable it gets a gradient of its own
through `width_derivative`.
"""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np

from neurograph.constructed import Constructed
from neurograph.errors import SpecError, declared_at
from neurograph.expr import clip, exp, relu, sigmoid, sign, where
from neurograph.expr.value import Value
from neurograph.spec import Learnable

SURROGATES: dict[str, type[Surrogate]] = {}


class Surrogate(Constructed):
    """Forward s = 1[u > 0] (`strict=False`: 1[u >= 0]); backward ds/du = derivative(u, alpha)."""

    family = "surrogate"
    alpha_default: ClassVar[float] = 2.0
    strict_default: ClassVar[bool] = True
    aliases: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        if not vars(cls).get("abstract"):
            SURROGATES[cls.__name__] = cls

    def __init__(self, alpha: float | Learnable | None = None, *, strict: bool | None = None):
        self.alpha = self.alpha_default if alpha is None else alpha
        self.strict = self.strict_default if strict is None else strict
        self._check_width(self.alpha)
        if not isinstance(self.strict, bool | np.bool_):
            raise SpecError(f"{type(self).__name__}(strict={strict!r}) at {declared_at()}: strict is True or False")
        has_rule = type(self).width_derivative is not Surrogate.width_derivative
        if isinstance(self.alpha, Learnable) and not has_rule:
            raise SpecError(
                f"{type(self).__name__}(alpha=learnable(...)) at {declared_at()}: this surrogate has no "
                "width_derivative(u, alpha); define it, or use Atan, Sigmoid, QGate, FastSigmoid or ReLU"
            )

    def changed(self, alpha: float | Learnable) -> Surrogate:
        """The same with another width."""
        self._check_width(alpha)
        out = copy.copy(self)
        out.alpha = alpha
        return out

    def _check_width(self, alpha: Any) -> None:
        """A width is one number above 0; one that is learnt may be several, per channel or neuron."""
        number = alpha.value if isinstance(alpha, Learnable) else alpha
        several = isinstance(alpha, Learnable) and isinstance(number, np.ndarray) and number.dtype.kind in "fiu"
        if isinstance(number, bool) or not (several or isinstance(number, int | float)) or not np.all(number > 0):
            raise SpecError(f"{type(self).__name__}(alpha={number!r}) at {declared_at()}: alpha must be above 0")

    def forward(self, u: Value) -> Any:
        return where(u > 0.0 if self.strict else u >= 0.0, 1.0, 0.0)

    def derivative(self, u: Value, alpha: Any) -> Any:
        raise SpecError(f"{type(self).__name__} has no derivative(u, alpha)")

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        """ds/dalpha of the smooth function whose slope in u is `derivative`."""
        raise SpecError(f"{type(self).__name__} has no width_derivative(u, alpha)")

    def bound(self, alpha: Any) -> BoundSurrogate:
        return BoundSurrogate(self, alpha)

    def __repr__(self) -> str:
        changed = [] if self.alpha == self.alpha_default else [f"alpha={self.alpha!r}"]
        changed += [] if self.strict == self.strict_default else [f"strict={self.strict}"]
        return f"{type(self).__name__}({', '.join(changed)})"


class BoundSurrogate:
    """A surrogate together with the traced value of its width; what `spike` takes."""

    def __init__(self, rule: Surrogate, alpha: Any):
        self._rule, self._alpha = rule, alpha

    def forward(self, u: Value) -> Value:
        return u.trace.lift(self._rule.forward(u))

    def slopes(self, u: Value) -> list[tuple[Value, Value]]:
        pairs = [(u, u.trace.lift(self._rule.derivative(u, self._alpha)))]
        if isinstance(self._rule.alpha, Learnable):
            alpha = u.trace.lift(self._alpha)
            pairs.append((alpha, u.trace.lift(self._rule.width_derivative(u, self._alpha))))
        return pairs


class QGate(Surrogate):
    """ds/du = max(0, alpha - alpha**2 |u|): a triangle of height alpha and unit area (BrainCog's default)."""

    aliases = ("QGateGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return relu(alpha - alpha * alpha * abs(u))

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        # the smooth function is 1/2 + alpha u - alpha**2 u |u| / 2 inside |u| < 1/alpha
        return where(abs(u) * alpha < 1.0, u - alpha * u * abs(u), 0.0)


class Gate(Surrogate):
    """ds/du = 1 for |u| < 1/alpha, else 0: a box."""

    aliases = ("GateGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return where(abs(u) < 1.0 / alpha, 1.0, 0.0)


class Atan(Surrogate):
    """ds/du = (alpha/2) / (1 + (pi alpha u / 2)**2), from atan(pi alpha u / 2)/pi + 1/2 (Fang 2021)."""

    aliases = ("AtanGrad", "ATan")

    def derivative(self, u: Value, alpha: Any) -> Any:
        q = alpha * (math.pi / 2) * u
        return alpha / 2.0 / (1.0 + q * q)

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        q = alpha * (math.pi / 2) * u
        return u / 2.0 / (1.0 + q * q)


class Sigmoid(Surrogate):
    """ds/du = alpha s (1 - s), s = sigmoid(alpha u). Fires at u >= 0, as upstream does."""

    alpha_default = 1.0
    strict_default = False
    aliases = ("SigmoidGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        s = sigmoid(alpha * u)
        return alpha * s * (1.0 - s)

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        s = sigmoid(alpha * u)
        return u * s * (1.0 - s)


class FastSigmoid(Surrogate):
    """ds/du = 1 / (1 + alpha |u|)**2: the derivative of a fast sigmoid (Zenke & Ganguli 2018, SuperSpike)."""

    alpha_default = 10.0
    aliases = ("SuperSpike", "fast_sigmoid")

    def derivative(self, u: Value, alpha: Any) -> Any:
        d = 1.0 + alpha * abs(u)
        return 1.0 / (d * d)

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        # the smooth function is u / (1 + alpha |u|)
        d = 1.0 + alpha * abs(u)
        return -(u * abs(u)) / (d * d)


class Triangle(Surrogate):
    """ds/du = alpha max(0, 1 - |u|) (Bellec 2018; alpha damps, 0.3 there)."""

    alpha_default = 0.3
    aliases = ("triangular",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return alpha * relu(1.0 - abs(u))

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        # the smooth function is alpha (u - u |u| / 2) inside |u| < 1, alpha sign(u) / 2 outside
        inside: Any = clip(u, -1.0, 1.0)
        return inside - inside * abs(inside) / 2.0


class PiecewiseExp(Surrogate):
    """ds/du = (alpha/2) exp(-alpha |u|)."""

    alpha_default = 1.0

    def derivative(self, u: Value, alpha: Any) -> Any:
        return alpha / 2.0 * exp(-(alpha * abs(u)))


class ReLU(Surrogate):
    """ds/du = alpha for u > 0, else 0. Fires at u >= 0."""

    strict_default = False
    aliases = ("ReLUGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return where(u > 0.0, alpha, 0.0)

    def width_derivative(self, u: Value, alpha: Any) -> Any:
        return relu(u)


class Box(Surrogate):
    """ds/du = 1 for |u| < alpha, else 0 (BackEIGate has alpha = 0.5)."""

    alpha_default = 0.5
    aliases = ("BackEIGateGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return where(abs(u) < alpha, 1.0, 0.0)


class Sign(Surrogate):
    """Forward sign(u) in {-1, 0, 1}; ds/du = 1 for |u| < alpha, else 0 (excitatory or inhibitory output)."""

    alpha_default = 0.5
    aliases = ("EIGrad",)

    def forward(self, u: Value) -> Any:
        return sign(u)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return where(abs(u) < alpha, 1.0, 0.0)


class Fired(Surrogate):
    """ds/du = s: a gradient only where the neuron fired (local plasticity rules)."""

    aliases = ("STDPGrad",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return self.forward(u)


class StraightThrough(Surrogate):
    """ds/du = 1. Fires at u >= 0."""

    strict_default = False
    aliases = ("straight_through",)

    def derivative(self, u: Value, alpha: Any) -> Any:
        return u.trace.const(1.0)


class Round(Surrogate):
    """Forward ceil(clip(u, -0.5, 4.5)): up to five spikes a step; ds/du = 1 inside, 0 outside."""

    aliases = ("RoundGrad",)

    def forward(self, u: Value) -> Any:
        from neurograph.expr import floor

        return -floor(-clip(u, -0.5, 4.5))  # type: ignore[operator]

    def derivative(self, u: Value, alpha: Any) -> Any:
        return where((u > -0.5) & (u < 4.5), 1.0, 0.0)


class Smooth(Surrogate):
    """Forward and backward of sigmoid(alpha u): no spike at all. For checking gradients by differences."""

    def forward(self, u: Value) -> Any:
        # the width takes part in the forward value, which `slopes` cannot see: fixed to the declared one
        return sigmoid(self._number() * u)

    def _number(self) -> float:
        return float(self.alpha.value if isinstance(self.alpha, Learnable) else self.alpha)

    def derivative(self, u: Value, alpha: Any) -> Any:
        s = sigmoid(self._number() * u)
        return self._number() * s * (1.0 - s)


def custom_surrogate(
    derivative: Callable[..., Any],
    alpha: float = 1.0,
    *,
    strict: bool = True,
    width_derivative: Callable[..., Any] | None = None,
) -> Surrogate:
    """A surrogate from a function: `custom_surrogate(lambda u: 1.0 / (1.0 + abs(u)) ** 2)`.

    The function takes u, or u and alpha, and is traced like a step: use neurograph's exp, where, ...
    """
    with_alpha = derivative.__code__.co_argcount > 1 if hasattr(derivative, "__code__") else True

    class Custom(Surrogate):
        def derivative(self, u: Value, alpha: Any) -> Any:
            return derivative(u, alpha) if with_alpha else derivative(u)

    if width_derivative is not None:
        Custom.width_derivative = lambda self, u, alpha: width_derivative(u, alpha)  # type: ignore[method-assign]
    SURROGATES.pop("Custom")
    return Custom(alpha, strict=strict)
