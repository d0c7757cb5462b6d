"""Images and labels as a user gives them: arrays or tensors, or batches of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import numpy as np

from neurograph.errors import DataError, ShapeError

Array = np.ndarray[Any, Any]


def numpy_of(x: Any) -> Any:
    """Arrays of tensors, in pairs too."""
    if isinstance(x, tuple):
        return tuple(numpy_of(part) for part in x)
    if not hasattr(x, "detach"):
        return np.asarray(x)
    x = x.detach().cpu()
    x = x if str(x.layout) == "torch.strided" else x.to_dense()
    # numpy has no bfloat16
    return (x.float() if x.is_floating_point() and x.element_size() == 2 else x).numpy()


def calibration_images(calibration: Any, limit: int) -> Array:
    """The first `limit` images of an array, or of batches that may bring labels; raises DataError and ShapeError."""
    if calibration is None:
        raise DataError("convert() needs calibration images: some hundreds of the training set, [N, *shape]; no labels")
    if isinstance(limit, bool) or not isinstance(limit, int) or limit < 1:
        raise DataError(f"convert(limit={limit!r}): a whole number of images, 1 or more")
    where = "convert(calibration=...)"
    if _is_array(calibration):
        found = [_images(calibration, where, slice(limit))]
    elif isinstance(calibration, Iterable) and not isinstance(calibration, str | Mapping):
        found, count = [], 0
        for batch in calibration:
            images = _images(batch[0] if isinstance(batch, tuple | list) and batch else batch, where)
            if found and images.shape[1:] != found[0].shape[1:]:
                raise ShapeError(
                    f"{where}: batches of shape {found[0].shape} and {images.shape}. Give images [N, *shape] of one shape; a "
                    "pair (images, labels) is one batch: [(images, labels)]"
                )
            found.append(images)
            count += len(images)
            if count >= limit:
                break
    else:
        raise DataError(f"{where} got {type(calibration).__name__}: give images [N, *shape] or batches")
    if sum(map(len, found)) == 0:
        raise DataError(f"{where}: there is no image in it")
    out = np.concatenate(found)[:limit]
    if not np.all(np.isfinite(out)):
        raise DataError(f"{where}: the images hold NaN or infinity")
    return out


def labelled_batches(
    data: Any, labels: Any, batch: int, shape: tuple[int, ...], classes: int
) -> Iterator[tuple[Array, Array | None]]:
    """Images of `shape` in batches of at most `batch`, with their labels, 0 to `classes` - 1, where there are any."""
    if _is_array(data):
        parts: Any = ((data, labels),)
    elif labels is not None:
        raise DataError("test(labels=...): labels belong to an array of images; batches bring their own")
    elif isinstance(data, Iterable) and not isinstance(data, str | Mapping):
        parts = (_pair(part) for part in data)
    else:
        raise DataError(f"test() got {type(data).__name__}: give images [N, *shape], with labels or none, or batches")
    for images, given in parts:
        _images(images, "test()", slice(0))  # an error comes before the labels'
        count = len(images)
        y = None if given is None else _labels(given, count, classes)
        for start in range(0, count, batch):
            x = _images(images, "test()", slice(start, start + batch))
            if x.shape[1:] != tuple(shape):
                raise ShapeError(f"test(): images of shape {x.shape[1:]}, but the network takes {tuple(shape)}")
            if not np.all(np.isfinite(x)):
                raise DataError("test(): the images hold NaN or infinity")
            yield x, None if y is None else y[start : start + batch]


def _is_array(x: Any) -> bool:
    return hasattr(x, "shape") and not isinstance(x, Mapping)


def _pair(part: Any) -> tuple[Any, Any]:
    if not isinstance(part, tuple | list):
        return part, None
    if len(part) not in (1, 2):
        raise DataError(f"test(): a batch of {len(part)} parts; give images, or a pair (images, labels)")
    return part[0], part[1] if len(part) == 2 else None


def _images(x: Any, where: str, part: slice = slice(None)) -> Array:
    """Some of the images: what is on a disk or a GPU need not be in memory as a whole."""
    if not _is_array(x):
        raise DataError(f"{where}: a batch is {type(x).__name__}; give images [N, *shape]")
    if len(x.shape) < 2:
        raise ShapeError(
            f"{where}: an array of shape {tuple(x.shape)}; give images [N, *shape]. Labels stand beside "
            "their images: [(images, labels)]"
        )
    images = numpy_of(x)[part] if "sparse" in str(getattr(x, "layout", "")) else numpy_of(x[part])
    if images.dtype.kind != "f":
        raise DataError(
            f"{where}: images of {images.dtype}; inputs are floating point, as in training; convert bytes with images.float() / 255 "
            "(astype('float32') of arrays), and normalise them as in training"
        )
    return images  # type: ignore[no-any-return]


def _labels(given: Any, images: int, classes: int) -> Array:
    y = numpy_of(given)
    if y.shape not in ((images,), (images, 1)):
        raise DataError(
            f"test(): {images} images but {len(y) if y.ndim else 1} labels"
            if y.ndim < 2
            else f"test(): labels of shape {y.shape} for {images} images; give [N] numbers of classes, as argmax(1) of one-hot ones"
        )
    y = y.reshape(-1)
    whole = y.dtype.kind in "iub" or (y.dtype.kind == "f" and bool(np.all(y == np.floor(y))))
    if not whole or (y.size and not 0 <= y.min() <= y.max() < classes):
        of = f"from {y.min()} to {y.max()}" if whole else f"of {y.dtype}"
        raise DataError(
            f"test(): labels {of}; they are whole numbers, 0 to {classes - 1}: the network has {classes} outputs"
        )
    return y  # type: ignore[no-any-return]
