"""The layouts of a batch: what changes a picture changes all T frames of a sample alike."""

from __future__ import annotations

import torch

from neurograph.errors import DataError

__all__ = ["chosen", "frames", "per_sample", "planes", "whole_counts"]


def planes(images: torch.Tensor, owner: str) -> torch.Tensor:
    """The batch as [N, K, H, W]: K is C, or T C for frames, so that one place of a sample is moved in all of them.

    Raises DataError for another layout and for whole numbers.
    """
    if images.ndim not in (4, 5) or not images.is_floating_point():
        raise DataError(
            f"{owner}: a batch of {images.dtype} {list(images.shape)}; it takes float pictures [N, C, H, W] or frames "
            "[N, T, C, H, W]: add the missing axis, or turn bytes into floats with .float() / 255"
        )
    return images if images.ndim == 4 else images.flatten(1, 2)


def frames(images: torch.Tensor, owner: str) -> torch.Tensor:
    """The batch, if it is frames [N, T, C, H, W] of floats; raises DataError."""
    if images.ndim != 5 or not images.is_floating_point():
        raise DataError(
            f"{owner}: a batch of {images.dtype} {list(images.shape)}; it takes float frames [N, T, C, H, W], batch first"
        )
    return images


def whole_counts(images: torch.Tensor, owner: str) -> torch.Tensor:
    """The batch, if it is frames whose every number is a count of events: 0, 1, 2, ...; raises DataError."""
    frames(images, owner)
    low, high = images.aminmax() if images.numel() else (images.new_zeros(()),) * 2
    if not (bool(low >= 0) and bool(high < torch.inf) and torch.equal(images, images.floor())):
        raise DataError(
            f"{owner}: frames that are not counts of events; it draws among single events and so takes whole numbers "
            "from 0 on: put it before what resizes, rotates or normalises, and use a frame maker that counts"
        )
    return images


def per_sample(values: torch.Tensor, images: torch.Tensor) -> torch.Tensor:
    """Numbers [N] with as many axes of 1 behind as `images` has more."""
    return values.view(-1, *(1,) * (images.ndim - 1))


def chosen(images: torch.Tensor, p: float, generator: torch.Generator) -> torch.Tensor:
    """A mask over samples, true with probability `p`, with an axis of 1 for each further one of `images`."""
    return per_sample(torch.rand(len(images), generator=generator, device=images.device) < p, images)
