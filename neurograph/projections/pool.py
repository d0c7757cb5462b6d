"""Pooling over (height, width): average, maximum, and average to a given size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run, needs_image, pair
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class _Window(Operator):
    """A pool with a moving window; a remainder at the border is left out, as in torch."""

    key = "pool"

    def __init__(self, kernel: int | tuple[int, int], stride: int | tuple[int, int] | None = None):
        self.kernel = pair(kernel, "kernel")
        self.stride = self.kernel if stride is None else pair(stride, "stride")
        if min(*self.kernel, *self.stride) < 1:
            raise SpecError(f"{self!r} at {declared_at()}: kernel and stride are at least 1")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        channels, *size = needs_image(self, source)
        out = [(n - k) // s + 1 for n, k, s in zip(size, self.kernel, self.stride, strict=True)]
        if min(out) < 1:
            raise ShapeError(f"{self}: the window is larger than its input {source}")
        return (channels, out[0], out[1])

    def _windows(self, x: Array) -> Array:
        views = np.lib.stride_tricks.sliding_window_view(x, self.kernel, axis=(2, 3))  # type: ignore[call-overload]
        return views[:, :, :: self.stride[0], :: self.stride[1]]  # type: ignore[no-any-return]

    def settings(self) -> str:
        same = self.kernel[0] == self.kernel[1]
        text = str(self.kernel[0]) if same else str(self.kernel)
        return text if self.stride == self.kernel else f"{text}, stride={self.stride}"


class AvgPool2d(_Window):
    """y = mean of the window."""

    key = "avg_pool"

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import avg_pool2d

        return avg_pool2d(x, self.kernel, self.stride)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return self._windows(x).mean((-2, -1), dtype=x.dtype)


class MaxPool2d(_Window):
    """y = maximum of the window, step by step."""

    key = "max_pool"

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import max_pool2d

        return max_pool2d(x, self.kernel, self.stride)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return self._windows(x).max((-2, -1))


class AdaptiveAvgPool2d(Operator):
    """Average over bins so that the output has `size`; bin i covers floor(i n / m) .. ceil((i + 1) n / m)."""

    key = "adaptive_avg_pool"

    def __init__(self, size: int | tuple[int, int] = 1):
        self.size = pair(size, "size")
        if min(self.size) < 1:
            raise SpecError(f"{self!r} at {declared_at()}: size is at least 1")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return (needs_image(self, source)[0], *self.size)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import adaptive_avg_pool2d

        return adaptive_avg_pool2d(x, self.size)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        y = np.empty((*x.shape[:2], *self.size), x.dtype)
        (h, w_), (m, n) = x.shape[2:], self.size
        for i in range(m):
            for j in range(n):
                rows = slice(i * h // m, -(-(i + 1) * h // m))
                y[:, :, i, j] = x[:, :, rows, j * w_ // n : -(-(j + 1) * w_ // n)].mean((2, 3), dtype=x.dtype)
        return y

    def settings(self) -> str:
        return str(self.size[0]) if self.size[0] == self.size[1] else str(self.size)
