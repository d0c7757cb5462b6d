"""What holds for each transform: shape, device order, determinism, T frames alike, batches of one and empty frames."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph import data
from neurograph.data import transforms
from neurograph.errors import DataError

BOTH = {
    "crop": data.RandomCrop(2),
    "flip": data.HorizontalFlip(),
    "affine": data.RandomAffine(15.0, 2.0, (0.8, 1.2), 5.0),
    "elastic": data.ElasticDeform(),
    "resized crop": data.RandomResizedCrop(),
    "erasing": data.RandomErasing(0.7),
    "normalize": data.Normalize((0.1, 0.2, 0.3), (0.5, 0.6, 0.7)),
    "rand augment": data.RandAugment(3, p=0.8),
    "composed": data.Compose(data.RandomCrop(1), data.HorizontalFlip(), data.RandomErasing(0.5)),
}
EVENTS = {
    "cutout": data.CutoutAbs(),
    "cutout in time": data.CutoutTemporal(),
    "blur": data.GaussianBlur(),
    "salt and pepper": data.SaltAndPepper(),
    "event rand augment": data.EventRandAugment(),
    "drop": data.DropEvent(),
    "drop by time": data.DropEventByTime((0.1, 0.9)),
    "drop by area": data.DropEventByArea((0.1, 0.9)),
    "event drop": data.EventDrop(),
    "jitter": data.TemporalJitter(0.7),
}
WHOLE = ("cutout", "cutout in time", "salt and pepper", "drop", "drop by time", "drop by area", "event drop", "jitter")
NEVER_MORE = ("cutout", "cutout in time", "drop", "drop by time", "drop by area", "event drop")
SIZES = st.tuples(st.integers(1, 5), st.integers(1, 4), st.integers(3, 9), st.integers(3, 9))


def gen(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("name", BOTH)
@given(size=SIZES, seed=st.integers(0, 2**40))
@settings(max_examples=12, deadline=None)
def test_pictures_and_frames(name: str, size: tuple[int, int, int, int], seed: int) -> None:
    change, (count, steps, height, width) = BOTH[name], size
    pictures = torch.rand((count, 3, height, width), generator=gen(seed))
    before = pictures.clone()
    changed = change(pictures, gen(seed))
    assert changed.shape == pictures.shape and changed.dtype == pictures.dtype and bool(changed.isfinite().all())
    assert torch.equal(pictures, before), "what comes in stays as it is"
    assert torch.equal(change(pictures, gen(seed)), changed), "the same seed, the same bits"
    # frames that are all one picture stay so, and are changed as the picture is
    frames = pictures[:, None].repeat(1, steps, 1, 1, 1)
    for step in change(frames, gen(seed)).unbind(1):
        torch.testing.assert_close(step, changed, rtol=0, atol=2e-6)


@pytest.mark.parametrize("name", EVENTS)
@given(size=SIZES, seed=st.integers(0, 2**40), rate=st.sampled_from([0.0, 0.2, 3.0]))
@settings(max_examples=15, deadline=None)
def test_frames_of_events(name: str, size: tuple[int, int, int, int], seed: int, rate: float) -> None:
    change, (count, steps, height, width) = EVENTS[name], size
    frames = torch.poisson(torch.full((count, steps, 2, height, width), rate), generator=gen(seed))
    before = frames.clone()
    changed = change(frames, gen(seed))
    assert changed.shape == frames.shape and changed.dtype == frames.dtype
    assert torch.equal(frames, before), "what comes in stays as it is"
    assert torch.equal(change(frames, gen(seed)), changed), "the same seed, the same bits"
    assert bool((changed >= 0).all())
    if name in WHOLE:
        assert torch.equal(changed, changed.round())
    if name in NEVER_MORE:
        assert bool((changed <= frames).all())
    if name == "jitter":
        assert torch.equal(changed.sum(1), frames.sum(1)), "the events of each pixel"


@pytest.mark.parametrize(
    ("change", "loud"),
    [
        (data.HorizontalFlip(0.0), data.HorizontalFlip(1.0)),
        (data.RandomErasing(0.0), data.RandomErasing(1.0)),
        (data.RandomCrop(0), data.RandomCrop(3)),
        (data.RandAugment(p=0.0), data.RandAugment(4, p=1.0)),
        (data.CutoutAbs(0.0), data.CutoutAbs(0.5)),
        (data.CutoutTemporal(0.0), data.CutoutTemporal(0.5)),
        (data.GaussianBlur(0.0), data.GaussianBlur(1.0)),
        (data.SaltAndPepper(0.0), data.SaltAndPepper(0.3)),
        (data.EventRandAugment(m=0.0), data.EventRandAugment(m=30.0)),
        (data.DropEvent(0.0), data.DropEvent(1.0)),
        (data.DropEventByTime(0.0), data.DropEventByTime(0.5)),
        (data.DropEventByArea(0.0), data.DropEventByArea(0.5)),
        (data.EventDrop(0.0), data.EventDrop(1.0)),
        (data.TemporalJitter(0.0), data.TemporalJitter(1.0)),
    ],
)
def test_nothing_at_zero_and_something_at_one(change: data.Transform, loud: data.Transform) -> None:
    frames = torch.randint(0, 2, (40, 6, 3, 16, 16), generator=gen(1)).float()
    assert torch.equal(change(frames, gen(2)), frames)
    changed = (loud(frames, gen(2)) != frames).flatten(1).any(1)
    assert changed.float().mean() > 0.8


@pytest.mark.parametrize("change", [*BOTH.values(), *EVENTS.values()])
def test_a_batch_of_none(change: data.Transform) -> None:
    if not isinstance(change, data.RandomAffine | data.ElasticDeform):  # grid_sample takes none
        assert change(torch.zeros(0, 2, 3, 8, 8), gen(0)).shape == (0, 2, 3, 8, 8)


@pytest.mark.parametrize("change", [*BOTH.values(), *EVENTS.values()])
def test_other_layouts_are_refused(change: data.Transform) -> None:
    for batch in (torch.zeros(3, 8, 8), torch.zeros((2, 2, 3, 8, 8), dtype=torch.uint8)):
        with pytest.raises(DataError, match=r"it takes float (pictures|frames)"):
            change(batch, gen(0))


def test_events_are_told_from_numbers_between() -> None:
    for change in (data.DropEvent(), data.DropEventByTime(), data.EventDrop(), data.TemporalJitter()):
        for wrong in (0.5, -1.0, float("nan"), float("inf")):
            with pytest.raises(DataError, match="not counts of events"):
                change(torch.full((1, 2, 1, 3, 3), wrong), gen(0))


def test_all_public_names_are_offered_by_the_room() -> None:
    assert all(getattr(data, name) is getattr(transforms, name) for name in transforms.__all__)
    assert set(transforms.__all__) <= set(data.__all__)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: data.RandomResizedCrop((0, 3)), "size"),
        (lambda: data.RandomResizedCrop(scale=(0.5, 1.5)), "scale"),
        (lambda: data.RandomResizedCrop(ratio=(2.0, 1.0)), "ratio"),
        (lambda: data.RandAugment(0), "n 0"),
        (lambda: data.RandAugment(m=11), "m 11"),
        (lambda: data.RandAugment(mstd=-1.0), "mstd -1.0"),
        (lambda: data.RandAugment(p=2.0), "p is 2.0"),
        (lambda: data.RandAugment(fill=(0.5, 1.5, 0.5)), "fill"),
        (lambda: data.RandAugment(interpolation="nearest"), "interpolation is 'nearest'"),
        (lambda: data.CutoutAbs(0.6), "CutoutAbs: strength is 0.6; it must lie in 0..0.5"),
        (lambda: data.SaltAndPepper(float("nan")), "strength is nan"),
        (lambda: data.EventRandAugment(0), "n is 0"),
        (lambda: data.EventRandAugment(m=31), "m is 31"),
        (lambda: data.EventRandAugment(operations=("Rotate",)), "take one or more of CutoutAbs"),
        (lambda: data.DropEvent(1.5), "ratio is 1.5"),
        (lambda: data.DropEventByTime((0.5, 0.1)), "ratio is"),
        (lambda: data.DropEventByArea(-0.1), "ratio is -0.1"),
        (lambda: data.EventDrop(1.1), "p is 1.1"),
        (lambda: data.TemporalJitter(-1.0), "std is -1.0; it must be 0 or more"),
        (lambda: data.GaussianBlur()(torch.zeros(1, 1, 1, 2, 5), gen(0)), "3 x 3"),
        (lambda: data.RandAugment()(torch.zeros(1, 2, 4, 4), gen(0)), "2 channels"),
        (lambda: data.RandAugment(fill=(0.1, 0.2, 0.3))(torch.zeros(1, 1, 4, 4), gen(0)), "fill of 3"),
        (lambda: data.RandAugment()(torch.full((1, 1, 4, 4), 1.5), gen(0)), "outside 0..1"),
    ],
)
def test_settings_that_make_no_sense(make: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        make()  # type: ignore[operator]
