"""Batches that draw samples with replacement, so that each class comes as often as another."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurograph.data import Batches, ImageData
from neurograph.errors import DataError


def unequal() -> ImageData:
    """Two samples of class 0, 30 of class 1, none of class 2 and 8 of class 3."""
    images = np.random.default_rng(0).integers(0, 256, (40, 1, 4, 4), np.uint8)
    labels = np.repeat([0, 1, 3], [2, 30, 8])
    return ImageData("unequal", "train", images, labels, ("a", "b", "c", "d"), (0.4,), (0.2,), "test")


def test_balance_draws_every_class_as_often() -> None:
    batches = Batches(unequal(), 7, shuffle=True, balance=True, seed=1)
    orders = torch.stack([batches.order(epoch) for epoch in range(200)])
    assert orders.shape == (200, 40) and orders.dtype == torch.int64
    times = torch.bincount(orders.flatten(), minlength=40).double()
    per_class = [float(times[:2].sum()), float(times[2:32].sum()), float(times[32:].sum())]
    assert per_class == pytest.approx([8000 / 3] * 3, rel=0.06)
    assert times[:2].tolist() == pytest.approx([8000 / 6] * 2, rel=0.1)
    assert len(set(orders[0].tolist())) < 40, "with replacement"
    drawn = [int(label) for _, labels in batches for label in labels]
    assert drawn == unequal().labels[orders[0].numpy()].tolist()


def test_balance_depends_on_seed_and_epoch_and_is_shared_out() -> None:
    options = dict(shuffle=True, balance=True, seed=3)
    run = Batches(unequal(), 8, **options)
    assert torch.equal(run.order(4), Batches(unequal(), 8, **options).order(4))
    assert not torch.equal(run.order(4), run.order(5))
    assert not torch.equal(run.order(4), Batches(unequal(), 8, **options | {"seed": 4}).order(4))
    parts = [list(Batches(unequal(), 8, rank=rank, world=2, **options)) for rank in range(2)]
    for k, (x, labels) in enumerate(run):
        assert torch.equal(torch.cat([part[k][0] for part in parts]), x)
        assert torch.equal(torch.cat([part[k][1] for part in parts]), labels)
    with pytest.raises(DataError, match="balance draws the order at random; give shuffle=True"):
        Batches(unequal(), 8, balance=True)
