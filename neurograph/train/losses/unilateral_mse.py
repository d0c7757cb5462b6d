"""BrainCog's UnilateralMse."""

from __future__ import annotations

import math

from torch import Tensor

from neurograph.train.losses.loss import Loss, mean_over_steps, number, one_hot


class UnilateralMSE(Loss):
    """L = mean_{n, k} (r_k - threshold y_k)^2 with r = mean_t O_t.

    Both sides count, in spite of the name: BrainCog's code computes a clip of r at the threshold and drops it.
    """

    name = "unilateral_mse"

    def __init__(self, threshold: float = 1.0) -> None:
        self.threshold = number(self.name, "threshold", threshold, 0.0, math.inf)

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        rates = mean_over_steps(output)
        return (rates - self.threshold * one_hot(labels, rates)).square().mean()
