"""Cross-entropy of the mean output, with label smoothing."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from neurograph.train.losses.loss import Loss, mean_over_steps, number


class CrossEntropy(Loss):
    """L = -sum_k q_k log softmax(mean_t O_t)_k with q = (1 - smoothing) y + smoothing / K.

    y is the row of the label, 1 at its class; float labels are such rows themselves. BrainCog trains with smoothing 0.1.
    """

    name = "cross_entropy"
    aliases = ("ce",)

    def __init__(self, smoothing: float = 0.0) -> None:
        self.smoothing = number(self.name, "smoothing", smoothing, 0.0, 1.0)

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        return functional.cross_entropy(mean_over_steps(output), labels, label_smoothing=self.smoothing)
