"""LateralInhibition: channels that compete at each place."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neurograph.errors import SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class LateralInhibition(Operator):
    """y[c] = -strength (max_c' x[c'] - x[c]): where a channel (the first axis) is active, the others are held down.

    As a projection of a population onto itself, with a delay of one step, it is what BrainCog's layer of this name subtracts
    from the membrane potentials after a step. IF neurons with dt = 1 then compute the same; LIF neurons, which forget a part
    of what was subtracted and divide their input by tau, do so with `strength` times tau - 1.
    Source: Dong et al. 2023, an unsupervised STDP-based spiking neural network; BrainCog.
    """

    key = "lateral_inhibition"

    def __init__(self, strength: float = 1.0):
        if not math.isfinite(strength):
            raise SpecError(f"LateralInhibition({strength!r}) at {declared_at()}: a finite number")
        self.strength = strength

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return source

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return (x - x.amax(1, keepdim=True)) * self.strength

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return (x - x.max(1, keepdims=True)) * x.dtype.type(self.strength)  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return f"{self.strength:g}"
