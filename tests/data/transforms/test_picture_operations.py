"""The operations of RandAugment against Pillow's own, picture by picture and tone by tone."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from neurograph.data.transforms.picture_operations import OPERATIONS, Resampling

Image = pytest.importorskip("PIL.Image")
ImageOps = pytest.importorskip("PIL.ImageOps")
ImageEnhance = pytest.importorskip("PIL.ImageEnhance")


def affine(*matrix: float):
    return lambda picture, cubic, fill: picture.transform(
        picture.size,
        Image.Transform.AFFINE,
        matrix,
        Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR,
        fillcolor=fill,
    )


def pillow(name: str, level: float, sign: float, width: int, height: int):
    """What Pillow makes of a picture, by the levels of timm's list."""
    part = level / 10
    plain = name.removesuffix("Increasing")
    up = name.endswith("Increasing")
    factor = max(0.1, 1 + sign * 0.9 * part) if up else 0.1 + 1.8 * part
    match plain:
        case "AutoContrast" | "Equalize" | "Invert":
            return lambda picture, cubic, fill: getattr(ImageOps, plain.lower())(picture)
        case "Posterize":
            bits = 4 - int(part * 4) if up else int(part * 4)
            black = np.zeros((height, width), np.uint8)
            if bits == 0:  # newer versions refuse it, older ones gave black
                return lambda picture, cubic, fill: Image.merge(picture.mode, [Image.fromarray(black)] * len(fill))
            return lambda picture, cubic, fill: ImageOps.posterize(picture, bits)
        case "Solarize":
            threshold = 256 - int(part * 256) if up else int(part * 256)
            return lambda picture, cubic, fill: ImageOps.solarize(picture, threshold)
        case "SolarizeAdd":
            table = [min(255, i + int(part * 110)) if i < 128 else i for i in range(256)]
            return lambda picture, cubic, fill: picture.point(table * len(fill))
        case "Color" | "Contrast" | "Brightness" | "Sharpness":
            return lambda picture, cubic, fill: getattr(ImageEnhance, plain)(picture).enhance(factor)
        case "Rotate":
            return lambda picture, cubic, fill: picture.rotate(
                sign * part * 30,
                Image.Resampling.BICUBIC if cubic else Image.Resampling.BILINEAR,
                fillcolor=fill if len(fill) > 1 else fill[0],
            )
        case "ShearX":
            return affine(1, sign * part * 0.3, 0, 0, 1, 0)
        case "ShearY":
            return affine(1, 0, 0, sign * part * 0.3, 1, 0)
        case "TranslateXRel":
            return affine(1, 0, sign * part * 0.45 * width, 0, 1, 0)
        case "TranslateYRel":
            return affine(1, 0, 0, 0, 1, sign * part * 0.45 * height)
    raise AssertionError(f"{name}: no operation of Pillow to compare with")


def pictures(channels: int, height: int, width: int) -> np.ndarray:
    """Noise, low contrast, one tone, two tones, gradients."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (4, height, width, channels))
    dull = rng.integers(90, 140, (4, height, width, channels))
    flat = np.full((1, height, width, channels), 7)
    two = rng.integers(0, 2, (1, height, width, channels)) * 255
    ramp = np.clip(np.cumsum(rng.normal(0, 20, (6, height, width, channels)), 2) + 128, 0, 255)
    return np.concatenate([noise, dull, flat, two, ramp]).astype(np.uint8)


@pytest.mark.parametrize("name", sorted(OPERATIONS))
@pytest.mark.parametrize(("channels", "height", "width"), [(3, 32, 32), (1, 19, 26), (3, 2, 5)])
@pytest.mark.parametrize("cubic", [False, True])
def test_tones_are_pillows(name: str, channels: int, height: int, width: int, cubic: bool) -> None:
    base = pictures(channels, height, width)
    rng = np.random.default_rng(len(name))
    level = rng.uniform(0, 10, len(base))
    level[:3] = 0, 10, 9
    sign = rng.choice([-1.0, 1.0], len(base))
    fill = (124, 116, 104)[:channels]
    operation = OPERATIONS[name]()
    images = torch.from_numpy(base).permute(0, 3, 1, 2).float()
    amount = operation.amount(torch.from_numpy(level), torch.from_numpy(sign))
    found = operation.apply(images, amount, Resampling(cubic, torch.tensor(fill).float()))
    assert found.dtype == torch.float32 and torch.equal(found, found.round())
    wrong = 0
    for one, tones, at, to in zip(base, found.permute(0, 2, 3, 1).numpy(), level, sign, strict=True):
        picture = Image.fromarray(one if channels == 3 else one[..., 0])
        made = pillow(name, at, to, width, height)(picture, cubic, fill)
        expected = np.asarray(made).reshape(one.shape).astype(float)
        assert np.abs(tones - expected).max() <= 1  # a rounding of the other compiler
        wrong += int((tones != expected).sum())
    assert wrong <= 0.001 * base.size
