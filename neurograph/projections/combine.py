"""How the arrivals at a port become one value, where that is neither their sum nor their concatenation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from neurograph.constructed import Constructed
from neurograph.errors import BackendError, ShapeError
from neurograph.projections.operator import Array
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Combine(Constructed):
    """Base: a function of several values of one step, arrays [B, *shape] in the order their projections were declared."""

    family = "combine"

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        """The shape of the result; raises ShapeError where the arrivals do not fit."""
        raise NotImplementedError

    def torch(self, xs: Sequence[torch.Tensor]) -> torch.Tensor:
        raise BackendError(f"{self!r} defines no torch(xs), so it does not run on the torch backend; write it")

    def numpy(self, xs: Sequence[Array]) -> Array:
        raise BackendError(f"{self!r} defines no numpy(xs), so it runs on the torch backend only; write it")

    def macs(self, shapes: Sequence[Shape]) -> int:
        """Multiply-accumulates per sample and step."""
        return 0

    def __repr__(self) -> str:
        held = ", ".join(f"{k}={v}" for k, v in vars(self).items())
        return f"{type(self).__name__}({held})"


class Product(Combine):
    """y = a b ..., elementwise: gates."""

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(set(shapes)) > 1:
            raise ShapeError(f"{self!r} needs equal shapes, got {', '.join(map(str, shapes))}")
        return shapes[0]

    def torch(self, xs: Sequence[torch.Tensor]) -> torch.Tensor:
        return math.prod(xs[1:], start=xs[0])  # type: ignore[return-value]

    def numpy(self, xs: Sequence[Array]) -> Array:
        return math.prod(xs[1:], start=xs[0])  # type: ignore[call-overload, no-any-return]

    def macs(self, shapes: Sequence[Shape]) -> int:
        return math.prod(shapes[0]) * (len(shapes) - 1)


class MatMul(Combine):
    """y = a b over the last two axes (`transposed=True`: a b^T), the axes before them in parallel: attention."""

    def __init__(self, *, transposed: bool = False):
        self.transposed = transposed

    def shape(self, shapes: Sequence[Shape]) -> Shape:
        if len(shapes) != 2 or min(map(len, shapes)) < 2 or shapes[0][:-2] != shapes[1][:-2]:
            raise ShapeError(f"{self!r} needs two matrices with equal axes before, got {', '.join(map(str, shapes))}")
        a, b = shapes
        inner, outer = (b[-1], b[-2]) if self.transposed else (b[-2], b[-1])
        if a[-1] != inner:
            raise ShapeError(f"{self!r}: {a} and {b} do not fit, {a[-1]} against {inner}")
        return (*a[:-1], outer)

    def torch(self, xs: Sequence[torch.Tensor]) -> torch.Tensor:
        return xs[0] @ (xs[1].transpose(-1, -2) if self.transposed else xs[1])

    def numpy(self, xs: Sequence[Array]) -> Array:
        return np.matmul(xs[0], np.swapaxes(xs[1], -1, -2) if self.transposed else xs[1])  # type: ignore[no-any-return]

    def macs(self, shapes: Sequence[Shape]) -> int:
        return math.prod(self.shape(shapes)) * shapes[0][-1]
