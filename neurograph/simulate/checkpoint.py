"""The whole state of a simulation in an HDF5 file, from which it goes on to the last bit."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import DataError, FormatError

FORMAT = "neurograph simulation 1"
CHANGED = "changed/"  # parameters that were set after compiling
Array = np.ndarray[Any, Any]


def fingerprint(text: str) -> str:
    """What two programs must share for one to load the other's state."""
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: str | Path, arrays: dict[str, Array], facts: dict[str, Any]) -> None:
    """Write a checkpoint whole or not at all: the file is replaced when the new one is complete."""
    import h5py

    target = Path(path)
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    except OSError as error:
        raise DataError(f"saving to {target}: {error}") from None
    os.close(handle)
    try:
        with h5py.File(temporary, "w") as file:
            file.attrs["format"] = FORMAT
            for name, value in facts.items():
                file.attrs[name] = value
            for name, array in arrays.items():
                file.create_dataset(name, data=array)
            file.attrs["complete"] = True
        os.replace(temporary, target)
    except OSError as error:
        raise DataError(f"saving to {target}: {error}. What was there before is unchanged") from None
    finally:
        if os.path.exists(temporary):
            os.unlink(temporary)


def read(path: str | Path, shapes: dict[str, tuple[int, ...]]) -> tuple[dict[str, Array], dict[str, Any]]:
    """Arrays and facts of a checkpoint. `shapes`: what must be there (-1: any length)."""
    import h5py

    try:
        with h5py.File(path, "r") as file:
            facts = dict(file.attrs)
            if facts.get("format") != FORMAT or not facts.get("complete"):
                raise FormatError(f"{path}: not a complete simulation checkpoint (format {facts.get('format')!r})")
            names: list[str] = []
            file.visititems(lambda n, o: names.append(n) if isinstance(o, h5py.Dataset) else None)
            arrays = {n: file[n][...] for n in names}
    except FormatError:
        raise
    except (OSError, KeyError, RuntimeError) as error:
        raise FormatError(f"{path}: cannot be read as a simulation checkpoint ({error}); it may be cut short") from None
    missing, unknown = sorted(set(shapes) - set(arrays)), sorted(
        n for n in set(arrays) - set(shapes) if not n.startswith(CHANGED)
    )
    if missing or unknown:
        raise FormatError(f"{path}: belongs to another network: missing {missing[:5]}, unknown {unknown[:5]}")
    for name, shape in shapes.items():
        found = arrays[name].shape
        if len(found) != len(shape) or any(w not in (-1, h) for w, h in zip(shape, found, strict=True)):
            raise FormatError(f"{path}: {name!r} has shape {found}, this network needs {shape}")
    return arrays, facts
