"""Accumulate: the synapse of equilibrium conversion, which holds what it has received."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from neurograph.errors import ShapeError
from neurograph.projections.operator import Array, Operator, Run, Weight, fixed, given
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Accumulate(Operator):
    """y_t = step (x_1 + ... + x_t): signed spikes become the level they stand for; step is a number or one per channel.

    The sum counts whole spikes and is exact, so that a function of the level is what an activation of that value gives. The
    increments f(y_t) - f(y_{t-1}) that a function f would send on add up to f(y_t); the next neuron is given this sum.
    """

    key = "accumulate"

    def __init__(self, step: Any = 1.0):
        self.step = given(step, "Accumulate(step=...)").reshape(-1)

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        if len(self.step) not in (1, source[0]):
            raise ShapeError(f"{self!r}: {len(self.step)} steps for the {source[0]} channels of {source}")
        return source

    def weights(self, source: Shape, target: Shape) -> dict[str, Weight]:
        return {"step": Weight(self.step.shape, fixed(self.step), learnable=False)}

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        x = x.view(run.steps, run.batch, *x.shape[1:])
        if run.repeats > 1:
            x = x.expand(run.repeats, *x.shape[1:])
        total = x.cumsum(0)
        if "total" in run.memory:
            total = total + run.memory["total"]
        run.memory["total"] = total[-1]
        return (total * w["step"].view((-1,) + (1,) * (x.dim() - 3))).flatten(0, 1)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        x = x.reshape(run.steps, run.batch, *x.shape[1:])
        if run.repeats > 1:
            x = np.broadcast_to(x, (run.repeats, *x.shape[1:]))
        total = np.cumsum(x, 0, dtype=x.dtype)
        if "total" in run.memory:
            total = total + run.memory["total"]
        run.memory["total"] = total[-1]
        y = total * w["step"].reshape((-1,) + (1,) * (x.ndim - 3))
        return y.reshape(-1, *x.shape[2:])

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return f"{self.step[0]:g}" if len(self.step) == 1 else f"{len(self.step)} channels"
