"""Softmax: what sums to one along an axis."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Softmax(Operator):
    """y_i = exp(x_i) / sum_j exp(x_j) along `axis` (counted from the end: -1 is the last), or with `log` log y_i."""

    key = "softmax"

    def __init__(self, axis: int = -1, *, log: bool = False):
        if not isinstance(axis, int) or axis >= 0:
            raise SpecError(f"Softmax(axis={axis!r}) at {declared_at()}: an axis counted from the end, such as -1")
        self.axis, self.log = axis, log

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(source) < -self.axis:
            raise ShapeError(f"{self}: its input {source} has no axis {self.axis}")
        return source

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.log_softmax(self.axis) if self.log else x.softmax(self.axis)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        x = x - x.max(self.axis, keepdims=True)
        e = np.exp(x)
        total = e.sum(self.axis, keepdims=True)
        return x - np.log(total) if self.log else e / total  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        given = [] if self.axis == -1 else [str(self.axis)]
        return ", ".join(given + (["log=True"] if self.log else []))
