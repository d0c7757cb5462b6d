"""One pool of threads: kernels run on the pool that torch's own operators use, where there is one.

Two pools on the same cores get in each other's way: the idle threads of one spin while those of the other
wait for a core. So a kernel enters the OpenMP runtime that torch has loaded (`GOMP_parallel`, which GNU and
Intel OpenMP both export). Without it, plain threads call the kernel; it holds no Python lock.
"""

from __future__ import annotations

import ctypes
import os
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any


def count() -> int:
    """How many threads a kernel uses: torch's setting where torch is loaded, else the cores this process has."""
    torch = sys.modules.get("torch")
    if torch is not None:
        return int(torch.get_num_threads())
    asked = os.environ.get("OMP_NUM_THREADS", "").split(",")[0]
    if asked.isdigit() and int(asked) > 0:
        return int(asked)
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@lru_cache(maxsize=1)
def _openmp() -> Callable[..., Any] | None:
    torch = sys.modules["torch"]
    library = os.path.join(os.path.dirname(str(torch.__file__)), "lib", "libtorch_cpu.so")
    try:
        parallel = ctypes.CDLL(library).GOMP_parallel
    except (OSError, AttributeError):  # another platform, or torch built without OpenMP
        return None
    parallel.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint]
    parallel.restype = None
    return parallel  # type: ignore[no-any-return]


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=64, thread_name_prefix="neurograph")


# the threads of a pool do not exist in a forked child
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)

_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int64)


def run(address: int, data: int, threads: int) -> None:
    """Call the kernel at `address` with `data` on `threads` threads and wait; they share the work themselves."""
    if threads <= 1:
        _FUNCTION(address)(data)
        return
    openmp = _openmp() if "torch" in sys.modules else None
    if openmp is not None:
        openmp(address, data, threads, 0)
        return
    others = [_pool().submit(_FUNCTION(address), data) for _ in range(threads - 1)]
    _FUNCTION(address)(data)
    for other in others:
        other.result()


def used() -> str:
    """Which pool kernels run on, in words."""
    if "torch" in sys.modules and _openmp() is not None:
        return "torch's OpenMP threads"
    return "threads of this process"
