"""Checkpoint files: HDF5 with a checked header, without pickle.

A file is a 512-byte header (an HDF5 user block: text, one JSON line, padded with NUL) and an HDF5
file behind it, which any HDF5 program opens. The header holds the length and the sha256 of the
rest, so damage is found before the HDF5 library reads a byte of it, and epoch and metric, so a
folder of checkpoints can be listed without reading it all. Inside: ``/state``, JSON (see
``tree.py``), and ``/tensors/<number>`` with the attributes ``place`` and ``dtype``.
"""

from __future__ import annotations

import hashlib
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
from neurograph.train.tree import flatten, rebuild

__all__ = ["Checkpoint", "Header", "load", "peek", "save"]

MAGIC = b"NeuroGraph checkpoint\n"
BLOCK = 512
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
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with h5py.File(temporary, "w", userblock_size=BLOCK) as file:
            text = json.dumps({"version": VERSION, "state": content}, allow_nan=False)
            file["state"] = np.frombuffer(text.encode(), dtype=np.uint8)
            group = file.create_group("tensors")
            for number, (place, array, dtype) in enumerate(arrays):
                entry = group.create_dataset(str(number), data=array)
                entry.attrs["place"] = place.encode("unicode_escape").decode()
                entry.attrs["dtype"] = dtype
        with temporary.open("rb+") as stream:
            stream.write(_header_bytes(stream, epoch, metric))
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return path


def peek(path: str | os.PathLike[str]) -> Header:
    """Read the header only; raises FormatError if the file is not a whole checkpoint."""
    path = Path(path)
    try:
        with path.open("rb") as stream:
            block = stream.read(BLOCK)
            size = os.fstat(stream.fileno()).st_size - BLOCK
    except OSError as error:
        raise FormatError(f"{path}: it cannot be read ({error}); give the path of a checkpoint file") from error
    if not block.startswith(MAGIC):
        raise FormatError(
            f"{path}: bytes 0-{len(MAGIC) - 1} are not {MAGIC!r}; it is not a NeuroGraph "
            "checkpoint; give one that NeuroGraph wrote"
        )
    try:
        fields = json.loads(block[len(MAGIC) :].rstrip(b"\0").decode("ascii"))
        epoch, metric = fields["epoch"], fields["metric"]
        header = Header(
            int(fields["size"]),
            str(fields["sha256"]),
            None if epoch is None else int(epoch),
            None if metric is None else float(metric),
        )
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise FormatError(
            f"{path}: bytes {len(MAGIC)}-{BLOCK - 1} are not the header of a checkpoint ({error}); "
            "the file is damaged; take an earlier checkpoint"
        ) from error
    if size != header.size:
        raise FormatError(
            f"{path}: {size} bytes follow byte {BLOCK}, its header says {header.size}; the file is "
            "cut off or was added to; take an earlier checkpoint"
        )
    return header


def load(path: str | os.PathLike[str]) -> Checkpoint:
    """Read a checkpoint after checking all of its bytes; raises FormatError saying what is wrong.

    Nothing in the file is run: it holds numbers and JSON only.
    """
    path = Path(path)
    header = peek(path)
    with path.open("rb") as stream:
        found = _digest(stream, header.epoch, header.metric)
    if found != header.sha256:
        raise FormatError(
            f"{path}: the sha256 of its content is {found}, its header says {header.sha256}; some "
            "bytes were changed; take an earlier checkpoint"
        )
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


def _digest(stream: Any, epoch: int | None, metric: float | None) -> str:
    """sha256 of epoch, metric and everything behind the header."""
    digest = hashlib.sha256(json.dumps([epoch, metric]).encode())
    stream.seek(BLOCK)
    while piece := stream.read(1 << 20):
        digest.update(piece)
    return digest.hexdigest()


def _header_bytes(stream: Any, epoch: int | None, metric: float | None) -> bytes:
    fields = {"sha256": _digest(stream, epoch, metric), "epoch": epoch, "metric": metric}
    fields["size"] = stream.tell() - BLOCK
    stream.seek(0)
    return (MAGIC + json.dumps(fields).encode("ascii") + b"\n").ljust(BLOCK, b"\0")


def _sync_folder(folder: Path) -> None:
    """Make the rename last through a power cut, where folders can be synced (not on Windows)."""
    if os.name == "nt":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
