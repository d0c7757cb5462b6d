"""Voting: several neurons speak for one class."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

from neurograph.errors import ShapeError, SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Voting(Operator):
    """y[k] = mean of x[k n], ..., x[k n + n - 1]: each `size` = n consecutive values of the last axis become one.

    Source: the voting layer of Wu et al. 2019 and Fang et al. 2021; BrainCog's VotingLayer.
    """

    key = "voting"
    linear = True

    def __init__(self, size: int):
        if not size > 0:
            raise SpecError(f"Voting({size!r}) at {declared_at()}: how many values become one, 1 or more")
        self.size = size

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if source[-1] % self.size:
            raise ShapeError(f"{self!r}: the last axis of {source} is no multiple of {self.size}")
        return (*source[:-1], source[-1] // self.size)

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        return x.unflatten(-1, (-1, self.size)).mean(-1)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        return x.reshape(*x.shape[:-1], -1, self.size).mean(-1, dtype=x.dtype)  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return str(self.size)
