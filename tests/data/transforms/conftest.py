"""Batches to change."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch


def _generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _counts(*shape: int, rate: float = 1.0, seed: int = 1) -> torch.Tensor:
    return torch.poisson(torch.full(shape, rate), generator=_generator(seed))


@pytest.fixture(scope="session")
def generator() -> Callable[..., torch.Generator]:
    return _generator


@pytest.fixture(scope="session")
def counts() -> Callable[..., torch.Tensor]:
    """Frames of that shape, Poisson counts of a rate."""
    return _counts
