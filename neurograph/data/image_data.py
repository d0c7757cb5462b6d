"""The one shape in which every image data set reaches the rest of the program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from neurograph.data.own_labels import own_labels
from neurograph.errors import DataError

__all__ = ["ImageData"]


@dataclass(frozen=True, repr=False)
class ImageData:
    """One split of a labelled image data set, with the normalisation that belongs to the set.

    ``images`` is uint8 ``[N, C, H, W]`` (plain, memory-mapped, or what is read when it is indexed: PictureFiles),
    ``labels`` int64 ``[N]``.
    ``mean`` and ``std`` hold one number per channel on the 0..1 scale; they describe the
    training split and are the same for every split, so train and test see one normalisation.
    ``ImageData.of(images, labels)`` makes it of arrays of one's own. Raises DataError when the parts do not fit together.
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
        for name in ("images", "labels"):
            if not hasattr(getattr(self, name), "dtype") or hasattr(getattr(self, name), "detach"):
                kind = type(getattr(self, name)).__name__
                raise DataError(f"{where}: {name} are a {kind}; give NumPy arrays, or ImageData.of(images, labels)")
        if self.images.dtype != np.uint8 or self.images.ndim != 4:
            to_bytes = ".astype('uint8')"
            if self.images.dtype.kind == "f":
                to_bytes = "(255 * images).round().astype('uint8') of values from 0 to 1"
            raise DataError(
                f"{where}: images are {self.images.dtype} with shape {self.images.shape}; they must be uint8 [N, C, H, W], from 0 "
                f"to 255; convert them with {to_bytes} and add axes"
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

    @staticmethod
    def of(
        images: Any,
        labels: Any,
        *,
        like: ImageData | None = None,
        classes: Sequence[str] | None = None,
        name: str = "own",
        split: str = "train",
    ) -> ImageData:
        """Pictures of one's own: uint8 [N, C, H, W], or grey ones [N, H, W], as an array or a tensor, and a label for each.

        Mean and deviation of the channels are measured, or with `like`, the training split, taken from there, as its
        classes are. `classes` are names, by default "0" to the highest label. Raises DataError for other pictures and
        for labels that are no whole numbers.
        """
        array = images.detach().cpu().numpy() if hasattr(images, "detach") else np.asarray(images)
        if array.dtype != np.uint8 or array.ndim not in (3, 4):
            raise DataError(
                f"ImageData.of(): images are {array.dtype} with shape {array.shape}; pictures are uint8 [N, C, H, W] or "
                "[N, H, W]. Samples that are real numbers need no ImageData: give fit() a "
                "torch.utils.data.DataLoader(TensorDataset(x, labels), batch_size)"
            )
        array = array[:, None] if array.ndim == 3 else array
        if array.shape[-1] in (1, 3, 4) and array.shape[1] > 4:
            raise DataError(
                f"ImageData.of(): images have the shape {array.shape}; channels come before height and width; give "
                "images.transpose(0, 3, 1, 2)"
            )
        if like is not None and classes is None:
            classes = like.classes
        numbers, names = own_labels(labels, classes, "ImageData.of()")
        mean, std = (like.mean, like.std) if like is not None else _measured(array)
        return ImageData(name, split, array, numbers, names, mean, std, "own pictures")

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

    def __getitem__(self, index: int) -> tuple[np.ndarray, int]:
        """The picture, uint8 [C, H, W], and the label at a place: what a torch DataLoader asks of a data set."""
        label = int(self.labels[index])  # an IndexError ends a loop
        return self.take(np.array([index]))[0], label

    def __repr__(self) -> str:
        return (
            f"<ImageData {self.name!r}, {self.split}: {len(self):,} pictures {self.shape}, {len(self.classes)} classes>"
        )


def _measured(images: np.ndarray) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and deviation of each channel, on the 0..1 scale; a channel of one value has the deviation 1."""
    # by counts of the 256 levels, some pictures at a time: no copy of all in floats
    count = np.zeros((images.shape[1], 256), np.int64)
    for first in range(0, len(images), 1024):
        for channel in range(images.shape[1]):
            count[channel] += np.bincount(images[first : first + 1024, channel].ravel(), minlength=256)
    levels, share = np.arange(256) / 255, count / np.maximum(count.sum(1, keepdims=True), 1)
    mean = share @ levels
    std = np.sqrt((share * (levels - mean[:, None]) ** 2).sum(1))
    return tuple(map(float, mean)), tuple(float(s) or 1.0 for s in std)
