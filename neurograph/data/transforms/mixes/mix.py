"""What a mix is."""

from __future__ import annotations

from abc import ABC, abstractmethod

import numpy as np
import torch
from scipy.special import betaincinv

from neurograph.data.transforms.mixes.labels import class_weights
from neurograph.data.transforms.planes import planes
from neurograph.data.transforms.settings import probability
from neurograph.errors import DataError

__all__ = ["Mix"]


class Mix(ABC):
    """Blend each sample i, with probability ``prob``, with another sample j of the batch, and its label alike.

    x' of x_i and x_j by a share lam ~ Beta(a, a), and y' = w y_i + (1 - w) y_j, where w is the part of x_i that is in
    x'. The partners are a random order of the batch. Called as mix(images, labels, generator) with pictures [N, C, H, W]
    or frames [N, T, C, H, W] and labels int64 [N] or float [N, K]; the labels that come out are float [N, K] of sum 1.

    Raises DataError for fewer than one class, a prob outside 0..1, an `a` that is not above 0, and for labels that are
    none of the ``classes``.
    """

    def __init__(self, classes: int, concentration: float, prob: float, name: str) -> None:
        owner = type(self).__name__
        if isinstance(classes, bool) or not isinstance(classes, int) or classes < 1:
            raise DataError(f"{owner}: classes is {classes}; give the number of classes, 1 or more")
        if not 0 < concentration < float("inf"):
            raise DataError(f"{owner}: {name} is {concentration}; Beta({name}, {name}) needs a number above 0")
        self.classes, self.prob, self._concentration = classes, probability(owner, prob, "prob"), concentration

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        owner, count, device = type(self).__name__, len(images), images.device
        planes(images, owner)
        weights = class_weights(labels, self.classes, owner)
        if len(labels) != count:
            raise DataError(f"{owner}: {count} samples and {len(labels)} labels; give one label a sample")
        partner = torch.randperm(count, generator=generator, device=device)
        uniform = torch.rand(count, generator=generator, device=device, dtype=torch.float64).cpu().numpy()
        share = torch.from_numpy(np.asarray(betaincinv(self._concentration, self._concentration, uniform))).to(device)
        mixes = torch.rand(count, generator=generator, device=device) < self.prob
        mixed, own = self.mixed(images, images[partner], share, generator)
        mixed = torch.where(mixes.view(-1, *(1,) * (images.ndim - 1)), mixed, images)
        own = torch.where(mixes, own, 1.0).to(weights.dtype)[:, None]
        return mixed, own * weights + (1 - own) * weights[partner]

    @abstractmethod
    def mixed(
        self, images: torch.Tensor, others: torch.Tensor, share: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """The blended samples and the weight [N] of the own label; `share` is lam, float64 [N]."""
