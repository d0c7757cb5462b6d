"""Made-up pictures whose class can be learnt: for trying a network out and for tests."""

from __future__ import annotations

import numpy as np

__all__ = ["example_labels", "example_pictures"]


def example_labels(count: int, classes: int) -> np.ndarray:
    """int64 [count] labels: every class in turn; fewer samples than classes: spread over all of them."""
    steps = np.arange(count, dtype=np.int64)
    return steps % classes if count >= classes else steps * classes // max(count, 1)


def example_pictures(
    labels: np.ndarray, classes: int, shape: tuple[int, int, int], rng: np.random.Generator
) -> np.ndarray:
    """uint8 [N, C, H, W]: a bright blob on dark noise, on a circle at the angle of its class.

    Colours turn with the class too, so many classes differ by more than a small angle.
    """
    channels, height, width = shape
    angle = 2 * np.pi * labels / classes
    x = width * (0.5 + 0.3 * np.cos(angle)) + rng.normal(0, width / 32, len(labels))
    y = height * (0.5 + 0.3 * np.sin(angle)) + rng.normal(0, height / 32, len(labels))
    far = (np.arange(width) - x[:, None, None]) ** 2 + (np.arange(height)[:, None] - y[:, None, None]) ** 2
    blob = np.exp(-far / (2 * (min(height, width) / 8) ** 2))
    turns = 0.6 + 0.4 * np.cos(7 * angle[:, None] + 2 * np.pi * np.arange(channels) / 3)
    light = 200 * blob[:, None] * turns[..., None, None] + rng.integers(0, 48, (len(labels), *shape))
    return np.clip(light, 0, 255).astype(np.uint8)
