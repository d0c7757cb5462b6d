"""Pooling over (height, width): average, maximum, and average to a given size."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run, needs_image, pair
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class _Window(Operator):
    """A pool with a moving window; a remainder at the border is left out, or with `ceil` pooled as it is."""

    key = "pool"
    dilation: tuple[int, int] = (1, 1)

    def __init__(
        self,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: int | tuple[int, int] = 0,
        ceil: bool = False,
    ):
        self.kernel = pair(kernel, "kernel")
        self.stride = self.kernel if stride is None else pair(stride, "stride")
        self.padding, self.ceil = pair(padding, "padding"), ceil
        if min(*self.kernel, *self.stride) < 1:
            raise SpecError(f"{self!r} at {declared_at()}: kernel and stride are at least 1")
        if any(2 * p > k for p, k in zip(self.padding, self.kernel, strict=True)):
            raise SpecError(f"{self!r} at {declared_at()}: padding is at most half the kernel")

    def _axes(self, size: Sequence[int]) -> list[tuple[int, int, int, int, int, int]]:
        """Per axis: input, output, kernel as far as it reaches, stride, padding, dilation."""
        out = []
        for n, k, s, p, d in zip(size, self.kernel, self.stride, self.padding, self.dilation, strict=True):
            reach = d * (k - 1) + 1
            room = n + 2 * p - reach
            length = (-(-room // s) if self.ceil else room // s) + 1
            if self.ceil and (length - 1) * s >= n + p:
                length -= 1  # a window that would begin behind the input
            out.append((n, length, reach, s, p, d))
        return out

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        channels, *size = needs_image(self, source)
        out = [length for _, length, *_ in self._axes(size)]
        if min(out) < 1:
            raise ShapeError(f"{self}: the window is larger than its input {source}")
        return (channels, out[0], out[1])

    def _windows(self, x: Array, outside: float) -> Array:
        """All windows [B, C, height, width, kh, kw], with `outside` where they reach over the border."""
        axes = self._axes(x.shape[2:])
        ends = [max(0, (length - 1) * s + reach - n - p) for n, length, reach, s, p, _ in axes]
        if any(self.padding) or any(ends):
            sides = [(p, end) for p, end in zip(self.padding, ends, strict=True)]
            x = np.pad(x, [(0, 0), (0, 0), *sides], constant_values=outside)
        reach = tuple(a[2] for a in axes)
        views = np.lib.stride_tricks.sliding_window_view(x, reach, axis=(2, 3))  # type: ignore[call-overload]
        (h, w), (sh, sw), (dh, dw) = (a[1] for a in axes), self.stride, self.dilation
        return views[:, :, : (h - 1) * sh + 1 : sh, : (w - 1) * sw + 1 : sw, ::dh, ::dw]  # type: ignore[no-any-return]

    def settings(self) -> str:
        same = self.kernel[0] == self.kernel[1]
        text = str(self.kernel[0]) if same else str(self.kernel)
        text += "" if self.stride == self.kernel else f", stride={self.stride}"
        text += f", padding={self.padding}" if any(self.padding) else ""
        return text + (", ceil=True" if self.ceil else "")


class AvgPool2d(_Window):
    """y = mean of the window; zeros of the padding count as values unless `count_padding` is False."""

    key = "avg_pool"
    linear = True

    def __init__(
        self,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: int | tuple[int, int] = 0,
        ceil: bool = False,
        count_padding: bool = True,
    ):
        self.count_padding = count_padding  # before anything is said of this pool
        super().__init__(kernel, stride, padding=padding, ceil=ceil)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import avg_pool2d

        return avg_pool2d(x, self.kernel, self.stride, self.padding, self.ceil, self.count_padding)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        counted = []
        for n, length, k, s, p, _ in self._axes(x.shape[2:]):
            begin = np.arange(length) * s - p
            end = np.minimum(begin + k, n + p)
            counted.append(end - begin if self.count_padding else np.minimum(end, n) - np.maximum(begin, 0))
        return self._windows(x, 0.0).sum((-2, -1), dtype=x.dtype) / np.outer(*counted).astype(x.dtype)  # type: ignore[no-any-return]

    def settings(self) -> str:
        return super().settings() + ("" if self.count_padding else ", count_padding=False")


class MaxPool2d(_Window):
    """y = maximum of the window, step by step; what is padded never counts."""

    key = "max_pool"
    moves_only = True

    def __init__(
        self,
        kernel: int | tuple[int, int],
        stride: int | tuple[int, int] | None = None,
        *,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        ceil: bool = False,
    ):
        self.dilation = pair(dilation, "dilation")
        super().__init__(kernel, stride, padding=padding, ceil=ceil)
        if min(self.dilation) < 1:
            raise SpecError(f"{self!r} at {declared_at()}: dilation is at least 1")

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch
        from torch.nn.functional import max_pool2d

        if x.device.type != "cpu" or (torch.is_grad_enabled() and x.requires_grad) or any(self.padding) or self.ceil:
            return max_pool2d(x, self.kernel, self.stride, self.padding, self.dilation, self.ceil)
        # without a gradient nobody asks where the maximum was, and rows, then columns, are eight times faster
        for axis, length in zip((2, 3), self.shape(tuple(x.shape[1:]), None)[1:], strict=True):
            stride, apart = self.stride[axis - 2], self.dilation[axis - 2]
            reach = (length - 1) * stride + 1
            parts = [x.narrow(axis, k * apart, reach) for k in range(self.kernel[axis - 2])]
            parts = [p[:, :, ::stride] if axis == 2 else p[..., ::stride] for p in parts]
            x = functools.reduce(torch.maximum, parts)
        return x

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return self._windows(x, -np.inf).max((-2, -1))

    def settings(self) -> str:
        return super().settings() + (f", dilation={self.dilation}" if self.dilation != (1, 1) else "")


class AdaptiveAvgPool2d(Operator):
    """Average over bins so that the output has `size`; bin i covers floor(i n / m) .. ceil((i + 1) n / m)."""

    key = "adaptive_avg_pool"
    linear = True

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
