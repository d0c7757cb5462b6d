"""How the gradients of one or several batches become one change of the weights."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import Tensor, nn

from neurograph.train.distributed import Context
from neurograph.train.ema import Ema
from neurograph.train.failures import TrainingError
from neurograph.train.precision import Precision

__all__ = ["Update", "Updater"]


@dataclass(frozen=True)
class Update:
    """Settings of an update: how many batches make one, what bounds its gradient, whether weights are averaged.

    ``accumulate`` batches are added up to the gradient of their joint batch, each counting by its images: equal to the
    large batch up to rounding, except that batch norm sees each batch by itself. ``clip_norm`` bounds the gradient's
    norm over all parameters, ``clip_value`` each of its numbers; the norm comes first. ``ema`` is the decay of averaged
    weights (see Ema), which evaluation uses and the model holds when `fit` returns. Raises TrainingError for bad
    settings.
    """

    accumulate: int = 1
    clip_norm: float | None = None
    clip_value: float | None = None
    ema: float | None = None

    def __post_init__(self) -> None:
        if isinstance(self.accumulate, bool) or not isinstance(self.accumulate, int) or self.accumulate < 1:
            raise TrainingError(f"Update: accumulate is {self.accumulate!r}; it must be a whole number, 1 or more")
        for name in ("clip_norm", "clip_value"):
            bound = getattr(self, name)
            number = isinstance(bound, int | float) and not isinstance(bound, bool)
            if bound is not None and not (number and bound > 0):
                raise TrainingError(f"Update: {name} is {bound!r}; it must be a number above 0, or None for no bound")


class Updater:
    """Backward passes and updates of one run, in one process or several."""

    def __init__(
        self,
        settings: Update,
        model: nn.Module,
        forward: nn.Module,
        optimizer: torch.optim.Optimizer,
        precision: Precision,
        ranks: Context,
    ) -> None:
        self.settings, self.forward, self.optimizer, self.precision, self.ranks = (
            settings, forward, optimizer, precision, ranks,
        )  # fmt: skip
        self.ema = None if settings.ema is None else Ema(model, settings.ema)
        self._alone = settings.accumulate == 1 and ranks.world == 1
        self._images = 0

    def batch(self, last: bool) -> AbstractContextManager[object]:
        """Around forward and backward of a batch; processes exchange gradients with the last one of an update."""
        if last or not isinstance(self.forward, nn.parallel.DistributedDataParallel):
            return nullcontext()
        return self.forward.no_sync()

    def add(self, loss: Tensor, count: int, last: bool) -> None:
        """Gradients of a batch's mean loss; with the last one of an update, the update."""
        if self._images == 0:
            self.optimizer.zero_grad(set_to_none=True)
        self._images += count
        value = loss if self._alone else loss * count
        (value if self.precision.scaler is None else self.precision.scaler.scale(value)).backward()  # type: ignore[no-untyped-call]
        if last:
            self._update()

    def _update(self) -> None:
        gradients = [p.grad for group in self.optimizer.param_groups for p in group["params"] if p.grad is not None]
        if not self._alone:
            self._divide(gradients)
        self._images = 0
        scaler = self.precision.scaler
        if self.settings.clip_norm is not None or self.settings.clip_value is not None:
            if scaler is not None:
                scaler.unscale_(self.optimizer)
            self._clip()
        if scaler is None:
            self.optimizer.step()
        else:
            scaler.step(self.optimizer)
            scaler.update()
        if self.ema is not None:
            self.ema.update()

    def _divide(self, gradients: list[Tensor]) -> None:
        """From sums over images to the mean over those of all batches and processes."""
        images = torch.tensor([float(self._images)], dtype=torch.float64, device=self.ranks.device)
        if self.ranks.world > 1:
            dist.all_reduce(images)
        # DistributedDataParallel has divided the sum over processes by their number.
        factor = self.ranks.world / images
        for gradient in gradients:
            gradient.mul_(factor.to(gradient.device, gradient.dtype))

    def _clip(self) -> None:
        parameters = [p for group in self.optimizer.param_groups for p in group["params"]]
        if self.settings.clip_norm is not None:
            nn.utils.clip_grad_norm_(parameters, self.settings.clip_norm)
        if self.settings.clip_value is not None:
            nn.utils.clip_grad_value_(parameters, self.settings.clip_value)
