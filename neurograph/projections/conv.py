"""Conv2d: a convolution over (channels, height, width)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from neurograph.distributions import Distribution
from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import (
    Array,
    Operator,
    Run,
    Weight,
    given,
    needs_image,
    pair,
    starting,
    uniform_fan_in,
)
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


PADDING_MODES = {"zeros": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}  # NumPy's names


class Conv2d(Operator):
    """y[o] = b[o] + sum_c W[o, c] * x[c] (cross-correlation); W is [out, in / groups, kh, kw].

    `padding` is a size, "valid" (none) or "same" (as large as the input, stride 1; an odd rest goes to the end). What is
    padded follows `padding_mode`: zeros, reflect, replicate or circular. `weight` is an array, or a distribution the weights
    are drawn from; without it they are drawn as PyTorch's are.
    """

    key = "conv2d"
    linear = True
    by_channel = True
    kept_as: ClassVar[dict[str, str | None]] = {"bias": "has_bias"}

    def __init__(
        self,
        channels: int,
        kernel: int | tuple[int, int],
        *,
        stride: int | tuple[int, int] = 1,
        padding: int | tuple[int, int] | str = 0,
        padding_mode: str = "zeros",
        dilation: int | tuple[int, int] = 1,
        groups: int = 1,
        bias: bool = True,
        weight: Any = None,
        learnable: bool = True,
    ):
        self.channels, self.groups, self.has_bias, self.learnable = channels, groups, bias, learnable
        self.kernel, self.stride = pair(kernel, "kernel"), pair(stride, "stride")
        self.dilation, self.padding_mode = pair(dilation, "dilation"), padding_mode
        self.padding, self.trailing = self._padding(padding)  # before and after each axis
        drawn = weight is None or isinstance(weight, Distribution)
        self.weight = weight if drawn else given(weight, "Conv2d(weight=...)")
        if channels < 1 or min(*self.kernel, *self.stride, *self.dilation, groups) < 1:
            raise SpecError(
                f"{self!r} at {declared_at()}: channels, kernel, stride, dilation and groups are at least 1"
            )
        if channels % groups:
            raise SpecError(f"{self!r} at {declared_at()}: groups={groups} must divide channels={channels}")
        if padding_mode not in PADDING_MODES:
            raise SpecError(f"{self!r} at {declared_at()}: padding_mode is one of {', '.join(PADDING_MODES)}")

    def _padding(self, padding: int | tuple[int, int] | str) -> tuple[tuple[int, int], tuple[int, int]]:
        if not isinstance(padding, str):
            before = pair(padding, "padding")
            return before, before
        if padding not in ("same", "valid") or (padding == "same" and self.stride != (1, 1)):
            raise SpecError(f"Conv2d(padding={padding!r}) at {declared_at()}: a size, 'valid', or with stride 1 'same'")
        h, w = (d * (k - 1) if padding == "same" else 0 for d, k in zip(self.dilation, self.kernel, strict=True))
        return (h // 2, w // 2), (h - h // 2, w - w // 2)

    def arguments_given(self) -> dict[str, Any]:
        return {**super().arguments_given(), "padding": self.padding if self.padding == self.trailing else "same"}

    def _forget(self, has_bias: bool) -> None:
        self.weight, self.has_bias = None, has_bias

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        channels, *size = needs_image(self, source)
        if channels % self.groups:
            raise ShapeError(f"{self}: groups={self.groups} must divide the {channels} input channels")
        out = []
        sides = zip(self.padding, self.trailing, strict=True)
        for n, k, s, (p, q), d in zip(size, self.kernel, self.stride, sides, self.dilation, strict=True):
            length = (n + p + q - d * (k - 1) - 1) // s + 1
            if length < 1:
                raise ShapeError(f"{self}: the kernel is larger than the padded input {source}. Add padding")
            largest = {"reflect": n - 1, "circular": n}.get(self.padding_mode, max(p, q))
            if max(p, q) > largest:
                raise ShapeError(f"{self}: padding_mode={self.padding_mode!r} pads {source} by at most {largest}")
            out.append(length)
        return (self.channels, out[0], out[1])

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        shape = (self.channels, source[0] // self.groups, *self.kernel)
        init = uniform_fan_in(int(np.prod(shape[1:])))
        out = {"weight": Weight(shape, starting(self.weight, init), self.learnable)}
        if self.has_bias:
            out["bias"] = Weight((self.channels,), init, self.learnable)
        return out

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch
        from torch.nn.functional import conv2d, pad

        if x.device.type == "cpu" and torch.is_autocast_enabled("cpu"):
            # bfloat16 convolutions of the CPU work on channels last; what follows keeps the layout it is given
            x = x.contiguous(memory_format=torch.channels_last)
        if self.padding_mode != "zeros" or self.padding != self.trailing:
            sides = (self.padding[1], self.trailing[1], self.padding[0], self.trailing[0])
            x = pad(x, sides, mode="constant" if self.padding_mode == "zeros" else self.padding_mode)
            return conv2d(x, w["weight"], w.get("bias"), self.stride, 0, self.dilation, self.groups)
        return conv2d(x, w["weight"], w.get("bias"), self.stride, self.padding, self.dilation, self.groups)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        (sh, sw), (dh, dw) = self.stride, self.dilation
        channels, height, width = self.shape(x.shape[1:], None)
        sides = tuple(zip(self.padding, self.trailing, strict=True))
        x = np.pad(x, ((0, 0), (0, 0), *sides), PADDING_MODES[self.padding_mode])  # type: ignore[call-overload]
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

    @staticmethod
    def said(sides: tuple[int, int]) -> str:
        """A setting of both axes as it is typed."""
        return str(sides[0]) if sides[0] == sides[1] else str(sides)

    def settings(self) -> str:
        one = self.said
        text = f"{self.channels}, {one(self.kernel)}"
        for name, default in (("stride", (1, 1)), ("padding", (0, 0)), ("dilation", (1, 1))):
            if getattr(self, name) != default:
                text += f", {name}={one(getattr(self, name))}"
        if self.padding != self.trailing:
            text = text.replace(f", padding={one(self.padding)}", "") + ', padding="same"'
        text += f', padding_mode="{self.padding_mode}"' if self.padding_mode != "zeros" else ""
        text += f", groups={self.groups}" if self.groups > 1 else ""
        return text + ("" if self.has_bias else ", bias=False")
