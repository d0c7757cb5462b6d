"""Operators that only rearrange: Flatten and OneToOne."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurograph.projections.operator import Array, Operator, Run, Weight, fixed, given
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Flatten(Operator):
    """(C, H, W) to (C H W,)."""

    key = "flatten"
    linear = True
    moves_only = True

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return (math.prod(source),)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.flatten(1)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x.reshape(len(x), -1)


class OneToOne(Operator):
    """y = w x: neuron i to neuron i; w is one number or an array that fits the population."""

    key = "one_to_one"
    linear = True

    def __init__(self, weight: Any = 1.0, *, learnable: bool = False):
        self.weight = given(weight, "OneToOne(weight=...)")
        self.learnable = learnable

    @property
    def is_identity(self) -> bool:
        return self.weight.ndim == 0 and float(self.weight) == 1.0 and not self.learnable

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        if self.is_identity:
            return {}
        shape = source if self.weight.ndim else ()
        return {"weight": Weight(shape, fixed(self.weight), self.learnable)}

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x if self.is_identity else x * w["weight"]

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x if self.is_identity else x * w["weight"]

    def macs(self, source: Shape, target: Shape) -> int:
        return 0 if self.is_identity else math.prod(source)

    def settings(self) -> str:
        return "" if self.is_identity else f"{float(self.weight):g}" if not self.weight.ndim else "array"
