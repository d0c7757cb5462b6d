"""Kernels that build synapses. The files are text: what a rule and a distribution compute is pasted between them."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.kernels import machine_code, threads
from neurograph.random import normal_table

Array = np.ndarray[Any, Any]
MANY = 512  # draws at once, as in common.py
_OWN = re.compile(r"^from neurograph\.connectivity\S* import (?:\([^)]*\)|[^\n]*)\n", re.MULTILINE)
Functions = tuple[Callable[..., Any], ...]


@cache
def address(name: str, *pasted: Functions, dtype: str = "float64") -> int:
    """The entry point of a kernel file for a dtype, with functions pasted in.

    The last of each tuple of `pasted` is what the kernel calls `pairs` or `draw`; the others are its helpers. An empty
    tuple stands for no distribution, and what would draw is left out.
    """
    folder = Path(__file__).parent
    pieces = ["from __future__ import annotations", (folder / "common.py").read_text()]
    for functions in pasted:
        for function in functions:
            text = inspect.getsource(function)
            if function is functions[-1]:
                called = "pairs" if function.__name__ == "pairs" else "draw"
                text = text.replace(f"def {function.__name__}(", f"def {called}(", 1)
            pieces.append(f"@row\n{text}")
    pieces.append((folder / f"{name}.py").read_text())
    drawn = any(functions[-1].__name__ != "pairs" for functions in pasted if functions)
    text = _OWN.sub("", "\n".join(dict.fromkeys(pieces)))
    text = text.replace("KIND = numba.float64", f"KIND = numba.{dtype}").replace("DRAWN = True", f"DRAWN = {drawn}")
    owner = pasted[0][-1].__module__.rpartition(".")[2] if pasted and pasted[0] else "plain"
    return machine_code.address(f"synapses_{name}_{owner}_{dtype}", text + "\n")


def run(entry: int, description: Array, workers: int) -> None:
    """Call a kernel on threads with an int64 array that describes the work; its first two entries count work taken."""
    description[:2] = 0
    threads.run(entry, description.ctypes.data, workers)


def signed(key: int) -> int:
    """A 64-bit key as an int64 holds it."""
    return key - (1 << 64) if key >= 1 << 63 else key


def table() -> Array:
    """What distributions look up: the quantiles of neurograph.random.normal."""
    return normal_table().ravel()
