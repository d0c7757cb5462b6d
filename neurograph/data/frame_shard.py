"""Shards: the frames of some recordings in one file, sparse, with a checksum.

    magic, digest of what is in it (32 bytes), then as uint64: recordings n, cells of a recording, counts (1) or values (0),
    largest count, length of the body, CRC-32 of the body, CRC-32 of the head before it; the body: first and last byte of each recording, as uint64,
    then the recordings

The cells [T, C, H, W] of a recording that are not zero, in order, one byte each in most cases: the upper five bits are
how many zeros come before it, the lower three the count. Count 0: (upper + 1) x 32 zeros and no cell. Count 7: 7 or more,
what is above 7 follows in groups of seven bits, lowest first, the eighth set where another follows. For values the lower
bits are how many cells that are not zero come one after another; their number (uint32) and their values (float32) come
before. Head little-endian, values as the machine has them (the digest says which).
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import struct
import tempfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from neurograph.data.claim import Claim, claim
from neurograph.errors import DataError
from neurograph.kernels import native, threads

__all__ = [
    "Damaged",
    "Shard",
    "claimed",
    "open_shard",
    "pack",
    "load_kernels",
    "peek",
    "unpack",
    "unwritable",
    "write_shard",
]

MAGIC = b"neurograph frames 2\n"
_HEAD = struct.Struct("<20s32s7Q")


class Damaged(Exception):
    """A shard is missing, is another one, or is not as it was written."""


@dataclass(frozen=True)
class Shard:
    """An open shard: its bytes (mapped, not read), and where in memory each recording's begin."""

    mapped: np.ndarray
    starts: np.ndarray
    lengths: np.ndarray


def pack(frames: np.ndarray) -> bytes:
    """Frames of one recording, uint16 or float32, as bytes."""
    flat = np.ascontiguousarray(frames).reshape(-1)
    out = np.empty(5 * flat.size + flat.size // 32 + 16, np.uint8)
    description = np.array([flat.ctypes.data, flat.size, out.ctypes.data, 0, flat.dtype != np.float32], np.int64)
    threads.run(native.address("pack_frames", flat.dtype.name), description.ctypes.data, 1)
    return out[: description[3]].tobytes()


def unpack(starts: np.ndarray, lengths: np.ndarray, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Frames [B, *shape] of the bytes at these addresses (int64 [B]), uint8, uint16 or float32; raises Damaged."""
    starts, lengths = np.ascontiguousarray(starts), np.ascontiguousarray(lengths)
    frames = np.zeros((len(starts), *shape), dtype)
    description = np.array(
        [starts.ctypes.data, lengths.ctypes.data, len(starts), int(np.prod(shape)), frames.ctypes.data, dtype != np.float32, 0],
        np.int64,
    )  # fmt: skip
    threads.run(native.address("unpack_frames", frames.dtype.name), description.ctypes.data, 1)
    if description[6]:
        raise Damaged(f"row {description[6] - 1} of the batch")
    return frames


def load_kernels(dtype: np.dtype) -> None:
    """Compile or load what unpack needs, so that it is there before a thread asks for it."""
    native.address("unpack_frames", dtype.name)


def write_shard(path: Path, digest: bytes, cells: int, whole: bool, top: int, rows: Sequence[bytes]) -> None:
    """Write a shard beside its place and rename it: it is there as a whole or not at all. Raises DataError."""
    padded = [row + bytes(-len(row) % 4) for row in rows]  # the values of a recording lie on whole words
    starts = np.concatenate([[0], np.cumsum([len(row) for row in padded])]).astype("<u8")
    ends = starts[:-1] + np.array([len(row) for row in rows], "<u8")
    body = np.stack([starts[:-1], ends], 1).tobytes() + b"".join(padded)
    numbers = (len(rows), cells, whole, top, len(body), zlib.crc32(body))
    head = _HEAD.pack(MAGIC, digest, *numbers, _head_checksum(_HEAD.pack(MAGIC, digest, *numbers, 0)))
    temporary = ""
    try:
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem + ".", suffix=".tmp")
        with os.fdopen(handle, "wb") as file:
            file.write(head)
            file.write(body)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise unwritable(path.parent, error, len(head) + len(body)) from error
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(temporary)
        raise


def peek(path: Path, digest: bytes) -> int:
    """The largest count of a shard whose head and length are right; raises Damaged. That of the body is not looked at."""
    try:
        with open(path, "rb") as file:
            head = file.read(_HEAD.size)
            length = os.fstat(file.fileno()).st_size
    except (FileNotFoundError, NotADirectoryError):
        raise Damaged("it is not there") from None
    except OSError as error:
        raise _unreadable(path, error) from error
    return _head(head, digest, length)[3]


def open_shard(path: Path, digest: bytes, cells: int) -> Shard:
    """Map a shard and check all of it; raises Damaged."""
    try:
        with open(path, "rb") as file:
            content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:  # ValueError: an empty file
        raise Damaged(str(error)) from None
    except OSError as error:
        raise _unreadable(path, error) from error
    rows, its_cells, *_, checksum = _head(content[: _HEAD.size], digest, len(content))
    mapped = np.frombuffer(content, np.uint8)
    body = mapped[_HEAD.size :]
    if zlib.crc32(memoryview(content)[_HEAD.size :]) != checksum or its_cells != cells:
        raise Damaged("its checksum is wrong")
    ends = body[: 16 * rows].view("<u8").reshape(rows, 2).astype(np.int64)
    return Shard(mapped, int(body.ctypes.data) + 16 * rows + ends[:, 0], ends[:, 1] - ends[:, 0])


def unwritable(folder: Path, error: OSError, size: int = 0) -> DataError:
    """What to say where frames could not be written."""
    if error.errno in (errno.ENOSPC, getattr(errno, "EDQUOT", -1)):
        return DataError(
            f"{folder}: no room for {f'{size:,} bytes of ' if size else ''}frames; make room there, or name another folder with cache=FOLDER, "
            "or keep no frames with cache=False. What is there already stays good"
        )
    return DataError(
        f"{folder}: frames cannot be written there ({error}); name another folder with cache=FOLDER, or keep no frames "
        "with cache=False"
    )


def _unreadable(path: Path, error: OSError) -> DataError:
    return DataError(
        f"{path}: frames cannot be read from there ({error}); correct that, or name another folder with cache="
    )


def _head(head: bytes, digest: bytes, length: int) -> tuple[int, ...]:
    if len(head) < _HEAD.size:
        raise Damaged("it is cut off")
    magic, its, *numbers, checksum = _HEAD.unpack(head)
    if magic != MAGIC or its != digest or checksum != _head_checksum(head):
        raise Damaged("its head is wrong")
    if _HEAD.size + numbers[4] != length or 16 * numbers[0] > numbers[4]:
        raise Damaged("its length is wrong")
    return tuple(numbers)


def _head_checksum(head: bytes) -> int:
    return zlib.crc32(head[:-8])


@contextlib.contextmanager
def claimed(path: Path, wait: bool) -> Iterator[bool]:
    """Be the only one to make a shard; False: another process is at it (and `wait` is not set).

    What one that died left behind is cleared away; where there are no locks it may be another's at work, and stays.
    """
    with contextlib.ExitStack() as stack:
        try:
            found = stack.enter_context(claim(path.with_suffix(".lock"), wait))
        except OSError as error:
            raise unwritable(path.parent, error) from error
        if found is Claim.HELD:
            for left in path.parent.glob(path.stem + ".*.tmp"):
                left.unlink(missing_ok=True)
        yield found is not Claim.BUSY
