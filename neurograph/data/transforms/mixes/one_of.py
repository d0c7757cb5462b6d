"""One of several mixes."""

from __future__ import annotations

from typing import Protocol

import torch

from neurograph.errors import DataError

__all__ = ["OneOf"]


class _Mixes(Protocol):
    classes: int

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]: ...


class OneOf:
    """For each batch one of the mixes, all with the same probability: OneOf(MixUp(10), CutMix(10)).

    Raises DataError for no mixes and for mixes of different numbers of classes.
    """

    def __init__(self, *mixes: _Mixes) -> None:
        if len({mix.classes for mix in mixes}) != 1:
            found = ", ".join(f"{type(mix).__name__} of {mix.classes}" for mix in mixes)
            raise DataError(f"OneOf: mixes {found or 'none'}; give one or more, all of the same number of classes")
        self.mixes, self.classes = mixes, mixes[0].classes

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        which = torch.randint(len(self.mixes), (), generator=generator, device=images.device)
        return self.mixes[int(which)](images, labels, generator)
