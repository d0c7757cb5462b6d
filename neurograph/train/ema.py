"""Averages of the weights over training."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn

from neurograph.train.failures import TrainingError

__all__ = ["Ema"]


class Ema:
    """a = decay a + (1 - decay) w after each update, beginning with the first weights.

    Parameters and floating-point buffers (running statistics) are averaged alike, whole-number buffers are taken as
    they are: an average of weights with statistics of other weights would fit neither (timm's ModelEmaV2). Only what
    the state_dict holds takes part. Raises TrainingError for a decay outside 0 <= decay < 1, and for averages of
    another model.
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        if isinstance(decay, bool) or not isinstance(decay, int | float) or not 0 <= decay < 1:
            raise TrainingError(f"ema is {decay!r}; it must be a number with 0 <= ema < 1, such as 0.999, or None")
        self.decay = float(decay)
        self._follow = get_ema_multi_avg_fn(self.decay)
        self._live = {name: tensor.detach() for name, tensor in model.state_dict().items()}
        self.averages = {name: tensor.clone() for name, tensor in self._live.items()}
        self._smooth = [name for name, tensor in self._live.items() if tensor.is_floating_point()]

    @torch.no_grad()
    def update(self) -> None:
        """Follow the weights as they are now."""
        averages, live = self._lists(self._smooth)
        if averages:
            self._follow(averages, live, None)
        for average, tensor in zip(*self._lists([n for n in self._live if n not in self._smooth]), strict=True):
            average.copy_(tensor)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """The model computes with the averages while this is open."""
        self.swap()
        try:
            yield
        finally:
            self.swap()

    @torch.no_grad()
    def swap(self) -> None:
        """Exchange weights and averages."""
        for average, tensor in zip(*self._lists(list(self._live)), strict=True):
            held = tensor.clone()
            tensor.copy_(average)
            average.copy_(held)

    def state_dict(self) -> dict[str, Tensor]:
        """The averages by the names of the model's state_dict."""
        return dict(self.averages)

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Tensor]) -> None:
        """Continue from saved averages."""
        if state.keys() != self.averages.keys() or any(state[n].shape != a.shape for n, a in self.averages.items()):
            raise TrainingError("ema: the saved averages are those of another model; resume with the first run's")
        for name, average in self.averages.items():
            average.copy_(state[name])

    def _lists(self, names: list[str]) -> tuple[list[Tensor], list[Tensor]]:
        return [self.averages[n] for n in names], [self._live[n] for n in names]
