"""Shift: a constant added to what passes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neurograph.errors import ShapeError
from neurograph.projections.operator import Array, Operator, Run, Weight, fixed, given
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Shift(Operator):
    """y = x + bias, one number or an array of the input's shape: a position embedding, a mask, an offset."""

    key = "shift"
    linear = True

    def __init__(self, bias: Any, *, learnable: bool = False):
        self.bias = given(bias, "Shift(bias)")
        self.learnable = learnable

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if self.bias.ndim and self.bias.shape != source:
            raise ShapeError(f"Shift adds an array of shape {self.bias.shape}, but its input has shape {source}")
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        return {"bias": Weight(self.bias.shape, fixed(self.bias), self.learnable)}

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x + w["bias"]

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x + w["bias"]  # type: ignore[no-any-return]

    def settings(self) -> str:
        return "array" if self.bias.ndim else f"{float(self.bias):g}"
