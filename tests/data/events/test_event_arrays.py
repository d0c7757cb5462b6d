"""Events in arrays and text: .npz, .npy, HDF5, SHD's lists of spikes, .csv."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from neurograph.data import Events, read_events
from neurograph.data.events.formats.spikes import SpikesFile
from neurograph.errors import DataError

BYTE = re.compile(r"byte \d+")
T, X, Y, P = np.array([3, 5, 5, 9]), np.array([0, 33, 2, 1]), np.array([4, 0, 20, 33]), np.array([1, 0, 0, 1])


def same(events: Events, t: Any = T, p: Any = P) -> None:
    assert events.t.tolist() == list(t) and events.p.tolist() == list(p)
    assert events.x.tolist() == X.tolist() and events.y.tolist() == Y.tolist()
    assert events.sensor == (2, 34, 34)


def bounded(path: Path) -> None:
    try:
        events = read_events(path)
    except DataError as error:
        assert "byte" in str(error) or "place" in str(error), error
    else:
        assert (np.diff(events.t) >= 0).all()


def structured(names: str = "txyp") -> np.ndarray:
    kinds = {"t": "<i8", "x": "<i2", "y": "<i2", "p": "?"}
    out = np.empty(4, [(name, kinds[name]) for name in names])
    for name, values in zip("txyp", (T, X, Y, P), strict=True):
        out[name] = values
    return out


def test_arrays_as_they_are_usually_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    for save in (np.savez, np.savez_compressed):
        save(path, t=T, x=X, y=Y, p=P)
        same(read_events(path))
        save(path, timestamps=T * 1e-6, xs=X.astype(np.float32), ys=Y.astype(np.uint16), polarity=2 * P - 1)
        same(read_events(path))
        save(path, events=structured("xytp"))
        same(read_events(path))
    np.save(tmp_path / "a.npy", structured())
    same(read_events(tmp_path / "a.npy"))


def test_arrays_by_polarity_are_rows_of_y_x_t(tmp_path: Path) -> None:
    rows = np.stack([Y, X, T], 1)
    np.savez(tmp_path / "a.npz", pos=rows[P == 1], neg=rows[P == 0])
    same(read_events(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", pos=rows[P == 1].astype(float), neg=rows[P == 0].astype(float))
    same(read_events(tmp_path / "a.npz"))
    np.savez(tmp_path / "a.npz", pos=rows[:, :2], neg=rows)
    with pytest.raises(DataError, match=r"byte \d+: pos is .* a row of \(y, x, t\)"):
        read_events(tmp_path / "a.npz")


def test_objects_are_never_unpickled(tmp_path: Path) -> None:
    class Evil:
        def __reduce__(self) -> tuple[Any, ...]:
            return (pytest.fail, ("unpickled",))

    np.save(tmp_path / "a.npy", np.array([Evil()]), allow_pickle=True)
    with pytest.raises(DataError, match="never unpickled"):
        read_events(tmp_path / "a.npy")
    np.savez(tmp_path / "a.npz", t=np.array([Evil()]), allow_pickle=True)
    with pytest.raises(DataError, match="never unpickled"):
        read_events(tmp_path / "a.npz")
    (tmp_path / "b.npy").write_bytes(pickle.dumps(T))
    with pytest.raises(DataError, match="byte 0"):
        read_events(tmp_path / "b.npy")


def test_a_header_that_promises_more_than_the_file_has(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, structured())
    data = path.read_bytes()
    for size in range(0, len(data), 3):
        path.write_bytes(data[:size])
        with pytest.raises(DataError, match=rf"byte {size if size > 6 else ''}"):
            read_events(path)
    path.write_bytes(data.replace(b"'shape': (4,), }          ", b"'shape': (444444444,), }  "))
    with pytest.raises(DataError, match="444444444"):
        read_events(path)
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("t.npy", path.read_bytes())
    with pytest.raises(DataError, match="444444444"):
        read_events(tmp_path / "a.npz")


@pytest.mark.parametrize("field, values, what", [("x", [-1, 0, 0, 0], "65535"), ("x", [0.5, 0, 0, 0], "whole"), ("p", [2, 0, 0, 0], "-1 and 1"), ("t", [np.nan, 1, 2, 3], "seconds"), ("y", [70000, 0, 0, 0], "65535"), ("t", [1, 2, 3], "one length")])  # fmt: skip
def test_values_that_no_event_has(tmp_path: Path, field: str, values: list[Any], what: str) -> None:
    np.savez(tmp_path / "a.npz", **({"t": T, "x": X, "y": Y, "p": P} | {field: np.array(values)}))
    with pytest.raises(DataError, match=rf"byte \d+.*{what}"):
        read_events(tmp_path / "a.npz")


def test_arrays_without_names_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.stack([T, X, Y, P], 1))
    with pytest.raises(DataError, match=r"int64 \(4, 4\).*arrays or fields t, x, y, p"):
        read_events(tmp_path / "a.npy")


def test_hdf5_with_groups_and_offsets(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    for names, options in (("txyp", {}), (("ts", "xs", "ys", "ps"), {"compression": "gzip", "chunks": (2,)})):
        with h5py.File(path, "w") as file:
            for name, values in zip(names, (T - 2, X, Y, P), strict=True):
                file.create_dataset(f"events/{name}", data=values, **options)
            file["t_offset"] = 2
            file.attrs["sensor_resolution"] = (34, 34)
        same(read_events(path))
    with h5py.File(path, "w") as file:
        for name, values in (("t", T * 1e-6), ("x", X), ("y", Y), ("p", P == 1)):
            file[name] = values
    same(read_events(path))
    with pytest.raises(DataError, match="limit"):
        read_events(path, limit=10)
    with h5py.File(path, "w") as file:
        file["other"] = T
    with pytest.raises(DataError, match=r"other, and not t, x, y and p"):
        read_events(path)


@pytest.mark.parametrize("offset, what", [(np.uint64(2**63), "9223372036854775808"), (np.array([], np.int64), r"\(0,\)"), (np.nan, "nan"), (np.inf, "inf"), (0.5, "0.5"), (np.arange(2), r"\(2,\)"), (np.int64(-(2**63)), "-9223372036854775808")])  # fmt: skip
def test_offsets_that_no_file_has(tmp_path: Path, offset: Any, what: str) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, values in zip("txyp", (T, X, Y, P), strict=True):
            file[f"events/{name}"] = values
        file["t_offset"] = offset
    with pytest.raises(DataError, match=f"t_offset is .*{what}"):
        read_events(path)


def test_offsets_beyond_the_largest_time(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        for name, values in zip("txyp", (T + 2**62, X, Y, P), strict=True):
            file[f"events/{name}"] = values
        file["t_offset"] = 2**62 - 1
    with pytest.raises(DataError, match="with t_offset 4611686018427387903 the times run beyond 64 bits"):
        read_events(path)


def test_a_small_npz_that_unpacks_to_much(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    zeros = np.zeros(50_000, np.uint16)
    np.savez_compressed(path, t=zeros, x=zeros, y=zeros, p=zeros, more=np.zeros(10_000_000))
    assert path.stat().st_size < 100_000
    assert len(read_events(path, limit=400_000)) == 50_000, "what is not needed is not read"
    with pytest.raises(
        DataError, match=r"array 'p' declares 100,000 bytes; with it .* 400,000, and the limit is 399,999"
    ):
        read_events(path, limit=399_999)


@pytest.mark.parametrize("version", [1, 2])
def test_a_header_of_great_length(tmp_path: Path, version: int) -> None:
    """NumPy reads as many bytes of header as it says, and a .npz packs blanks well."""
    head = b"\x93NUMPY" + bytes([version, 0])
    head += (0xFFFF if version == 1 else 50_000_000).to_bytes(2 if version == 1 else 4, "little")
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("t.npy", head + b" " * 50_000_000)
    with pytest.raises(DataError, match="array 't' has no header of NumPy's"):
        read_events(tmp_path / "a.npz")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_hdf5_and_npz(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / data.draw(st.sampled_from(["a.h5", "a.npz", "b.npz"]))
    if not path.exists():
        if path.suffix == ".h5":
            with h5py.File(path, "w") as file:
                for name, values in (("t", T), ("x", X), ("y", Y), ("p", P)):
                    file.create_dataset(f"events/{name}", data=values, compression="gzip")
        else:
            (np.savez if path.stem == "a" else np.savez_compressed)(path, t=T, x=X, y=Y, p=P)
        (tmp_path / f"{path.name}.good").write_bytes(path.read_bytes())
    good = (tmp_path / f"{path.name}.good").read_bytes()
    damaged = bytearray(good)
    for bit in data.draw(st.lists(st.integers(0, 8 * len(good) - 1), max_size=4)):
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged[: data.draw(st.sampled_from([len(good), len(good) // 2, len(good) - 1]))])
    bounded(path)


@pytest.mark.parametrize("options", [{}, {"chunks": (7,)}, {"chunks": (7,), "compression": "gzip", "shuffle": True}])
def test_lists_of_spikes(write_spikes: Callable[..., Any], options: dict[str, Any]) -> None:
    path, written = write_spikes(**options)
    file = SpikesFile(path)
    assert len(file) == len(written) and file.labels.dtype == np.int64
    for k, (times, units) in enumerate(written):
        events = file[k]
        assert events.sensor == (1, 1, 700)
        assert events.t.tolist() == np.rint(times.astype(float) * 1e6).tolist()
        assert events.x.tolist() == units.tolist()
    assert len(read_events(path, index=3)) == len(written[3][0])
    with pytest.raises(DataError, match="20 recordings; give index="):
        read_events(path)
    with pytest.raises(DataError, match="give 0 to 19"):
        file[20]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_lists_of_spikes(write_spikes: Callable[..., Any], data: st.DataObject) -> None:
    path, _ = write_spikes(6)
    damaged = bytearray(path.read_bytes())
    for bit in data.draw(st.lists(st.integers(0, 8 * len(damaged) - 1), min_size=1, max_size=60)):
        damaged[bit // 8] ^= 1 << bit % 8
    path.write_bytes(damaged[: data.draw(st.sampled_from([len(damaged), len(damaged) // 2]))])
    try:
        file = SpikesFile(path)
        for k in range(len(file)):
            file[k]
    except DataError as error:
        assert BYTE.search(str(error)), error


def test_text_with_and_without_names_and_units(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    for text in (
        "".join(f"{t} {x} {y} {p}\n" for t, x, y, p in zip(T, X, Y, P, strict=True)),
        "# comment\n\n"
        + "".join(f"{t * 1e-6:.9f},{x},{y},{2 * p - 1}\r\n" for t, x, y, p in zip(T, X, Y, P, strict=True)),
        "x;y;t;pol;more" + "".join(f"\n{x};{y};{t};{p};7.5" for t, x, y, p in zip(T, X, Y, P, strict=True)),
    ):
        path.write_text(text)
        same(read_events(path))
    path.write_text("1 2 3 0\n")
    assert read_events(path, unit="s").t.tolist() == [1_000_000]


@pytest.mark.parametrize("names", ["", "t,x,y,p\n"])
def test_a_byte_order_mark_is_no_value(tmp_path: Path, names: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(names + "5,1,2,1\n6,1,2,0\n", encoding="utf-8-sig")
    assert read_events(path).t.tolist() == [5, 6]


def test_one_time_with_a_point_makes_all_seconds(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("0,1,1,1\n0.25,1,1,1\n0.5,1,1,0\n2,1,1,0\n")
    assert read_events(path).t.tolist() == [0, 250_000, 500_000, 2_000_000]
    assert read_events(path, unit="us").t.tolist() == [0, 0, 0, 2]


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=20))
@settings(deadline=None, max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_text_is_rounded_as_arrays_are(tmp_path: Path, tenths: list[int]) -> None:
    tenths = sorted(tenths)
    (tmp_path / "a.csv").write_text("".join(f"{n / 10:.1f},1,1,1\n" for n in tenths))
    assert read_events(tmp_path / "a.csv", unit="us").t.tolist() == np.rint(np.array(tenths) / 10).tolist()
    (tmp_path / "a.csv").write_text("0.0000015 1 1 1\n0.0000025 1 1 1\n0.00000250001 1 1 1\n0.0000049 1 1 1\n")
    assert read_events(tmp_path / "a.csv").t.tolist() == [2, 2, 3, 5]


@pytest.mark.parametrize("line, byte, what", [("7,1,2", 13, "too few"), ("7,1,2,1,4", 16, "more values"), ("7,1,x,1", 12, "decimal"), ("7,-1,2,1", 10, "65535"), ("7,1,2,5", 14, "polarity"), ("7,1,2.5,1", 12, "65535"), ("99999999999999999999,1,2,1", 8, "decimal")])  # fmt: skip
def test_bad_text_names_its_byte(tmp_path: Path, line: str, byte: int, what: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(f"3,4,5,1\n{line}\n9,9,9,1\n")
    with pytest.raises(DataError, match=rf"byte {byte}: .*{what}"):
        read_events(path)


def test_names_that_are_not_events(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("start,end,label\n1,2,3\n")
    with pytest.raises(DataError, match="byte 0: the first line names start, end, label"):
        read_events(path)


def test_a_missing_unpacker_names_the_extra(write_file: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    path, _ = write_file("aedat4-zstd")
    monkeypatch.setitem(__import__("sys").modules, "zstandard", None)
    with pytest.raises(DataError, match=r"neurograph\[events\]"):
        read_events(path)
