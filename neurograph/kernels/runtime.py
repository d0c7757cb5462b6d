"""What CPU kernels are made of: row functions, entry points, random bits and a few machine instructions.

A row function runs over neurons with the loop innermost; marking its arrays as not overlapping is what
lets LLVM vectorise it. An entry point is a C function of one address, so that any thread pool can call it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numba
import numpy as np
from llvmlite import ir
from numba import types
from numba.core import cgutils, compiler
from numba.extending import intrinsic


class _NoOverlap(compiler.CompilerBase):  # type: ignore[misc]
    """Numba's usual pipeline, with array arguments declared not to overlap."""

    def define_pipelines(self) -> list[Any]:
        self.state.flags.noalias = True
        return [compiler.DefaultPassBuilder.define_nopython_pipeline(self.state)]


# only kernels call row functions, so what Python would need to call them is left out: half the time to compile
_ROW: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True, "error_model": "numpy", "fastmath": False}


def row(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop over neurons. Its arrays must not overlap. Division follows IEEE, no fast-math."""
    return numba.njit(pipeline_class=_NoOverlap, **_ROW)(function)  # type: ignore[no-any-return]


@row
def copy(target: Any, source: Any) -> None:
    """Copy a row. An assignment of slices would compile the text of an error about shapes: seconds, once a process."""
    for i in range(target.size):
        target[i] = source[i]


entry = numba.cfunc("void(int64)", error_model="numpy")
part = numba.cfunc("void(int64, int64, int64)", error_model="numpy")  # of a simulation: description, worker, step

GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_FIRST, _SECOND = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31 = np.uint64(30), np.uint64(27), np.uint64(31)


@numba.njit(error_model="numpy", inline="always")  # type: ignore[untyped-decorator]
def mixed(z: Any) -> Any:
    """SplitMix64's finaliser; see neurograph.random."""
    z = (z ^ (z >> _30)) * _FIRST
    z = (z ^ (z >> _27)) * _SECOND
    return z ^ (z >> _31)


@numba.njit(error_model="numpy", inline="always")  # type: ignore[untyped-decorator]
def bits(key: Any, position: Any) -> Any:
    """The 64 random bits of a stream (uint64) at a position (any integer)."""
    return mixed(key + (np.uint64(position) + np.uint64(1)) * GOLDEN)


@intrinsic  # type: ignore[untyped-decorator]
def fetch_add(typing: Any, address: Any, amount: Any) -> Any:
    """Atomically add to the int64 at `address`, returning what was there: how threads take work."""
    signature = types.int64(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.atomic_rmw("add", pointer, args[1], "monotonic")

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def at(typing: Any, address: Any, dtype: Any) -> Any:
    """A typed pointer from an address."""
    element = dtype.dtype
    signature = types.CPointer(element)(types.int64, dtype)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.inttoptr(args[0], context.get_value_type(element).as_pointer())

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def pow2(typing: Any, shifted: Any) -> Any:
    """2**n from n + 1.5 * 2**mantissa_bits: the low bits of the mantissa become the exponent."""
    bits, shift, bias = (32, 23, 127) if shifted == types.float32 else (64, 52, 1023)
    signature = shifted(shifted)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        integer = ir.IntType(bits)
        raw = builder.bitcast(args[0], integer)
        moved = builder.shl(builder.add(raw, ir.Constant(integer, bias)), ir.Constant(integer, shift))
        return builder.bitcast(moved, context.get_value_type(shifted))

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(typing: Any, address: Any) -> Any:
    """Ask for the cache line at `address`."""
    signature = types.void(types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        byte, number = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, number, number, number])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        pointer = builder.inttoptr(args[0], byte)
        builder.call(function, [pointer, number(0), number(2), number(1)])
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def load(typing: Any, address: Any) -> Any:
    """The int64 at `address` as it is now, whatever another thread does to it."""
    signature = types.int64(types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        return builder.load_atomic(pointer, "acquire", 8)

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def store(typing: Any, address: Any, value: Any) -> Any:
    """Write the int64 at `address` for other threads to see, after all that was written before."""
    signature = types.void(types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer = builder.inttoptr(args[0], ir.IntType(64).as_pointer())
        builder.store_atomic(args[1], pointer, "release", 8)
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def call_part(typing: Any, function: Any, description: Any, worker: Any, step: Any) -> Any:
    """Call the C function of three int64 at an address."""
    signature = types.void(types.int64, types.int64, types.int64, types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        number = ir.IntType(64)
        kind = ir.FunctionType(ir.VoidType(), [number, number, number])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), list(args[1:]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic  # type: ignore[untyped-decorator]
def call_plain(typing: Any, function: Any) -> Any:
    """Call the C function without arguments at an address."""
    signature = types.void(types.int64)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [])
        builder.call(builder.inttoptr(args[0], kind.as_pointer()), [])
        return context.get_dummy_value()

    return signature, generate
