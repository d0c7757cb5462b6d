"""Compiled kernels on disk: the first process compiles with Numba, later ones only load machine code.

Loading Numba's compiler takes a second and 70 MB, which a process that finds its kernels on disk need not
spend. A kernel allocates nothing and raises nothing, so its object file needs no runtime; the entry points of
Numba's runtime that it names for paths it cannot take are bound to `abort`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import platform
import sys
import tempfile
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from neurograph.kernels import cache as kept

_MAGIC = b"neurograph kernel 1\n"
_LOADED: list[Any] = []  # engines own the code they loaded


@cache
def address(name: str, source: str) -> int:
    """The entry point of a generated kernel: a C function of one int64."""
    stored = kept.path_of(name, source).with_suffix(f".{_machine()}.o")
    found = _read(stored)
    if found is not None:
        return _load(*found)
    compiled = kept.load(name, source).run
    _write(stored, compiled.native_name, compiled._library._get_compiled_object())
    return int(compiled.address)


@cache
def _machine() -> str:
    """What machine code depends on besides its source: the processor, and who compiled it."""
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features().flatten() if platform.system() != "Darwin" else ""
    parts = (
        llvm.get_default_triple(),
        llvm.get_host_cpu_name(),
        features,
        version("numba"),
        version("llvmlite"),
        Path(__file__).with_name("runtime.py").read_text(),  # compiled into every kernel
        sys.version,
    )
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def _write(path: Path, symbol: str, code: bytes) -> None:
    body = len(symbol).to_bytes(4, "little") + symbol.encode() + code
    handle, temporary = tempfile.mkstemp(dir=path.parent, suffix=".tmp")
    with os.fdopen(handle, "wb") as file:
        file.write(_MAGIC + hashlib.sha256(body).digest() + body)
    os.replace(temporary, path)


def _read(path: Path) -> tuple[str, bytes] | None:
    """Symbol and object code; None where there is none, or where the file is damaged and must be made anew."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return None
    head, digest, body = data[: len(_MAGIC)], data[len(_MAGIC) : len(_MAGIC) + 32], data[len(_MAGIC) + 32 :]
    if head != _MAGIC or hashlib.sha256(body).digest() != digest:
        return None
    size = int.from_bytes(body[:4], "little")
    return body[4 : 4 + size].decode(), body[4 + size :]


def _load(symbol: str, code: bytes) -> int:
    import llvmlite.binding as llvm

    _bind_unused_runtime()
    machine = llvm.Target.from_default_triple().create_target_machine(jit=True)
    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), machine)
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _LOADED.append(engine)
    return int(engine.get_function_address(symbol))


_UNUSED = [
    "NRT_Allocate",
    "NRT_Free",
    "NRT_MemInfo_alloc",
    "NRT_MemInfo_alloc_aligned",
    "NRT_MemInfo_call_dtor",
    "NRT_incref",
    "NRT_decref",
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
]


@cache
def _bind_unused_runtime() -> None:
    import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    stop = ctypes.cast(ctypes.CDLL(None).abort, ctypes.c_void_p).value
    for name in _UNUSED:
        # where Numba itself is loaded in this process, its own functions are there and stay
        if llvm.address_of_symbol(name) is None:
            llvm.add_symbol(name, stop)
