"""Kernels of the simulator that no network changes. Each file is compiled as text, for one dtype, and kept.

A file has one entry `run(address, worker, step)` (`run(address)` for the driver): the address is that of an
array of int64 that describes the work. Each worker does its own parts of the targets, so no two write to one
place and no sum depends on how many workers there are.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path
from types import SimpleNamespace

from neurograph.kernels import machine_code


@cache
def address(name: str, dtype: str = "float64") -> int:
    """The entry point of a kernel for a dtype, compiled the first time on a machine."""
    text = Path(__file__).with_name(f"{name}.py").read_text()
    text = text.replace("F = np.float64", f"F = np.{dtype}").replace("KIND = numba.float64", f"KIND = numba.{dtype}")
    return machine_code.address(f"{name}_{dtype}", text)


@cache
def layout(name: str) -> SimpleNamespace:
    """The whole-number constants of a kernel's file: what lies where in its description."""
    known: dict[str, int] = {}
    for line in ast.parse(Path(__file__).with_name(f"{name}.py").read_text()).body:
        if isinstance(line, ast.Assign):
            target, value = line.targets[0], line.value
            pairs = (
                zip(target.elts, value.elts, strict=True)
                if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple)
                else [(target, value)]
            )
            for left, right in pairs:
                if isinstance(left, ast.Name) and isinstance(right, ast.Constant) and isinstance(right.value, int):
                    known[left.id] = right.value
    return SimpleNamespace(**known)
