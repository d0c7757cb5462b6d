"""Scale: a factor and a shift per channel."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurograph.errors import ShapeError
from neurograph.projections.operator import Array, Operator, Run, Weight, fixed, given
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Scale(Operator):
    """y = w x + b, w and b one number or one per channel (the first axis)."""

    key = "scale"
    linear = True

    def __init__(self, weight: Any, bias: Any = None, *, learnable: bool = False):
        self.weight = given(weight, "Scale(weight=...)").reshape(-1)
        self.bias = None if bias is None else given(bias, "Scale(bias=...)").reshape(-1)
        self.learnable = learnable

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        for name, held in (("weight", self.weight), ("bias", self.bias)):
            if held is not None and len(held) not in (1, source[0]):
                raise ShapeError(f"{self!r}: {name} has {len(held)} values for the {source[0]} channels of {source}")
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        out = {"weight": Weight(self.weight.shape, fixed(self.weight), self.learnable)}
        if self.bias is not None:
            out["bias"] = Weight(self.bias.shape, fixed(self.bias), self.learnable)
        return out

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        lead = (-1,) + (1,) * (x.dim() - 2)
        y = x * w["weight"].view(lead)
        return y + w["bias"].view(lead) if self.bias is not None else y

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        lead = (-1,) + (1,) * (x.ndim - 2)
        y = x * w["weight"].reshape(lead)
        return y + w["bias"].reshape(lead) if self.bias is not None else y

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return f"{self.weight[0]:g}" if len(self.weight) == 1 else f"{len(self.weight)} channels"
