"""Changes of frames of events: against plain loops, events drawn one by one, and the statistics they state."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from neurograph.data import (
    CutoutAbs,
    CutoutTemporal,
    DropEvent,
    DropEventByArea,
    DropEventByTime,
    EventDrop,
    EventRandAugment,
    GaussianBlur,
    SaltAndPepper,
    TemporalJitter,
)


def emptied(change: object, shape: tuple[int, ...], generator) -> torch.Tensor:
    """Where a change has emptied frames that had events everywhere, [N, T, H, W]."""
    changed = change(torch.full(shape, 5.0), generator())  # type: ignore[operator]
    gone = changed == 0
    assert torch.equal(gone.any(2), gone.all(2)), "both polarities"
    assert torch.equal(changed[~gone], torch.full_like(changed[~gone], 5.0)), "the rest stays"
    return gone[:, :, 0]


def sides(mask: torch.Tensor) -> tuple[int, int]:
    rows, columns = mask.any(1), mask.any(0)
    assert torch.equal(mask, rows[:, None] & columns), "a box"
    return int(rows.sum()), int(columns.sum())


def test_random_drop_is_binomial(generator) -> None:
    frames = torch.full((4, 5, 2, 40, 40), 7.0)
    changed = DropEvent(0.3)(frames, generator())
    assert changed.mean().item() == pytest.approx(7 * 0.7, rel=0.01)
    assert changed.var().item() == pytest.approx(7 * 0.7 * 0.3, rel=0.03)
    assert torch.equal(DropEvent(1.0)(frames, generator()), torch.zeros_like(frames))
    each = DropEvent((0.1, 0.9))(frames.repeat(20, 1, 1, 1, 1), generator()).mean((1, 2, 3, 4)) / 7
    assert each.min() < 0.2 and each.max() > 0.8, "a ratio for each sample"


def test_drop_by_time_covers_its_share(generator) -> None:
    frames = torch.full((300, 10, 1, 12, 12), 20.0)
    left = DropEventByTime(0.25)(frames, generator()).mean((2, 3, 4)) / 20
    # 2.5 frames of 10: at least one is whole, at most two are cut, and those around stay
    assert torch.allclose((1 - left).sum(1), torch.tensor(2.5), atol=0.15)
    for one in left:
        touched = (one < 1).nonzero()[:, 0]
        assert len(touched) in (3, 4) and touched[-1] - touched[0] == len(touched) - 1, "one stretch"
        assert torch.equal(one[touched[1:-1]], torch.zeros(len(touched) - 2)), "whole inside"
    starts = (left < 1).int().argmax(1)
    assert set(starts.tolist()) == set(range(8))


def test_drop_by_time_against_events_dropped_one_by_one() -> None:
    """The definition of tonic on events at random times, framed afterwards, has the same means and variances."""
    rng, steps, number = np.random.default_rng(0), 6, 40
    ours, theirs = [], []
    frames = torch.full((1500, steps, 1, 1, 1), float(number))
    ours = DropEventByTime(0.4)(frames, torch.Generator().manual_seed(3))[:, :, 0, 0, 0].numpy()
    for _ in range(1500):
        times = (np.repeat(np.arange(steps), number) + rng.random(steps * number)) / steps
        start = rng.uniform(0, 1 - 0.4)
        kept = times[(times < start) | (times > start + 0.4)]
        theirs.append(np.histogram(kept, steps, (0, 1))[0])
    assert np.allclose(ours.mean(0), np.mean(theirs, 0), atol=1.7)
    assert np.allclose(np.cov(ours.T), np.cov(np.array(theirs).T), atol=35)  # of variances of up to 370


def test_drop_by_area_is_one_box_of_its_sides(generator) -> None:
    gone = emptied(DropEventByArea(0.3), (400, 3, 2, 20, 30), generator)
    assert torch.equal(gone.any(1), gone.all(1)), "the same in all frames"
    assert {sides(mask) for mask in gone[:, 0]} == {(6, 9)}
    tops = gone[:, 0].any(2).int().argmax(1)
    lefts = gone[:, 0].any(1).int().argmax(1)
    assert set(tops.tolist()) == set(range(15)) and set(lefts.tolist()) == set(range(22))


def test_event_drop_takes_one_of_its_ways(generator) -> None:
    frames = torch.full((800, 10, 1, 20, 20), 8.0)
    changed = EventDrop()(frames, generator())
    same = (changed == frames).flatten(1).all(1)
    by_area = (((changed == 0) | (changed == 8)) & ((changed == 0).all(1) == (changed == 0).any(1))[:, None]).flatten(1)
    by_area = by_area.all(1) & ~same
    by_time = ((changed == 8).flatten(2).all(2).any(1)) & ~same & ~by_area
    singly = ~(same | by_area | by_time)
    for way in (same, by_area, by_time, singly):
        assert 150 < int(way.sum()) < 255  # 200, deviation 12; an area below one pixel does not occur


def test_cutout_is_a_square_in_all_frames(generator) -> None:
    gone = emptied(CutoutAbs(0.4), (500, 3, 2, 16, 16), generator)
    assert torch.equal(gone.any(1), gone.all(1)), "the same in all frames"
    found = [sides(mask) for mask in gone[:, 0] if mask.any()]
    assert len(found) > 490 and max(found) == (6, 6) and min(min(side) for side in found) < 6
    assert found.count((6, 6)) > 200


def test_cutout_in_time_is_one_stretch(generator) -> None:
    gone = emptied(CutoutTemporal(0.5), (500, 8, 2, 3, 3), generator)
    assert torch.equal(gone.flatten(2).any(2), gone.flatten(2).all(2)), "whole frames"
    lengths = gone[:, :, 0, 0].sum(1)
    assert set(lengths.tolist()) == {0, 1, 2, 3, 4}
    assert bool(((gone[:, :, 0, 0].int().diff(dim=1) == 1).sum(1) <= 1).all())


def test_blur_is_the_convolution(generator) -> None:
    frames = torch.rand((5, 2, 2, 6, 7), generator=generator(1))
    sigma = 0.1 + 0.9 * torch.rand((5, 1), generator=generator())[:, 0].numpy().astype(float)
    changed = GaussianBlur()(frames, generator()).numpy()
    for sample, s in enumerate(sigma):
        kernel = np.exp(-0.5 * (np.arange(-2, 3) / s) ** 2)
        kernel = np.outer(kernel, kernel) / kernel.sum() ** 2
        padded = np.pad(frames[sample].numpy(), ((0, 0), (0, 0), (2, 2), (2, 2)), mode="reflect")
        for y in range(6):
            for x in range(7):
                expected = (padded[:, :, y : y + 5, x : x + 5] * kernel).sum((2, 3))
                np.testing.assert_allclose(changed[sample, :, :, y, x], expected, atol=2e-6)


def test_salt_and_pepper_adds_single_events(generator, counts) -> None:
    frames = counts(300, 4, 2, 9, 9)
    added = SaltAndPepper(0.2)(frames, generator()) - frames
    assert set(added.unique().tolist()) == {0.0, 1.0}
    share = added.mean((1, 2, 3, 4))
    assert share.min() < 0.02 and 0.16 < share.max() < 0.25 and 0.09 < share.mean() < 0.11


def test_jitter_against_events_moved_one_by_one(generator) -> None:
    steps, std, number = 5, 0.8, 200_000
    rng = np.random.default_rng(1)
    moved = np.arange(steps)[:, None] + rng.random((steps, number)) + rng.normal(0, std, (steps, number))
    place = np.clip(np.floor(moved), 0, steps - 1).astype(int)
    expected = np.stack([np.bincount(row, minlength=steps) for row in place]) / number
    change = TemporalJitter(std)
    np.testing.assert_allclose(change.chances(steps).numpy(), expected, atol=5e-3)
    for start in range(steps):
        frames = torch.zeros(1, steps, 1, 200, 200)
        frames[:, start] = 5
        found = change(frames, generator()).sum((0, 2, 3, 4)).numpy() / (5 * 200 * 200)
        np.testing.assert_allclose(found, expected[start], atol=5e-3)


def test_jitter_shares_counts_out_as_single_events_would(generator) -> None:
    frames = torch.zeros(1, 3, 1, 150, 150)
    frames[:, 1] = 10
    change = TemporalJitter(0.5)
    stay = float(change.chances(3)[1, 1])
    found = change(frames, generator())[0, 1]
    assert found.mean().item() == pytest.approx(10 * stay, rel=0.01)
    assert found.std().item() == pytest.approx(math.sqrt(10 * stay * (1 - stay)), rel=0.03)


def test_jitter_of_a_recording_of_one_frame(generator, counts) -> None:
    frames = counts(3, 1, 2, 4, 4)
    assert torch.equal(TemporalJitter(2.0)(frames, generator()), frames)


def test_event_rand_augment_uses_what_it_is_told(generator) -> None:
    frames = torch.full((60, 8, 2, 12, 12), 3.0)
    change = EventRandAugment(1, 30.0, ("CutoutAbs", "SaltAndPepper"))
    changed = change(frames, generator())
    fewer, more = (changed < 3).flatten(1).any(1), (changed > 3).flatten(1).any(1)
    assert not bool((fewer & more).any()) and 18 < int(fewer.sum()) < 42 and 18 < int(more.sum()) < 42
    assert {type(one).__name__ for one in EventRandAugment().operations} == {
        *("CutoutAbs", "CutoutTemporal", "GaussianBlur", "SaltAndPepper")
    }
    assert [one.strength for one in EventRandAugment(3, 15).operations] == [0.25, 0.25, 0.5, 0.15]
