"""GELU, the Gaussian error linear unit."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from neurograph.projections.operator import Array, Operator, Run
from neurograph.spec import Shape

if TYPE_CHECKING:
    import torch


class Gelu(Operator):
    """y = x Phi(x) = x/2 (1 + erf(x / sqrt 2)); with `tanh` x/2 (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))).

    Source: Hendrycks and Gimpel 2016.
    """

    key = "gelu"

    def __init__(self, *, tanh: bool = False):
        self.tanh = tanh

    def shape(self, source: Shape, target: Shape | None) -> Shape:
        return source

    def torch(self, x: torch.Tensor, w: Mapping[str, torch.Tensor], run: Run) -> torch.Tensor:
        from torch.nn.functional import gelu

        return gelu(x, approximate="tanh" if self.tanh else "none")

    def numpy(self, x: Array, w: Mapping[str, Array], run: Run) -> Array:
        if self.tanh:
            return x * 0.5 * (1.0 + np.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * x * x * x)))  # type: ignore[no-any-return]
        from scipy.special import erf

        return x * 0.5 * (1.0 + erf(x * math.sqrt(0.5)))  # type: ignore[no-any-return]

    def macs(self, source: Shape, target: Shape) -> int:
        return math.prod(source)

    def settings(self) -> str:
        return "tanh=True" if self.tanh else ""
