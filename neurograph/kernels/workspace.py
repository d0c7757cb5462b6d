"""Large buffers kept for reuse: on the CPU, memory fresh from the system costs a page fault every 4 KiB.

The C library gives every block above 32 MB back when it is freed, so a training step pays for the same
pages again and again (half of a LIF layer's time on 16 M values). A tensor made here returns its buffer to
the pool when nothing refers to it any more.
"""

from __future__ import annotations

import threading
import weakref
from typing import Any

import torch

SMALLEST = 64 << 20  # bytes; smaller ones are cheap beside the convolution that feeds them, and idle they cost memory
SPARE = 1  # free buffers kept of one size: more would save more faults, and cost more memory


class Pool:
    """Free buffers by size. Sizes are rounded up to 1/8 of a power of two, so that similar tensors share."""

    def __init__(self) -> None:
        self._free: dict[int, list[Any]] = {}
        self._lock = threading.RLock()  # a finaliser may run while the lock is held
        self.held = 0  # bytes of free buffers

    def take(self, count: int, dtype: torch.dtype) -> torch.Tensor:
        """A flat tensor of `count` values, not initialised."""
        size = _rounded(count * dtype.itemsize)
        with self._lock:
            waiting = self._free.get(size)
            buffer = waiting.pop() if waiting else None
            if buffer is not None:
                self.held -= size
        if buffer is None:
            buffer = torch.empty(size, dtype=torch.uint8)
        lent = buffer.numpy()  # the tensor keeps this array alive; the buffer outlives it
        weakref.finalize(lent, self._give_back, size, buffer).atexit = False
        return torch.from_numpy(lent)[: count * dtype.itemsize].view(dtype)

    def _give_back(self, size: int, buffer: Any) -> None:
        with self._lock:
            waiting = self._free.setdefault(size, [])
            if len(waiting) < SPARE:
                waiting.append(buffer)
                self.held += size

    def clear(self) -> None:
        """Give all free buffers back to the system."""
        with self._lock:
            self._free.clear()
            self.held = 0


POOL = Pool()


def empty(shape: tuple[int, ...], strides: tuple[int, ...], dtype: torch.dtype, device: torch.device) -> torch.Tensor:
    """torch.empty_strided for a dense layout, out of the pool where that pays."""
    count = 1
    for n in shape:
        count *= n
    if device.type != "cpu" or count * dtype.itemsize < SMALLEST:
        return torch.empty_strided(shape, strides, dtype=dtype, device=device)
    tensor = POOL.take(count, dtype)
    # set_ makes a tensor of its own: autograd copies gradients that are views of another
    return torch.empty(0, dtype=dtype).set_(tensor.untyped_storage(), 0, shape, strides)


def dense(x: torch.Tensor) -> bool:
    """Whether the values fill their memory, in whatever order of the axes."""
    if x.is_contiguous():
        return True
    expected = 1
    for stride, size in sorted((s, n) for s, n in zip(x.stride(), x.shape, strict=True) if n != 1):
        if stride != expected:
            return False
        expected *= size
    return True


def _rounded(size: int) -> int:
    step = 1 << max(0, size.bit_length() - 4)
    return -(-size // step) * step
