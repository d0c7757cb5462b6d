"""Batches and batch transforms."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.data import (
    Batches,
    Compose,
    HorizontalFlip,
    ImageData,
    Normalize,
    RandomCrop,
    RandomErasing,
)
from neurograph.errors import DataError


def numbered(count: int, size: int = 6, channels: int = 2) -> ImageData:
    """Pictures that differ; the label of each is its index."""
    images = np.random.default_rng(0).integers(0, 256, (count, channels, size, size), np.uint8)
    names = tuple(str(n) for n in range(count))
    return ImageData("numbered", "train", images, np.arange(count), names, (0.4, 0.5), (0.2, 0.3), "test")


def labels_of(batches: Batches) -> list[int]:
    return [int(label) for _, labels in batches for label in labels]


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@given(count=st.integers(1, 30), size=st.integers(1, 12), drop=st.booleans(), mix=st.booleans())
@settings(max_examples=50, deadline=None)
def test_every_image_once(count: int, size: int, drop: bool, mix: bool) -> None:
    if drop and size > count:
        with pytest.raises(DataError, match="leaves nothing"):
            Batches(numbered(count), size, drop_last=True)
        return
    batches = Batches(numbered(count), size, shuffle=mix, drop_last=drop)
    parts = [len(labels) for _, labels in batches]
    assert len(parts) == len(batches)
    seen = labels_of(batches)
    assert len(set(seen)) == len(seen) == (count // size * size if drop else count)
    assert mix or seen == list(range(len(seen)))


def test_images_are_normalised_and_belong_to_their_label() -> None:
    data = numbered(9)
    for images, labels in Batches(data, 4, shuffle=True, seed=3):
        assert images.dtype == torch.float32 and labels.dtype == torch.int64
        scaled = data.images[labels.numpy()] / 255
        mean, std = np.array(data.mean), np.array(data.std)
        expected = (scaled - mean[:, None, None]) / std[:, None, None]
        assert np.allclose(images.numpy(), expected, atol=1e-6)


def test_epoch_decides_the_order() -> None:
    run = Batches(numbered(40), 7, shuffle=True, seed=5)
    first, second, third = labels_of(run), labels_of(run), labels_of(run)
    assert first != second != third != first
    resumed = Batches(numbered(40), 7, shuffle=True, seed=5)
    resumed.set_epoch(2)
    assert labels_of(resumed) == third
    assert labels_of(Batches(numbered(40), 7, shuffle=True, seed=6)) != first


def test_transforms_are_reproducible_per_epoch() -> None:
    change = Compose(RandomCrop(2), HorizontalFlip(), Normalize((0.4, 0.5), (0.2, 0.3)))
    change = Compose(change, RandomErasing(0.5))

    def epoch(number: int) -> torch.Tensor:
        batches = Batches(numbered(20), 8, transform=change, normalize=False)
        batches.set_epoch(number)
        return torch.cat([images for images, _ in batches])

    assert torch.equal(epoch(3), epoch(3))
    assert not torch.equal(epoch(3), epoch(4))


def test_batches_leave_the_global_generator_alone() -> None:
    torch.manual_seed(1)
    expected = torch.rand(3)
    torch.manual_seed(1)
    list(Batches(numbered(9), 4, shuffle=True, transform=HorizontalFlip()))
    assert torch.equal(torch.rand(3), expected)


def test_bad_batch_size() -> None:
    with pytest.raises(DataError, match="batch_size is 0"):
        Batches(numbered(3), 0)


def test_crop_is_a_shift_of_each_picture() -> None:
    images = torch.rand((200, 2, 6, 5), generator=generator(1)) + 1
    result = RandomCrop(2)(images, generator())
    assert result.shape == images.shape and result.is_contiguous()
    padded = torch.nn.functional.pad(images, (2, 2, 2, 2))
    found = set()
    for before, after in zip(padded, result, strict=True):
        fits = [(y, x) for y in range(5) for x in range(5) if torch.equal(before[:, y : y + 6, x : x + 5], after)]
        assert len(fits) == 1
        found.add(fits[0])
    assert len(found) == 25, "every offset must occur, edges included"
    assert torch.equal(RandomCrop(0)(images, generator()), images)


def test_flip_mirrors_the_chosen_share() -> None:
    images = torch.rand((1000, 1, 2, 3), generator=generator(1))
    result = HorizontalFlip(0.3)(images, generator())
    flipped = (result == images.flip(-1)).flatten(1).all(1)
    same = (result == images).flatten(1).all(1)
    assert bool((flipped ^ same).all())
    assert 240 < int(flipped.sum()) < 360
    assert torch.equal(HorizontalFlip(1.0)(images, generator()), images.flip(-1))
    assert torch.equal(HorizontalFlip(0.0)(images, generator()), images)


def test_erasing_fills_one_rectangle_of_noise() -> None:
    images = torch.full((400, 3, 16, 16), 100.0)
    result = RandomErasing(0.5)(images, generator())
    changed = (result != 100).all(1)
    assert torch.equal(changed, (result != 100).any(1)), "all channels of a pixel or none"
    area = changed.flatten(1).sum(1)
    assert 160 < int((area > 0).sum()) < 240
    for mask in changed[area > 0]:
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns), "the pixels form a rectangle"
        assert rows.nonzero().max() - rows.nonzero().min() + 1 == rows.sum()
    share = area[area > 0] / 256
    assert share.min() < 0.08 and 0.25 < share.max() < 0.40
    noise = result.permute(1, 0, 2, 3)[:, changed]
    assert abs(float(noise.mean())) < 0.05 and 0.95 < float(noise.std()) < 1.05


def test_normalize_numbers() -> None:
    images = torch.tensor([[[[0.5]], [[0.2]]]])
    result = Normalize((0.1, 0.2), (0.2, 0.5))(images)
    assert result.flatten().tolist() == pytest.approx([2.0, 0.0])


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: RandomCrop(-1), "padding is -1"),
        (lambda: HorizontalFlip(1.5), "p is 1.5"),
        (lambda: RandomErasing(-0.1), "p is -0.1"),
        (lambda: RandomErasing(area=(0.5, 0.1)), "area"),
        (lambda: RandomErasing(ratio=(0.0, 1.0)), "ratio"),
        (lambda: Normalize((0.5,), (0.0,)), "above 0"),
        (lambda: Normalize((0.5,), (0.5, 0.5)), "one of each"),
        (lambda: Normalize((0.5,), (0.5,))(torch.zeros(1, 3, 2, 2)), "3 channels"),
    ],
)
def test_bad_settings(make, message: str) -> None:
    with pytest.raises(DataError, match=message):
        make()
