"""Dense: y = W x + b."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run, Weight, fixed, given, uniform_fan_in
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Dense(Operator):
    """All-to-all: y = W x + b, W of shape [features, inputs].

    `features` may be left out where the target population says its shape. `weight` and `bias` may be arrays;
    `in_features`, where given, is checked. With `last_axis` an input of several axes, (tokens, inputs), is mapped
    along its last one, each token by the same W.
    """

    key = "dense"
    linear = True

    def __init__(
        self,
        features: int | None = None,
        *,
        bias: bool | Any = True,
        weight: Any = None,
        in_features: int | None = None,
        last_axis: bool = False,
        learnable: bool = True,
    ):
        self.weight = None if weight is None else given(weight, "Dense(weight=...)")
        if self.weight is not None:
            if self.weight.ndim != 2:
                raise SpecError(
                    f"Dense(weight=...) at {declared_at()}: weights are [features, inputs], got {self.weight.shape}"
                )
            if features not in (None, self.weight.shape[0]):
                raise SpecError(
                    f"Dense(features={features}) at {declared_at()}: the weights have {self.weight.shape[0]} rows"
                )
            features, in_features = self.weight.shape[0], in_features or self.weight.shape[1]
        if features is not None and features < 1:
            raise SpecError(f"Dense(features={features}) at {declared_at()}: at least 1")
        self.features, self.in_features, self.learnable = features, in_features, learnable
        self.last_axis = last_axis
        self.bias = None if isinstance(bias, bool) else given(bias, "Dense(bias=...)")
        self.has_bias = bias is not False

    @property
    def by_channel(self) -> bool:  # type: ignore[override]
        return not self.last_axis

    def arguments_given(self) -> dict[str, Any]:
        return {**super().arguments_given(), "bias": self.has_bias if self.bias is None else self.bias}

    def _forget(self, has_bias: bool) -> None:
        self.weight, self.bias, self.has_bias = None, None, has_bias

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) != 1 and not self.last_axis:
            size = math.prod(source)
            raise ShapeError(
                f"Dense expects one axis{f' of {self.in_features}' if self.in_features else ''}, but its input has "
                f"shape {source} = {size}. Insert Flatten() before it, or give last_axis=True"
            )
        if self.in_features is not None and source[-1] != self.in_features:
            raise ShapeError(
                f"Dense expects {self.in_features} inputs, but its input has {source[-1]}. "
                "Set in_features or the weights to match"
            )
        if self.features is not None:
            return (*source[:-1], self.features)
        if target is None or target[:-1] != source[:-1]:
            raise ShapeError(
                "Dense() does not know how many outputs it has. Give Dense(features) or the target a shape"
            )
        return target

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        fan_in = source[-1]
        init = uniform_fan_in(fan_in)
        out = {
            "weight": Weight((target[-1], fan_in), init if self.weight is None else fixed(self.weight), self.learnable)
        }
        if self.has_bias:
            out["bias"] = Weight((target[-1],), init if self.bias is None else fixed(self.bias), self.learnable)
        return out

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import linear

        return linear(x, w["weight"], w.get("bias"))

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        y = np.matmul(x, w["weight"].T)
        return y + w["bias"] if "bias" in w else y

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source) * target[-1]

    def settings(self) -> str:
        given = [str(self.features)] if self.features else []
        given += [] if self.has_bias else ["bias=False"]
        return ", ".join(given + (["last_axis=True"] if self.last_axis else []))
