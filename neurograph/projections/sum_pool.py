"""SumPool2d: the sum over a moving window."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neurograph.projections.operator import Array, Run
from neurograph.projections.pool import _Window
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class SumPool2d(_Window):
    """y = sum of the window: of spikes, how many it holds."""

    key = "sum_pool"
    linear = True

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import avg_pool2d

        return avg_pool2d(x, self.kernel, self.stride, self.padding, self.ceil, divisor_override=1)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return self._windows(x, 0.0).sum((-2, -1), dtype=x.dtype)  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(target) * math.prod(self.kernel)
