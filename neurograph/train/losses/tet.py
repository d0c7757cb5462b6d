"""Temporal efficient training: every step is asked for the answer."""

from __future__ import annotations

import math

from torch import Tensor
from torch.nn import functional

from neurograph.train.failures import TrainingError
from neurograph.train.losses.loss import Loss, number


class TET(Loss):
    """L = (1 - lam) mean_t CE(O_t, y) + lam mean_t MSE(O_t, phi).

    With ``lam=0`` it is BrainCog's TetLoss. ``phi`` is the value outputs are held near (the threshold, in the paper);
    ``smoothing`` as in cross-entropy. The output must be [T, N, K]: declare it with `readout=ng.Steps()`; raises
    TrainingError else. Source: Deng, Li, Zhang, Gu 2022, "Temporal Efficient Training of Spiking Neural Network via
    Gradient Re-weighting", ICLR.
    """

    name = "tet"

    def __init__(self, lam: float = 0.0, phi: float = 1.0, smoothing: float = 0.0) -> None:
        self.lam = number(self.name, "lam", lam, 0.0, 1.0)
        self.phi = number(self.name, "phi", phi, -math.inf, math.inf)
        self.smoothing = number(self.name, "smoothing", smoothing, 0.0, 1.0)

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        if output.ndim != 3:
            raise TrainingError(
                f"loss 'tet': the output is {tuple(output.shape)}; it needs the output of every step, [T, N, K]; "
                "declare the output with readout=ng.Steps()"
            )
        steps = output.shape[0]
        rows = labels.repeat(steps, *[1] * (labels.ndim - 1))
        value = functional.cross_entropy(output.flatten(0, 1), rows, label_smoothing=self.smoothing)
        if self.lam == 0.0:
            return value
        return (1 - self.lam) * value + self.lam * (output - self.phi).square().mean()
