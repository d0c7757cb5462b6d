"""IAnd: spikes of one source that another does not take away."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from neurograph.errors import ShapeError
from neurograph.projections.combine import Combine
from neurograph.projections.operator import Array
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class IAnd(Combine):
    """y = x (1 - a), elementwise: the first arrival where the second is silent ("not a, and x").

    Source: the IAND of SEW-ResNet, Fang et al. 2021.
    """

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes) != 2 or shapes[0] != shapes[1]:
            raise ShapeError(f"{self!r} needs two arrivals of equal shape, got {', '.join(map(str, shapes))}")
        return shapes[0]

    def torch(self, xs: Sequence[torch.Tensor]) -> torch.Tensor:
        return xs[0] * (1.0 - xs[1])

    def numpy(self, xs: Sequence[Array]) -> Array:
        return xs[0] * (xs[1].dtype.type(1.0) - xs[1])  # type: ignore[no-any-return]

    def macs(self, shapes: Sequence[Shape]) -> int:
        return math.prod(shapes[0])
