"""RandomResizedCrop: its boxes by its rule, its resizing against torch's, picture by picture."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import interpolate

from neurograph.data import RandomResizedCrop


@pytest.mark.parametrize("size", [None, (9, 31), (40, 12)])
def test_each_picture_is_its_box_resized(size: tuple[int, int] | None, generator) -> None:
    pictures = torch.rand((60, 3, 24, 20), generator=generator(1))
    change = RandomResizedCrop(size)
    boxes = change.boxes(60, 24, 20, generator(5)).T.int().tolist()
    found = change(pictures, generator(5))
    assert found.shape == (60, 3, *(size or (24, 20)))
    for picture, one, (top, left, tall, wide) in zip(pictures, found, boxes, strict=True):
        part = picture[None, :, top : top + tall, left : left + wide]
        expected = interpolate(part, size or (24, 20), mode="bilinear", align_corners=False, antialias=True)[0]
        torch.testing.assert_close(one, expected, rtol=0, atol=1e-5)


def test_boxes_have_their_area_and_ratio_and_lie_inside(generator) -> None:
    top, left, tall, wide = RandomResizedCrop().boxes(5000, 200, 300, generator())
    assert min(top.min(), left.min()) >= 0 and (top + tall).max() <= 200 and (left + wide).max() <= 300
    area, ratio = tall * wide / (200 * 300), wide / tall
    assert 0.078 < area.min() < 0.1 and 0.87 < area.max() < 0.9  # wider than 4/3 is none
    assert 0.74 < ratio.min() < 0.77 and 1.3 < ratio.max() < 1.35
    assert abs(float(ratio.log().mean())) < 0.04, "log-uniform"


def test_where_no_box_fits_the_middle_is_taken(generator) -> None:
    # a box of all the area can have no other ratio than the picture's
    top, left, tall, wide = RandomResizedCrop(scale=(1.0, 1.0)).boxes(3, 10, 100, generator())
    assert tall.tolist() == [10.0] * 3 and wide.tolist() == [13.0] * 3
    assert top.tolist() == [0.0] * 3 and left.tolist() == [43.0] * 3


def test_a_box_of_everything_changes_nothing(generator) -> None:
    pictures = torch.rand((4, 2, 7, 7), generator=generator(1))
    change = RandomResizedCrop(scale=(1.0, 1.0), ratio=(1.0, 1.0))
    torch.testing.assert_close(change(pictures, generator()), pictures, rtol=0, atol=1e-6)
