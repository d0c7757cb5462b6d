"""The one shape in which every image data set reaches the rest of the program."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from neurograph.errors import DataError

__all__ = ["ImageData"]


@dataclass(frozen=True)
class ImageData:
    """One split of a labelled image data set, with the normalisation that belongs to the set.

    ``images`` is uint8 ``[N, C, H, W]`` (plain, memory-mapped, or what is read when it is indexed: PictureFiles),
    ``labels`` int64 ``[N]``.
    ``mean`` and ``std`` hold one number per channel on the 0..1 scale; they describe the
    training split and are the same for every split, so train and test see one normalisation.
    Raises DataError when the parts do not fit together.
    """

    name: str
    split: str
    images: np.ndarray
    labels: np.ndarray
    classes: tuple[str, ...]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    source: str

    def __post_init__(self) -> None:
        where = f"data set {self.name!r}, split {self.split!r}"
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            raise DataError(
                f"{where}: images are {self.images.dtype} with shape {self.images.shape}; they "
                "must be uint8 [N, C, H, W]; convert them with .astype('uint8') and add axes"
            )
        if self.labels.dtype != np.int64 or self.labels.ndim != 1:
            raise DataError(
                f"{where}: labels are {self.labels.dtype} with shape {self.labels.shape}; they "
                "must be int64 [N]; convert them with .astype('int64')"
            )
        if len(self.images) != len(self.labels):
            raise DataError(
                f"{where}: {len(self.images)} images but {len(self.labels)} labels; there must be one label per image"
            )
        if len(self.images) == 0:
            raise DataError(f"{where}: it is empty; a split must hold at least one image")
        low, high = int(self.labels.min()), int(self.labels.max())
        if low < 0 or high >= len(self.classes):
            raise DataError(
                f"{where}: labels run from {low} to {high}; with {len(self.classes)} classes they "
                f"must lie in 0..{len(self.classes) - 1}"
            )
        channels = self.images.shape[1]
        if len(self.mean) != channels or len(self.std) != channels:
            raise DataError(
                f"{where}: {len(self.mean)} means and {len(self.std)} deviations for {channels} "
                "channels; give one of each per channel"
            )
        if not all(value > 0 for value in self.std):
            raise DataError(f"{where}: std is {self.std}; every deviation must be above 0")

    @property
    def shape(self) -> tuple[int, ...]:
        """Channels, height and width."""
        return tuple(self.images.shape[1:])

    def take(self, index: np.ndarray) -> np.ndarray:
        """The images at these places, uint8 [B, C, H, W]."""
        return np.ascontiguousarray(self.images[index])

    def first(self, count: int) -> ImageData:
        """The first `count` images (all, if there are fewer)."""
        if count < 1:
            raise DataError(f"data set {self.name!r}: first({count}); give a whole number above 0")
        return replace(self, images=self.images[:count], labels=self.labels[:count])

    def __len__(self) -> int:
        return len(self.labels)
