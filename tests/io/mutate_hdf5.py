"""HDF5 files whose items are links, of other types and sizes, packed otherwise, elsewhere or gone."""

from __future__ import annotations

import contextlib
import functools
import json
import random
import zlib
from pathlib import Path
from typing import Any

import h5py
import numpy as np

NUMBERS = (0, 1, -1, 2, 2**31, 2**63)


def of_hdf5(path: Path, rng: random.Random, hash_at: str | None = None) -> None:
    """The items of an HDF5 file replaced by links, other types, other sizes, or left out."""
    with h5py.File(path, "r+") as file:
        if hash_at is not None and rng.random() < 0.9:
            tree = json.loads(file[hash_at][()])
            tree.pop("hash", None)
            del file[hash_at]
            file.create_dataset(hash_at, data=json.dumps(tree), dtype=h5py.string_dtype())
        names: list[str] = []
        file.visit(names.append)
        for _ in range(rng.choice([1, 1, 2, 4])):
            name = rng.choice(names)
            with contextlib.suppress(Exception):  # h5py refuses to write some
                rng.choice(FAULTS)(file, name, rng, path)


def _dropped(file: h5py.File, name: str) -> Any:
    """Take an item out; numbers of its type and shape. Its own are not read, for HDF5 falls over some faults made here."""
    item = file[name]
    few = isinstance(item, h5py.Dataset) and item.dtype.kind in "biuf" and item.shape is not None and item.size < 10_000
    old = np.ones(item.shape, item.dtype) if few else None
    del file[name]
    return old


def _link(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    _dropped(file, name)
    file[name] = rng.choice([
        h5py.SoftLink("/"), h5py.SoftLink(f"/{name}"), h5py.ExternalLink("/etc/passwd", "/"), h5py.ExternalLink(str(path), "/"),
        h5py.ExternalLink("/dev/zero", "/x"), file["/"],
    ])  # fmt: skip


def _gone(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    del file[name]


def _group(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    _dropped(file, name)
    made = file.create_group(name)
    if rng.random() < 0.3:
        for _ in range(300):
            made = made.create_group("g")


def _typed(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    _dropped(file, name)
    kinds: list[Any] = [
        np.zeros(3, [("a", "f8"), ("b", "i4")]), np.zeros(2, "S5"), np.array(["x", "y"], h5py.string_dtype()), np.zeros(3, "c16"),
        np.zeros(3, h5py.vlen_dtype(np.float64)), "text", np.float32(1.0), h5py.Empty("f8"), np.zeros(3, "V7"), np.zeros((2, 0)),
        np.zeros(3, h5py.enum_dtype({"A": 0, "B": 1}, "i1")), np.array(7, ">i8"), np.full(5, np.nan), np.zeros(4, "longdouble"),
        np.zeros((), h5py.opaque_dtype(np.dtype("M8[s]"))),
    ]  # fmt: skip
    file.create_dataset(name, data=rng.choice(kinds))


def _sized(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    _dropped(file, name)
    shape = rng.choice([(2**40,), (2**20, 2**21), (2**62,), (10**6,), (1,) * 32, (2**31, 1), (5, 0, 2**30)])
    chunks = rng.choice(
        [None, None, tuple(min(n, 2**12) or 1 for n in shape), tuple(min(n, 2**29) or 1 for n in shape)]
    )
    if chunks is not None and np.prod([float(c) for c in chunks]) * 8 >= 2**32:
        chunks = None
    more = {"maxshape": tuple(None for _ in shape)} if rng.random() < 0.3 and chunks else {}
    file.create_dataset(
        name, shape, rng.choice(["f8", "i1", "f4"]), chunks=chunks, fillvalue=rng.choice([0, 1]), **more
    )


def _packed(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    """Chunks that unpack to other sizes than they should, some to far more."""
    _dropped(file, name)
    options = rng.choice([{"compression": "gzip"}, {"compression": "gzip", "shuffle": True}, {"compression": "lzf"}, {"shuffle": True},
                          {"fletcher32": True, "compression": "gzip"}, {"scaleoffset": 3, "dtype": "i4"}])  # fmt: skip
    made = file.create_dataset(name, (64,), **{"dtype": "f8", **options}, chunks=(rng.choice([16, 64]),))
    made[...] = 1
    if rng.random() < 0.7:
        packed = rng.choice([bomb(), zlib.compress(b"\0" * 512), zlib.compress(b"\0" * 5), b"\0" * 999, b"x"])
        made.id.write_direct_chunk((0,), packed, rng.choice([0, 1, 3]))


@functools.cache
def bomb() -> bytes:
    """What unpacks to 256 MiB."""
    stream, zeros = zlib.compressobj(9), bytes(1 << 20)
    return b"".join(stream.compress(zeros) for _ in range(256)) + stream.flush()


def _elsewhere(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    _dropped(file, name)
    if rng.random() < 0.5:
        layout = h5py.VirtualLayout((8,), "f8")
        layout[:] = h5py.VirtualSource(rng.choice([".", "/dev/zero", str(path)]), "x", (8,))
        file.create_virtual_dataset(name, layout)
    else:
        file.create_dataset(name, (8,), "f8", external=[(rng.choice(["/etc/passwd", "/dev/zero"]), 0, 64)])


def _changed(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    old = _dropped(file, name)
    values = np.asarray(old if isinstance(old, np.ndarray) else rng.choice(NUMBERS))
    if values.dtype.kind in "biuf":
        values = rng.choice([values * 0, values[..., None], values.reshape(-1), values.astype("f2"), -values.astype("f8") * 1e308,
                             values.astype("i8"), np.concatenate([values.reshape(-1)] * 2)])  # fmt: skip
    file.create_dataset(name, data=rng.choice(["", "n", "text"]) if values.dtype.kind not in "biuf" else values)


def _renamed(file: h5py.File, name: str, rng: random.Random, path: Path) -> None:
    to = rng.choice(["input", "nodes", "LIF", "é" * 40, "a" * 3000, "tau", "."])
    if f"{name}{to}" not in file:
        file.move(name, f"{name}{to}")


FAULTS = (_link, _gone, _group, _typed, _sized, _packed, _elsewhere, _changed, _changed, _renamed)
