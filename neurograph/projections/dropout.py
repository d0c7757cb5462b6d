"""Dropout with one mask per sequence."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurograph.errors import SpecError, declared_at
from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Dropout(Operator):
    """y = x m / (1 - p), m one 0/1 mask per sample kept for all steps of a sequence; evaluation: y = x."""

    key = "dropout"
    linear = True

    def __init__(self, p: float = 0.5):
        if not 0.0 <= p < 1.0:
            raise SpecError(f"Dropout(p={p}) at {declared_at()}: 0 <= p < 1")
        self.p = p

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return source

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        import torch

        if not run.training or self.p == 0.0:
            return x
        shape = (run.batch, *x.shape[1:])
        if "mask" not in run.memory:
            keep = torch.rand(shape, dtype=torch.float32, device=x.device) >= self.p
            run.memory["mask"] = keep.to(x.dtype) / (1.0 - self.p)
        return (x.view(run.steps, *shape) * run.memory["mask"]).view(x.shape)

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        if not run.training or self.p == 0.0:
            return x
        shape = (run.batch, *x.shape[1:])
        if "mask" not in run.memory:
            rng = run.rng or np.random.default_rng(0)
            run.memory["mask"] = (rng.random(shape) >= self.p).astype(x.dtype) / x.dtype.type(1.0 - self.p)
        return (x.reshape(run.steps, *shape) * run.memory["mask"]).reshape(x.shape)

    def settings(self) -> str:
        return f"{self.p:g}"
