"""Kernels that build synapses. The files are text: what a rule and a distribution compute is pasted between them."""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import SpecError
from neurograph.kernels import machine_code, threads
from neurograph.random import normal_table

Array = np.ndarray[Any, Any]
MANY = 512  # draws at once, as in common.py
_OWN = re.compile(r"^from neurograph\.connectivity\S* import (?:\([^)]*\)|[^\n]*)\n", re.MULTILINE)
Functions = tuple[Callable[..., Any], ...]


@cache
def address(name: str, *, pairs: Functions = (), draw: Functions = (), dtype: str = "float64") -> int:
    """The entry point of a kernel file for a dtype, with a rule's and a distribution's functions pasted in.

    The last function of each is what the kernel calls `pairs` or `draw`; the others are its helpers. Without a
    distribution, what would draw is left out.
    """
    folder = Path(__file__).parent
    pieces = ["from __future__ import annotations", (folder / "common.py").read_text()]
    for called, functions in (("pairs", pairs), ("draw", draw)):
        for function in functions:
            text = _source(function)
            if function is functions[-1]:
                text = text.replace(f"def {function.__name__}(", f"def {called}(", 1)
            pieces.append(f"@row\n{text}")
    pieces.append((folder / f"{name}.py").read_text())
    text = _OWN.sub("", "\n".join(dict.fromkeys(pieces)))
    text = text.replace("KIND = numba.float64", f"KIND = numba.{dtype}").replace(
        "DRAWN = True", f"DRAWN = {bool(draw)}"
    )
    owner = pairs[-1].__module__.rpartition(".")[2] if pairs else "any"
    return machine_code.address(f"synapses_{name}_{owner}_{dtype}", text + "\n")


def _source(function: Callable[..., Any]) -> str:
    try:
        return textwrap.dedent(inspect.getsource(function))
    except OSError:
        raise SpecError(
            f"{function.__module__}.{function.__name__}: the text of this function cannot be read, and it is what gets "
            "compiled. Write the rule or distribution in a file"
        ) from None


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
