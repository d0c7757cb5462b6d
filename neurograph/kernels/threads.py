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

MOST = 1024  # threads of one run


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
    return ThreadPoolExecutor(max_workers=8 * MOST, thread_name_prefix="neurograph")  # made as they are needed


# the threads of a pool do not exist in a forked child
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)

_FUNCTION = ctypes.CFUNCTYPE(None, ctypes.c_int64)


@lru_cache(maxsize=1)
def _asked() -> tuple[Callable[[], int], ...]:
    """OpenMP's functions that say whether it gives every thread that is asked for."""
    torch = sys.modules["torch"]
    library = ctypes.CDLL(os.path.join(os.path.dirname(str(torch.__file__)), "lib", "libtorch_cpu.so"))
    return library.omp_get_thread_limit, library.omp_get_dynamic, library.omp_in_parallel


def _gives(threads: int) -> bool:
    limit, dynamic, inside = _asked()
    return limit() >= threads and not dynamic() and not inside()


def run(address: int, data: int, threads: int, *, all_at_once: bool = False) -> None:
    """Call the kernel at `address` with `data` on `threads` threads and wait; they share the work themselves.

    `all_at_once`: they wait for each other, so fewer would wait for ever.
    """
    if threads <= 1:
        _FUNCTION(address)(data)
        return
    openmp = _openmp() if "torch" in sys.modules else None
    if openmp is not None and (not all_at_once or _gives(threads)):
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
