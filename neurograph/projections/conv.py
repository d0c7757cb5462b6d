"""Conv2d: a convolution over (channels, height, width)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import (
    Array,
    Operator,
    Run,
    Weight,
    fixed,
    given,
    needs_image,
    pair,
    uniform_fan_in,
)
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Conv2d(Operator):
    """y[o] = b[o] + sum_c W[o, c] * x[c] (cross-correlation), zero padding; W is [out, in / groups, kh, kw]."""

    key = "conv2d"

    def __init__(
        self,
        channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] = 0,
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        weight: Any = None,
        learnable: bool = True,
    ):
        self.channels, self.groups, self.has_bias, self.learnable = channels, groups, bias, learnable
        self.kernel, self.stride = pair(kernel, "kernel"), pair(stride, "stride")
        self.padding, self.dilation = pair(padding, "padding"), pair(dilation, "dilation")
        self.weight = None if weight is None else given(weight, "Conv2d(weight=...)")
        if channels < 1 or min(*self.kernel, *self.stride, *self.dilation, groups) < 1:
            raise SpecError(
                f"{self!r} at {declared_at()}: channels, kernel, stride, dilation and groups are at least 1"
            )
        if channels % groups:
            raise SpecError(f"{self!r} at {declared_at()}: groups={groups} must divide channels={channels}")

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        channels, *size = needs_image(self, source)
        if channels % self.groups:
            raise ShapeError(f"{self}: groups={self.groups} must divide the {channels} input channels")
        out = []
        for n, k, s, p, d in zip(size, self.kernel, self.stride, self.padding, self.dilation, strict=True):
            length = (n + 2 * p - d * (k - 1) - 1) // s + 1
            if length < 1:
                raise ShapeError(f"{self}: the kernel is larger than the padded input {source}. Add padding")
            out.append(length)
        return (self.channels, out[0], out[1])

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        shape = (self.channels, source[0] // self.groups, *self.kernel)
        init = uniform_fan_in(int(np.prod(shape[1:])))
        out = {"weight": Weight(shape, init if self.weight is None else fixed(self.weight), self.learnable)}
        if self.has_bias:
            out["bias"] = Weight((self.channels,), init, self.learnable)
        return out

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import conv2d

        return conv2d(x, w["weight"], w.get("bias"), self.stride, self.padding, self.dilation, self.groups)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        (ph, pw), (sh, sw), (dh, dw) = self.padding, self.stride, self.dilation
        channels, height, width = self.shape(x.shape[1:], None)
        x = np.pad(x, ((0, 0), (0, 0), (ph, ph), (pw, pw)))
        weight, groups = w["weight"], self.groups
        each = channels // groups
        y = np.zeros((len(x), channels, height * width), x.dtype)
        for g in range(groups):
            ins = slice(g * weight.shape[1], (g + 1) * weight.shape[1])
            outs = slice(g * each, (g + 1) * each)
            for i in range(self.kernel[0]):
                for j in range(self.kernel[1]):
                    rows = slice(i * dh, i * dh + (height - 1) * sh + 1, sh)
                    columns = slice(j * dw, j * dw + (width - 1) * sw + 1, sw)
                    patch = x[:, ins, rows, columns].reshape(len(x), -1, height * width)
                    y[:, outs] += np.matmul(weight[outs, :, i, j], patch)
        if "bias" in w:
            y += w["bias"][:, None]
        return y.reshape(len(x), channels, height, width)

    def macs(self, source: Shape, target: Shape) -> int:
        return int(np.prod(target)) * (source[0] // self.groups) * self.kernel[0] * self.kernel[1]

    def settings(self) -> str:
        def one(v: tuple[int, int]) -> str:
            return str(v[0]) if v[0] == v[1] else str(v)

        text = f"{self.channels}, {one(self.kernel)}"
        for name, default in (("stride", (1, 1)), ("padding", (0, 0)), ("dilation", (1, 1))):
            if getattr(self, name) != default:
                text += f", {name}={one(getattr(self, name))}"
        text += f", groups={self.groups}" if self.groups > 1 else ""
        return text + ("" if self.has_bias else ", bias=False")
