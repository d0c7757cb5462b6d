"""Frames of another height and width."""

from __future__ import annotations

import numpy as np

from neurograph.errors import DataError

__all__ = ["resized", "size_of"]


def size_of(size: int | tuple[int, int] | None, sensor: tuple[int, int, int]) -> tuple[int, int]:
    """Height and width that `size` means: a whole number for both, the pair, or the sensor's; raises DataError."""
    if size is None:
        return sensor[1], sensor[2]
    pair = (size, size) if isinstance(size, int) else tuple(size)
    if len(pair) != 2 or any(isinstance(v, bool) or not isinstance(v, int) or v < 1 for v in pair):
        raise DataError(f"frames: size is {size!r}; give a whole number above 0, or (height, width)")
    return pair[0], pair[1]


def resized(frames: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Frames [T, C, H, W] at (height, width), float32; as they are where they have that size.

    Bilinear with the corners kept: out[i] = in at i (H - 1) / (H' - 1), as in BrainCog's pipeline
    (``align_corners=True``). It reads the map at points, so the sum of a frame is not kept: to less than half the size,
    pixels between the points are not seen.
    """
    if frames.shape[2:] == size:
        return frames
    import torch

    pixels = torch.from_numpy(frames.astype(np.float32))
    return torch.nn.functional.interpolate(pixels, size, mode="bilinear", align_corners=True).numpy()
