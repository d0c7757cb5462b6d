"""Checkpoint files: HDF5 with a checked header, without pickle.

A file is sealed (`neurograph.sealed`); its header holds epoch and metric, so a
folder of checkpoints can be listed without reading it all. Inside: ``/state``, JSON (see
``tree.py``), and ``/tensors/<number>`` with the attributes ``place`` and ``dtype``.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import torch

from neurograph.errors import FormatError
from neurograph.sealed import BLOCK, check_seal, sealed_facts, write_sealed
from neurograph.train.tree import flatten, rebuild

__all__ = ["Checkpoint", "Header", "load", "peek", "save"]

MAGIC = b"NeuroGraph checkpoint\n"
VERSION = 1

#: Types NumPy lacks, saved as integers of the same width.
AS_INTEGERS = {
    torch.bfloat16: torch.uint8,
    torch.float8_e4m3fn: torch.uint8,
    torch.float8_e5m2: torch.uint8,
    torch.float8_e4m3fnuz: torch.uint8,
    torch.float8_e5m2fnuz: torch.uint8,
    torch.bool: torch.uint8,
}
DTYPES = {
    str(dtype).removeprefix("torch."): dtype
    for dtype in (
        *AS_INTEGERS,
        *(torch.float16, torch.float32, torch.float64, torch.complex64, torch.complex128),
        *(torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64),
        *(torch.uint16, torch.uint32, torch.uint64),
    )
}


@dataclass(frozen=True)
class Header:
    """What the first bytes of a checkpoint say: ``size`` and ``sha256`` are of the rest."""

    size: int
    sha256: str
    epoch: int | None
    metric: float | None


@dataclass(frozen=True)
class Checkpoint:
    """A loaded checkpoint; all tensors lie on the CPU."""

    model: dict[str, Any]
    optimizer: dict[str, Any] | None
    meta: dict[str, Any]
    extra: dict[str, Any]
    random: dict[str, Any]
    header: Header = field(repr=False)

    def restore_random(self) -> None:
        """Put back PyTorch's random state, CPU and, where both have it, CUDA."""
        torch.set_rng_state(self.random["cpu"])
        if self.random["cuda"] and torch.cuda.is_available():
            torch.cuda.set_rng_state_all(self.random["cuda"][: torch.cuda.device_count()])


def save(
    path: str | os.PathLike[str],
    *,
    model: Mapping[str, Any],
    optimizer: Mapping[str, Any] | None = None,
    meta: Mapping[str, Any] | None = None,
    extra: Mapping[str, Any] | None = None,
    epoch: int | None = None,
    metric: float | None = None,
) -> Path:
    """Write a checkpoint and PyTorch's random state; the file appears complete or not at all.

    ``model`` and ``optimizer`` are state dicts, ``meta`` free data about the run, ``extra`` more
    state (schedule, gradient scaler). Any nesting of None, bool, int, float, str, list, tuple, dict
    and dense tensors comes back as it was. Raises FormatError for other types and OSError when the
    disk refuses.
    """
    path = Path(path)
    # Plain numbers, because the header's checksum is over their JSON text.
    epoch = None if epoch is None else int(epoch)
    metric = None if metric is None else float(metric)
    cuda = torch.cuda.is_available() and torch.cuda.is_initialized()
    state = {
        "model": dict(model),
        "optimizer": None if optimizer is None else dict(optimizer),
        "meta": dict(meta or {}),
        "extra": dict(extra or {}),
        "random": {
            "cpu": torch.get_rng_state(),
            "cuda": torch.cuda.get_rng_state_all() if cuda else [],
        },
    }
    content, tensors = flatten(state, "checkpoint")
    arrays = [(place, *_to_array(place, tensor)) for place, tensor in tensors]

    def fill(file: h5py.File) -> None:
        text = json.dumps({"version": VERSION, "state": content}, allow_nan=False)
        file["state"] = np.frombuffer(text.encode(), dtype=np.uint8)
        group = file.create_group("tensors")
        for number, (place, array, dtype) in enumerate(arrays):
            entry = group.create_dataset(str(number), data=array)
            entry.attrs["place"] = place.encode("unicode_escape").decode()
            entry.attrs["dtype"] = dtype

    return write_sealed(path, MAGIC, {"epoch": epoch, "metric": metric}, fill)


def peek(path: str | os.PathLike[str]) -> Header:
    """Read the header only; raises FormatError if the file is not a whole checkpoint."""
    return _header(path, sealed_facts(path, MAGIC, "checkpoint"))


def _header(path: str | os.PathLike[str], facts: dict[str, Any]) -> Header:
    try:
        epoch, metric = facts["epoch"], facts["metric"]
        return Header(
            facts["size"],
            facts["sha256"],
            None if epoch is None else int(epoch),
            None if metric is None else float(metric),
        )
    except (ValueError, KeyError, TypeError, OverflowError) as error:
        raise FormatError(
            f"{path}: its header lacks epoch and metric ({error}); the file is damaged; take an earlier checkpoint"
        ) from error


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint after checking all of its bytes; raises FormatError saying what is wrong.

    Nothing in the file is run: it holds numbers and JSON only.
    """
    path = Path(path)
    header = _header(path, check_seal(path, MAGIC, "checkpoint"))
    try:
        with h5py.File(path, "r") as file:
            stored = json.loads(file["state"][()].tobytes())
            if stored["version"] != VERSION:
                raise FormatError(
                    f"{path}: /state has version {stored['version']}, this NeuroGraph reads "
                    f"{VERSION}; load it with the release that wrote it"
                )
            tensors = {int(n): _to_tensor(entry) for n, entry in file["tensors"].items()}
        state = rebuild(stored["state"], tensors)
        parts = {name: state[name] for name in ("model", "optimizer", "meta", "extra", "random")}
    except (OSError, KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise FormatError(
            f"{path}: its bytes are whole but the HDF5 content behind byte {BLOCK} is not that of "
            f"a checkpoint ({error}); give one that NeuroGraph wrote"
        ) from error
    return Checkpoint(**parts, header=header)


def _to_array(place: str, tensor: torch.Tensor) -> tuple[np.ndarray, str]:
    name = str(tensor.dtype).removeprefix("torch.")
    if name not in DTYPES:
        raise FormatError(
            f"checkpoint entry {place}: tensors of {tensor.dtype} cannot be saved; convert it to "
            f"one of {', '.join(DTYPES)}"
        )
    plain = tensor.detach().cpu().contiguous().resolve_conj().resolve_neg()
    if tensor.dtype in AS_INTEGERS:
        # A 0-d tensor cannot be viewed with another item size, so view it flat. bfloat16 becomes
        # two bytes on a last axis of its own.
        shape = (*tensor.shape, tensor.dtype.itemsize)
        flat = plain.reshape(-1)
        plain = flat.view(torch.uint8).reshape(shape) if len(flat) else flat.new_empty(shape, dtype=torch.uint8)
    return plain.numpy(), name


def _to_tensor(entry: h5py.Dataset) -> torch.Tensor:
    dtype = DTYPES[entry.attrs["dtype"]]
    tensor = torch.from_numpy(np.array(entry[()]))
    if dtype in AS_INTEGERS:
        result = torch.empty(tensor.shape[:-1], dtype=dtype)
        if result.numel():  # an empty tensor may have strides that forbid the view
            result.reshape(-1).view(torch.uint8).copy_(tensor.reshape(-1))
        return result
    if tensor.dtype != dtype:
        raise ValueError(f"{entry.name} holds {tensor.dtype}, its attribute says {dtype}")
    return tensor
