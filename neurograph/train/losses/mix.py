"""BrainCog's MixLoss: a little cross-entropy beside the squared error."""

from __future__ import annotations

import math

from torch import Tensor

from neurograph.train.losses.cross_entropy import CrossEntropy
from neurograph.train.losses.loss import Loss, number
from neurograph.train.losses.unilateral_mse import UnilateralMSE


class Mix(Loss):
    """L = share CE + UnilateralMSE, with share 0.1 in BrainCog."""

    name = "mix"

    def __init__(self, share: float = 0.1, threshold: float = 1.0, smoothing: float = 0.0) -> None:
        self.share = number(self.name, "share", share, 0.0, math.inf)
        self.entropy = CrossEntropy(smoothing)
        self.error = UnilateralMSE(threshold)

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        return self.share * self.entropy(output, labels) + self.error(output, labels)
