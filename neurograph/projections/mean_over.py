"""MeanOver: the mean along axes."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class MeanOver(Operator):
    """y = mean of x along `axes` (0 is the first after the batch), which then are gone: global pooling, or over tokens."""

    key = "mean_over"
    linear = True

    def __init__(self, axes: int | Sequence[int]):
        self.axes = (axes,) if isinstance(axes, int) else tuple(sorted(set(axes)))
        if not self.axes or not all(isinstance(a, int) and a >= 0 for a in self.axes):
            raise SpecError(f"MeanOver({axes!r}) at {declared_at()}: axes are whole numbers, 0 or more")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        left = tuple(n for a, n in enumerate(source) if a not in self.axes)
        if max(self.axes) >= len(source) or not left:
            raise ShapeError(f"{self}: its input {source} must have these axes and one more that stays")
        return left

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.mean([a + 1 for a in self.axes])

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x.mean(tuple(a + 1 for a in self.axes), dtype=x.dtype)  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return ", ".join(map(str, self.axes)) if len(self.axes) == 1 else str(self.axes)
