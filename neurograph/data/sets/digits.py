"""Handwritten digits that come with scikit-learn: 1,797 real 8x8 pictures, no download.

Source: the test set of the UCI "Optical Recognition of Handwritten Digits" data (Alpaydin,
Kaynak 1998).
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from neurograph.data.image_set import ImageSet
from neurograph.errors import DataError

__all__ = ["Digits"]

TRAIN = 1500


class Digits(ImageSet):
    """First 1,500 pictures to train, last 297 to test; levels 0..16 scaled to 0..255."""

    name = "digits"
    classes = tuple(str(digit) for digit in range(10))
    mean = (0.3052,)
    std = (0.3749,)
    mirrors = False
    origin = "scikit-learn load_digits, first 1500 train, last 297 test"
    folders = ()
    licence = "CC BY 4.0 (UCI Machine Learning Repository)"

    def present(self, folder: Path, split: str) -> bool:
        return True

    def fetch(self, folder: Path, *, verify: bool, progress: bool) -> None:
        raise DataError("data set 'digits': it comes with scikit-learn, there is nothing to fetch")

    def read(self, folder: Path, split: str, limit: int | None) -> tuple[np.ndarray, np.ndarray]:
        try:
            from sklearn.datasets import load_digits
        except ImportError as error:
            raise DataError(
                "data set 'digits': scikit-learn is missing, whose data it is; pip install scikit-learn"
            ) from error
        levels, labels = load_digits(return_X_y=True)
        part = slice(None, TRAIN) if split == "train" else slice(TRAIN, None)
        images = np.rint(levels[part] * (255 / 16)).astype(np.uint8).reshape(-1, 1, 8, 8)
        return images[:limit], labels[part].astype(np.int64)[:limit]

    def write_example(self, folder: Path, count: int, rng: np.random.Generator) -> None:
        """Nothing to write: the pictures themselves are there."""
