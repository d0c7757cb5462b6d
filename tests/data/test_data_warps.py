"""Random warps: RandomAffine against its formula on blobs, ElasticDeform against the statistics it states."""

from __future__ import annotations

import math

import pytest
import torch

from neurograph.data import Batches, ElasticDeform, RandomAffine, Transform
from neurograph.data.image_data import ImageData
from neurograph.errors import DataError

HEIGHT, WIDTH = 40, 56


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def blobs(places: torch.Tensor) -> torch.Tensor:
    """Pictures [N, 1, H, W] of a Gaussian blob at each place (x, y) from the middle, in pixels."""
    y = torch.arange(HEIGHT) - (HEIGHT - 1) / 2
    x = torch.arange(WIDTH) - (WIDTH - 1) / 2
    far = (x - places[:, 0, None, None]) ** 2 + (y[:, None] - places[:, 1, None, None]) ** 2
    return torch.exp(-far / 4)[:, None]


def middles(images: torch.Tensor) -> torch.Tensor:
    """Centres of mass [N, 2] from the middle of the picture."""
    y = torch.arange(HEIGHT) - (HEIGHT - 1) / 2
    x = torch.arange(WIDTH) - (WIDTH - 1) / 2
    mass = images.sum((1, 2, 3))
    return torch.stack([(images * x).sum((1, 2, 3)) / mass, (images * y[:, None]).sum((1, 2, 3)) / mass], 1)


def test_affine_moves_every_place_where_the_formula_says() -> None:
    change = RandomAffine(30.0, 3.0, (0.8, 1.2), 15.0)
    places = torch.tensor([[6.0, 3.0], [-5.0, 4.0], [0.0, 0.0], [8.0, -6.0], [-9.0, -2.0]]).repeat(8, 1)
    draw = torch.rand((5, len(places)), generator=generator(7))
    angle, slope = (2 * draw[0] - 1) * math.radians(30), torch.tan((2 * draw[1] - 1) * math.radians(15))
    scale, shift = 0.8 + 0.4 * draw[4], (2 * draw[2:4] - 1) * 3.0
    x, y = scale * (places[:, 0] + slope * places[:, 1]), scale * places[:, 1]
    expected = torch.stack([angle.cos() * x - angle.sin() * y, angle.sin() * x + angle.cos() * y], 1) + shift.T
    assert (expected - places).abs().max() > 3  # or the test would say nothing
    found = middles(change(blobs(places), generator(7)))
    torch.testing.assert_close(found, expected, rtol=0, atol=0.05)


@pytest.mark.parametrize("change", [RandomAffine(0.0), ElasticDeform(0.0)])
def test_a_warp_of_nothing_changes_nothing(change: Transform) -> None:
    images = torch.rand((3, 2, 9, 13), generator=generator())
    torch.testing.assert_close(change(images, generator()), images, rtol=0, atol=1e-5)


def test_elastic_displacement_has_its_strength_and_is_smooth() -> None:
    # a ramp shows by how much each pixel was moved, where nothing comes in from outside
    ramp = torch.arange(60.0).expand(64, 1, 60, 60)
    moved = (ElasticDeform(1.5, 5.0)(ramp, generator()) - ramp)[:, 0, 10:-10, 10:-10]
    assert moved.mean().abs() < 0.15
    assert 1.35 < moved.std() < 1.65
    neighbours = moved.diff(dim=1).std() / moved.std()
    assert neighbours < 0.25  # a white field would have the square root of 2


@pytest.mark.parametrize("change", [RandomAffine(20.0, 2.0, (0.9, 1.1), 5.0), ElasticDeform()])
def test_a_warp_is_reproducible_and_each_picture_has_its_own(change: Transform) -> None:
    images = torch.rand((1, 1, 12, 12), generator=generator()).repeat(4, 1, 1, 1)
    first, again = change(images, generator(3)), change(images, generator(3))
    assert torch.equal(first, again) and first.shape == images.shape
    assert not torch.equal(first[0], first[1])


def test_warps_take_their_place_in_batches() -> None:
    pixels = torch.randint(256, (10, 3, 8, 6), dtype=torch.uint8, generator=generator()).numpy()
    part = ImageData("made", "train", pixels, torch.arange(10).numpy(), tuple("0123456789"), (0.5,) * 3, (1.0,) * 3, "")
    seen = [x for x, _ in Batches(part, 4, transform=ElasticDeform(), normalize=False)]
    assert [len(x) for x in seen] == [4, 4, 2] and all(x.isfinite().all() for x in seen)


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: RandomAffine(-1.0), "rotation -1.0"),
        (lambda: RandomAffine(shear=90.0), "shear 90.0"),
        (lambda: RandomAffine(scale=(1.2, 0.8)), "scale"),
        (lambda: RandomAffine(translate=float("nan")), "translate nan"),
        (lambda: ElasticDeform(-1.0), "strength -1.0"),
        (lambda: ElasticDeform(1.0, 0.0), "sigma 0.0"),
    ],
)
def test_settings_that_make_no_sense(make: object, says: str) -> None:
    with pytest.raises(DataError, match=says):
        make()  # type: ignore[operator]
