"""RandAugment: which operations it draws, how often, and how it is written."""

from __future__ import annotations

import math

import pytest
import torch

from neurograph.data import RandAugment
from neurograph.data.transforms.picture_operations import OPERATIONS, Resampling
from neurograph.errors import DataError

FIFTEEN = {
    *("AutoContrast", "Equalize", "Invert", "Rotate", "PosterizeIncreasing", "SolarizeIncreasing", "SolarizeAdd"),
    *("ColorIncreasing", "ContrastIncreasing", "BrightnessIncreasing", "SharpnessIncreasing"),
    *("ShearX", "ShearY", "TranslateXRel", "TranslateYRel"),
}


def names(change: RandAugment) -> set[str]:
    return {type(operation).__name__ for operation in (*change.tones, *change.warps)}


def test_the_fifteen_operations() -> None:
    assert names(RandAugment()) == FIFTEEN
    assert names(RandAugment(inc=False)) == {name.removesuffix("Increasing") for name in FIFTEEN}


def test_each_outcome_is_that_of_one_operation_and_all_occur(generator) -> None:
    # smooth colours of low contrast, some of them dark, so that every operation shows
    picture = torch.nn.functional.interpolate(torch.rand((1, 3, 4, 4), generator=generator(1)), 12, mode="bilinear")
    picture = (picture * 150).round() / 255
    known: dict[tuple[float, ...], str] = {}
    for name in FIFTEEN:
        for sign in (-1.0, 1.0):
            for cubic in (False, True):
                operation = OPERATIONS[name]()
                amount = operation.amount(torch.tensor([9.0]).double(), torch.tensor([sign]).double())
                tones = operation.apply((picture * 255).round(), amount, Resampling(cubic, torch.full((3,), 128.0)))
                known[tuple(tones.flatten().tolist())] = name
    changed = RandAugment(1, 9.0, 0.0, p=1.0)(picture.repeat(1500, 1, 1, 1), generator())
    seen = [known[tuple((one * 255).round().flatten().tolist())] for one in changed]
    for name in FIFTEEN:
        assert 60 < seen.count(name) < 145, name  # 100, deviation 9.7


def test_how_often_and_how_much(generator) -> None:
    pictures = torch.rand((2000, 1, 4, 4), generator=generator(1))
    pictures = (pictures * 255).round() / 255
    unchanged = (RandAugment(2, inc=False)(pictures, generator()) == pictures).flatten(1).all(1).float().mean()
    assert 0.24 < unchanged < 0.34  # a quarter, and those that Color and the like leave as they are
    _, group, level, sign = RandAugment(2, 9.0, 0.5).draws(4000, generator(), torch.device("cpu"))
    assert 8.9 < level.mean() < 9.05 and level.max() == 10 and 0.4 < level.std() < 0.52
    assert abs(sign.mean()) < 0.05 and group.shape == (2, 4000)
    _, _, level, _ = RandAugment(2, 8.0, math.inf).draws(4000, generator(), torch.device("cpu"))
    assert 0 <= level.min() < 0.1 and 7.9 < level.max() <= 8 and 3.8 < level.mean() < 4.2


def test_as_timm_writes_it() -> None:
    made, default = RandAugment.of("rand-m9-mstd0.5-inc1"), RandAugment()
    assert {k: v for k, v in vars(made).items() if k not in ("tones", "warps")} == {
        k: v for k, v in vars(default).items() if k not in ("tones", "warps")
    }
    assert names(made) == names(default)
    bare = RandAugment.of("rand")
    assert (bare.n, bare.m, bare.mstd, bare.inc) == (2, 10.0, 0.0, False)
    assert RandAugment.of("rand-n3-mstd101").mstd == math.inf
    for wrong in ("random-m9", "rand-m9-w0", "rand-m", "rand-n1.5", "", "rand-m20"):
        with pytest.raises(DataError, match="RandAugment"):
            RandAugment.of(wrong)


def test_the_fill_comes_in_from_outside(generator) -> None:
    change = RandAugment(1, 10.0, 0.0, p=1.0, fill=(1.0, 0.0, 0.2), interpolation="bilinear")
    change.tones, change.warps = (), tuple(w for w in change.warps if type(w).__name__ == "TranslateXRel")
    changed = change(torch.full((8, 3, 5, 20), 0.6), generator())
    assert changed.shape == (8, 3, 5, 20)
    for one in changed:
        outside = (one != one[:, :, 10:11]).any(0)
        assert int(outside.sum()) == 45  # 9 of 20 columns
        torch.testing.assert_close(one[:, outside].unique(dim=1)[:, 0], torch.tensor([1.0, 0.0, 51 / 255]))
