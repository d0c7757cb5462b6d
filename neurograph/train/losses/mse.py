"""Mean squared error of rates."""

from __future__ import annotations

from torch import Tensor

from neurograph.train.losses.loss import Loss, mean_over_steps, one_hot


class MSE(Loss):
    """L = mean_{n, k} (r_k - y_k)^2 with the rate r = mean_t O_t and the label's row y, 1 at its class (OnehotMse in BrainCog)."""

    name = "mse"
    aliases = ("onehot_mse",)

    def __call__(self, output: Tensor, labels: Tensor) -> Tensor:
        rates = mean_over_steps(output)
        return (rates - one_hot(labels, rates)).square().mean()
