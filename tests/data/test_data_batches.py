"""Batches and batch transforms."""

from __future__ import annotations

import _thread
import gc
import subprocess
import sys
import threading
from collections.abc import Callable

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.data import (
    Batches,
    ByNumber,
    Compose,
    EventData,
    Events,
    FrameData,
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


def frames(count: int, steps: int = 3) -> FrameData:
    """Frames of made-up recordings; the label of each is its index."""

    def read(key: str) -> Events:
        rng = np.random.default_rng(int(key))
        n = int(rng.integers(0, 200))
        t, x, y, p = (rng.integers(0, high, n) for high in (1000, 6, 5, 2))
        return Events(np.sort(t), x.astype(np.uint16), y.astype(np.uint16), p.astype(np.uint8), (2, 5, 6))

    keys = tuple(str(n) for n in range(count))
    data = EventData("made", "train", keys, np.arange(count), keys, (2, 5, 6), read, lambda key: key, "made up")
    return data.frames(ByNumber(steps), cache=False)


class Shuffled:
    """A mix: half of each sample, half of another of the batch."""

    def __init__(self, classes: int) -> None:
        self.classes = classes

    def __call__(
        self, images: torch.Tensor, labels: torch.Tensor, generator: torch.Generator
    ) -> tuple[torch.Tensor, torch.Tensor]:
        other = torch.randperm(len(images), generator=generator)
        hot = torch.nn.functional.one_hot(labels, self.classes).float()
        return (images + images[other]) / 2, (hot + hot[other]) / 2


def noise(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return images + torch.rand(images.shape, generator=generator)


def workers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "neurograph-prefetch"]


def same(a: Batches, b: Batches) -> None:
    for (x, labels), (y, others) in zip(a, b, strict=True):
        assert torch.equal(x, y) and torch.equal(labels, others) and labels.dtype == others.dtype


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


def test_frames_come_time_first_as_counts() -> None:
    data = frames(9)
    for batch, (x, labels) in enumerate(Batches(data, 4)):
        assert x.dtype == torch.float32 and x.is_contiguous() and labels.dtype == torch.int64
        assert x.shape == (3, len(labels), 2, 5, 6)
        assert labels.tolist() == list(range(9))[4 * batch : 4 * batch + 4]
        assert np.array_equal(x.transpose(0, 1).numpy(), data.take(labels.numpy()))


def test_frames_go_into_a_transform_batch_first() -> None:
    seen = []

    def look(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        seen.append(tuple(images.shape))
        return images * 2

    data = frames(6)
    plain, doubled = (next(iter(Batches(data, 4, transform=t)))[0] for t in (None, look))
    assert seen[0] == (4, 3, 2, 5, 6) and doubled.is_contiguous() and torch.equal(plain * 2, doubled)


@pytest.mark.parametrize("make", [numbered, frames])
@pytest.mark.parametrize("prefetch", [1, 2, 5])
def test_fetching_ahead_changes_no_bit(make: Callable[[int], ImageData | FrameData], prefetch: int) -> None:
    def batches(ahead: int) -> Batches:
        return Batches(make(21), 4, shuffle=True, seed=3, transform=noise, mix=Shuffled(21), prefetch=ahead)

    one, other = batches(0), batches(prefetch)
    for _ in range(2):
        same(one, other)
    other.set_epoch(1)
    again = batches(0)
    again.set_epoch(1)
    same(again, other)


@pytest.mark.parametrize("make", [numbered, frames])
def test_a_mix_comes_last_and_leaves_the_transforms_alone(make: Callable[[int], ImageData | FrameData]) -> None:
    plain = Batches(make(8), 8, shuffle=True, transform=noise)
    mixed = Batches(make(8), 8, shuffle=True, transform=noise, mix=Shuffled(8))
    (x, labels), (y, shares) = next(iter(plain)), next(iter(mixed))
    assert shares.dtype == torch.float32 and shares.shape == (8, 8)
    assert torch.allclose(shares.sum(1), torch.ones(8))
    batch = 1 if isinstance(plain.data, FrameData) else 0
    x, y = x.movedim(batch, 0), y.movedim(batch, 0)
    for k in range(8):
        other = int((shares[k] - torch.eye(8)[labels[k]] / 2).argmax())
        place = labels.tolist().index(other)
        assert torch.allclose(y[k], (x[k] + x[place]) / 2)


@pytest.mark.parametrize("make", [numbered, frames])
@pytest.mark.parametrize("changed", [False, True])
@pytest.mark.parametrize("drop_last", [False, True])
def test_ranks_share_the_batches_of_one_process(
    make: Callable[[int], ImageData | FrameData], changed: bool, drop_last: bool
) -> None:
    data = make(20)
    options = dict(shuffle=True, seed=2, drop_last=drop_last)
    if changed:
        options |= dict(transform=noise, mix=Shuffled(20))
    alone = list(Batches(data, 8, **options))
    parts = [list(Batches(data, 8, rank=rank, world=4, **options)) for rank in range(4)]
    assert len(alone) == (2 if drop_last else 3)
    for k, (x, labels) in enumerate(alone):
        assert torch.equal(torch.cat([part[k][0] for part in parts], 1 if isinstance(data, FrameData) else 0), x)
        assert torch.equal(torch.cat([part[k][1] for part in parts]), labels)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (dict(rank=0, world=3), "batch_size 8 cannot be shared out evenly among 3"),
        (dict(rank=0, world=8), "the last batch of 4 cannot be shared out evenly among 8 .* or drop_last=True"),
        (dict(rank=2, world=2), "rank is 2 of world 2"),
        (dict(rank=-1, world=2), "rank is -1 of world 2"),
        (dict(world=0), "rank is 0 of world 0"),
        (dict(prefetch=-1), "prefetch is -1"),
    ],
)
def test_bad_shares(options: dict[str, int], message: str) -> None:
    with pytest.raises(DataError, match=message):
        Batches(numbered(20), 8, **options)


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_an_error_comes_out_where_the_batch_was_due(prefetch: int) -> None:
    calls = []

    def third(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        calls.append(1)
        if len(calls) == 3:
            raise ValueError("the third")
        return images

    batches, got = Batches(numbered(20), 4, transform=third, prefetch=prefetch), []
    with pytest.raises(ValueError, match="the third"):
        for _, labels in batches:
            got += labels.tolist()
    assert got == list(range(8)) and not workers()
    assert len(list(batches)) == 5, "the next epoch is not harmed"


def test_a_loop_that_is_left_stops_its_thread() -> None:
    for _ in Batches(numbered(40), 2):
        assert len(workers()) == 1
        break
    gc.collect()
    assert not workers()
    iterator = iter(Batches(numbered(40), 2))
    next(iterator)
    iterator.close()  # type: ignore[attr-defined]
    assert not workers() and next(iterator, None) is None
    list(Batches(numbered(40), 2))
    assert not workers()


def test_no_more_is_made_ahead_than_asked_for() -> None:
    made = []

    def count(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        made.append(1)
        return images

    for number, _ in enumerate(Batches(numbered(40), 2, transform=count, prefetch=3)):
        # the one in use, three that wait, and one in the thread's hands
        assert len(made) <= number + 5


def test_interrupt_while_waiting() -> None:
    go = threading.Event()

    def slow(images: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        threading.Timer(0.05, _thread.interrupt_main).start()
        threading.Timer(0.1, go.set).start()
        go.wait(10)
        return images

    with pytest.raises(KeyboardInterrupt):
        for _ in Batches(numbered(2), 2, transform=slow):
            threading.Event().wait(10)
    gc.collect()
    assert not workers()


def test_waited_is_counted() -> None:
    for prefetch in (0, 2):
        batches = Batches(numbered(40), 4, prefetch=prefetch)
        assert batches.waited == 0
        list(batches)
        first = batches.waited
        assert first > 0
        next(iter(batches))
        assert batches.waited != first, "of the latest epoch"


@pytest.mark.slow
def test_a_program_ends_with_batches_on_their_way() -> None:
    text = """
import numpy as np
from neurograph.data import Batches, ImageData
images = np.zeros((400, 3, 64, 64), np.uint8)
data = ImageData("n", "train", images, np.zeros(400, np.int64), ("a",), (0.0,) * 3, (1.0,) * 3, "")
iterator = iter(Batches(data, 100))
next(iterator)
"""
    assert subprocess.run([sys.executable, "-c", text], timeout=120, capture_output=True).stderr == b""
