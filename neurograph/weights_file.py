"""Trained weights as one .npz file of arrays by name: no pickle, and NumPy alone reads it."""

from __future__ import annotations

import os
import zipfile
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import FormatError

Array = np.ndarray[Any, Any]


def save_weights(path: str | os.PathLike[str], weights: Any) -> Path:
    """Write the weights of a program, or arrays by name, in their own dtypes; returns the path.

    The file comes into being whole: a run that is killed leaves the one from before.
    """
    held = weights if isinstance(weights, Mapping) else weights.weights()
    arrays = {n: np.asarray(a.detach().cpu().numpy() if hasattr(a, "detach") else a) for n, a in held.items()}
    target = Path(path)
    target.parent.mkdir(parents=True, exist_ok=True)
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        with draft.open("wb") as stream:
            np.savez(stream, **arrays)  # type: ignore[arg-type]
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
    return target


def load_weights(path: str | os.PathLike[str]) -> dict[str, Array]:
    """The arrays of such a file by name, as compile(..., weights=...) takes them.

    Raises FormatError for a file that is damaged, no .npz, or holds anything but finite real numbers.
    """
    rule = "weights are an .npz of numeric arrays by name, as save_weights() writes it"
    try:
        with open(path, "rb") as stream:
            file = np.load(stream, allow_pickle=False)
            if hasattr(file, "files") and not all(name.endswith(".npy") for name in file.zip.namelist()):
                raise ValueError(
                    "a zip of other things; of a file of torch.save take torch.load(path, weights_only=True)"
                )
            arrays = {name: file[name] for name in file.files} if hasattr(file, "files") else None
    except FileNotFoundError as error:
        raise FormatError(f"{path}: no such file; {rule}") from error
    except (OSError, EOFError, ValueError, zipfile.BadZipFile, zlib.error) as error:
        raise FormatError(f"{path}: it cannot be read ({error}); {rule}") from error
    if arrays is None:
        raise FormatError(f"{path}: one bare array; {rule}")
    for name, array in arrays.items():
        if array.dtype.kind not in "fiu" or not np.all(np.isfinite(array)):
            raise FormatError(f"{path}: {name!r} is {array.dtype} and not all finite real numbers; {rule}")
    return arrays
