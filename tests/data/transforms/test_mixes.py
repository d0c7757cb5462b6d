"""Mixes: labels are what is in the pictures, and sum to 1."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurograph.data import CutMix, EventMix, Mix, MixUp, OneOf
from neurograph.errors import DataError

MIXES = {
    "mix up": MixUp(6),
    "mix up sharply": MixUp(6, alpha=0.1),
    "cut mix": CutMix(6),
    "cut mix at times": CutMix(6, alpha=0.5, prob=0.5),
    "event mix": EventMix(6),
    "event mix of many": EventMix(6, beta=0.3, prob=1.0, components=(2, 4)),
    "one of": OneOf(MixUp(6), CutMix(6), EventMix(6, prob=1.0)),
}


def gen(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def partners(count: int, seed: int) -> torch.Tensor:
    return torch.randperm(count, generator=gen(seed))


@pytest.mark.parametrize("name", MIXES)
@given(
    count=st.integers(1, 6),
    steps=st.integers(1, 5),
    size=st.integers(1, 9),
    rate=st.sampled_from([0.0, 0.02, 2.0]),
    soft=st.booleans(),
    seed=st.integers(0, 2**40),
)
@settings(max_examples=25, deadline=None)
def test_labels_sum_to_one(name: str, count: int, steps: int, size: int, rate: float, soft: bool, seed: int) -> None:
    mix = MIXES[name]
    frames = torch.poisson(torch.full((count, steps, 2, size, size + 1), rate), generator=gen(seed))
    labels = torch.randint(6, (count,), generator=gen(seed))
    given_labels = torch.rand((count, 6), generator=gen(seed)).softmax(1) if soft else labels
    before = frames.clone()
    mixed, weights = mix(frames, given_labels, gen(seed))
    assert mixed.shape == frames.shape and weights.shape == (count, 6) and weights.dtype == torch.float32
    assert bool(((weights >= 0) & (weights <= 1 + 1e-6)).all()) and bool((mixed >= 0).all())
    torch.testing.assert_close(weights.sum(1), torch.ones(count), rtol=0, atol=1e-5)
    assert torch.equal(frames, before)
    again, same = mix(frames, given_labels, gen(seed))
    assert torch.equal(again, mixed) and torch.equal(same, weights)
    if count == 1:
        torch.testing.assert_close(mixed, frames)


@pytest.mark.parametrize("make", [MixUp, CutMix, EventMix])
def test_probability(make: type[Mix]) -> None:
    frames = torch.arange(200.0).view(-1, 1, 1, 1, 1).expand(200, 4, 2, 8, 8) + 1
    labels = torch.arange(200)
    mixed, weights = make(200, prob=0.0)(frames, labels, gen())  # type: ignore[call-arg, arg-type]
    assert torch.equal(mixed, frames) and torch.equal(weights, torch.eye(200))
    mixed, _ = make(200, prob=1.0)(frames, labels, gen())  # type: ignore[call-arg, arg-type]
    assert (mixed != frames).flatten(1).any(1).float().mean() > 0.9
    mixed, _ = make(200, prob=0.3)(frames, labels, gen())  # type: ignore[call-arg, arg-type]
    assert 35 < int((mixed != frames).flatten(1).any(1).sum()) < 85


def test_mix_up_is_its_formula() -> None:
    pictures, labels = torch.rand((300, 1, 3, 3), generator=gen(1)), torch.arange(300)
    mixed, weights = MixUp(300, alpha=0.4)(pictures, labels, gen(7))
    torch.testing.assert_close(mixed, (weights @ pictures.flatten(1)).view_as(mixed), rtol=0, atol=1e-6)
    own = weights.diagonal()
    assert 0.45 < own.mean() < 0.55
    assert own.var().item() == pytest.approx(0.25 / (2 * 0.4 + 1), rel=0.1)  # of Beta(a, a)


def test_cut_mix_labels_are_areas() -> None:
    frames = torch.arange(500.0).view(-1, 1, 1, 1, 1).repeat(1, 3, 2, 16, 12)
    mixed, weights = CutMix(500)(frames, torch.arange(500), gen())
    foreign = mixed != frames
    assert torch.equal(foreign.any(2).any(1), foreign.all(2).all(1)), "the same box in all frames"
    for number, (mask, place) in enumerate(zip(foreign[:, 0, 0], partners(500, 0), strict=True)):
        if place == number:
            continue
        rows, columns = mask.any(1), mask.any(0)
        assert torch.equal(mask, rows[:, None] & columns), "a box"
        assert float(weights[number, number]) == pytest.approx(1 - float(mask.float().mean()), abs=1e-6)
        assert float(weights[number, place]) == pytest.approx(float(mask.float().mean()), abs=1e-6)
        assert set(mixed[number].unique().tolist()) <= {float(number), float(place)}
    own = weights.diagonal()
    assert 0.6 < own.mean() < 0.75 and own.min() < 0.2  # boxes are cut off at the border


def test_event_mix_labels_count_events() -> None:
    """The formula by loops over the events; whose each event is shows in its number."""
    rng = np.random.default_rng(2)
    frames = torch.from_numpy(rng.poisson(0.4, (30, 5, 2, 9, 8))).float()
    frames[3:6] = 0
    mixed, weights = EventMix(30, prob=1.0)(frames, torch.arange(30), gen(4))
    marked = (torch.arange(30.0) + 1).view(-1, 1, 1, 1, 1).expand_as(frames)
    under = EventMix(30, prob=1.0)(marked, torch.arange(30), gen(4))[0] != marked
    assert torch.equal(under.any(2), under.all(2)), "both polarities alike"
    for one, other in enumerate(partners(30, 4).tolist()):
        if one == other:
            continue
        mask, voxels = under[one].numpy(), float(under[one].float().mean())
        own, foreign = frames[one].numpy(), frames[other].numpy()
        assert np.array_equal(mixed[one].numpy(), np.where(mask, foreign, own))
        first = own[mask].sum() / own.sum() if own.sum() else voxels
        second = foreign[mask].sum() / foreign.sum() if foreign.sum() else voxels
        left = 1 - first + second
        lam = 1 - second / left if left > 0 else 1 - voxels
        assert float(weights[one, one]) == pytest.approx(lam, abs=1e-5)
        assert float(weights[one, other]) == pytest.approx(1 - lam, abs=1e-5)


def test_the_mask_of_event_mix_is_the_top_of_its_mixture() -> None:
    mix, share = EventMix(2, components=(1, 3)), torch.linspace(0, 1, 25, dtype=torch.float64)
    mask = mix.mask(torch.zeros(25, 6, 2, 10, 12), share, gen(9))
    draw = torch.rand((7, 25, 3), generator=(source := gen(9))).double().numpy()
    number = torch.randint(1, 4, (25, 1), generator=source)[:, 0].tolist()
    t, y, x = np.meshgrid(np.arange(6), np.arange(10), np.arange(12), indexing="ij")
    for one in range(25):
        density = np.zeros((6, 10, 12))
        for k in range(number[one]):
            far = 0.0
            for axis, (grid, size) in enumerate(((t, 6), (y, 10), (x, 12))):
                middle = np.floor(draw[1 + axis, one, k] * size)
                far = far + ((grid - middle) / (max(draw[4 + axis, one, k], 0.1) * size / 2)) ** 2
            density += draw[0, one, k] * np.exp(-far / 2)
        chosen = mask[one].numpy()
        most = int(float(share[one]) * density.size)
        # mirror images of one Gaussian are equal, and so left out where they would be too many
        assert most - 8 <= chosen.sum() <= most
        if chosen.any() and not chosen.all():
            assert density[chosen].min() >= density[~chosen].max() - 1e-5


def test_one_of_takes_each_in_turn() -> None:
    mix = OneOf(MixUp(2), CutMix(2))
    pictures, source = torch.tensor([0.0, 1.0]).view(2, 1, 1, 1).repeat(1, 1, 8, 8), gen()
    blended = [
        bool(((x > 0) & (x < 1)).any()) for x, _ in (mix(pictures, torch.tensor([0, 1]), source) for _ in range(80))
    ]
    assert 8 < sum(blended) < 40  # half of them, where the partner is the other one


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: MixUp(0), "MixUp: classes is 0"),
        (lambda: MixUp(3, alpha=0.0), "alpha is 0.0"),
        (lambda: CutMix(3, prob=1.5), "prob is 1.5"),
        (lambda: EventMix(3, beta=float("nan")), "beta is nan"),
        (lambda: EventMix(3, components=0), "components is 0"),
        (lambda: EventMix(3, components=(3, 2)), "components is"),
        (lambda: OneOf(), "none"),
        (lambda: OneOf(MixUp(2), CutMix(3)), "MixUp of 2, CutMix of 3"),
        (lambda: MixUp(3)(torch.zeros(2, 1, 2, 2), torch.tensor([0, 3]), gen()), "labels 0..3 with classes=3"),
        (lambda: MixUp(3)(torch.zeros(2, 1, 2, 2), torch.tensor([0, -1]), gen()), "labels -1..0"),
        (lambda: MixUp(3)(torch.zeros(2, 1, 2, 2), torch.zeros(2, 4), gen()), "int64"),
        (lambda: MixUp(3)(torch.zeros(2, 1, 2, 2), torch.tensor([0]), gen()), "2 samples and 1 labels"),
        (lambda: EventMix(3)(torch.zeros(2, 1, 2, 2), torch.tensor([0, 1]), gen()), "frames"),
        (lambda: EventMix(3)(-torch.ones(2, 1, 1, 2, 2), torch.tensor([0, 1]), gen()), "below 0"),
    ],
)
def test_settings_that_make_no_sense(make: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        make()  # type: ignore[operator]
