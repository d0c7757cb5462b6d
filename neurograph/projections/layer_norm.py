"""Layer normalisation: each sample by its own mean and variance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run, Weight, filled
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class LayerNorm(Operator):
    """y = (x - mean) / sqrt(var + eps) * weight + bias, mean and var over the last `axes` axes of each sample and step."""

    key = "layer_norm"

    kept_as: ClassVar[dict[str, str | None]] = {"bias": "has_bias"}

    def __init__(self, axes: int = 1, *, eps: float = 1e-5, affine: bool = True, bias: bool = True):
        if not isinstance(axes, int) or axes < 1 or not eps >= 0:
            raise SpecError(f"LayerNorm(axes={axes!r}, eps={eps!r}) at {declared_at()}: axes >= 1, eps >= 0")
        self.axes, self.eps, self.affine, self.has_bias = axes, eps, affine, affine and bias

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) < self.axes:
            raise ShapeError(f"{self} needs {self.axes} axes, but its input has shape {source}")
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        shape = source[-self.axes :]
        out = {"weight": Weight(shape, filled(1.0))} if self.affine else {}
        return out | ({"bias": Weight(shape, filled(0.0))} if self.has_bias else {})

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import layer_norm

        return layer_norm(x, x.shape[-self.axes :], w.get("weight"), w.get("bias"), self.eps)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        axes = tuple(range(-self.axes, 0))
        centred = x - x.mean(axes, keepdims=True)
        y = centred / np.sqrt((centred * centred).mean(axes, keepdims=True) + x.dtype.type(self.eps))
        y = y * w["weight"] if "weight" in w else y
        return y + w["bias"] if "bias" in w else y  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return 2 * math.prod(source)

    def settings(self) -> str:
        given = [] if self.axes == 1 else [str(self.axes)]
        given += [] if self.affine else ["affine=False"]
        return ", ".join(given + ([] if self.has_bias or not self.affine else ["bias=False"]))
