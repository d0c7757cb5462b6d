"""Events per second of reading event files, beside other readers and reading the bytes alone.

    python benchmarks/event_files.py FOLDER [--rounds 15] [--write]

FOLDER holds the recordings named in FILES. Readers that are not installed are left out: pip install tonic expelliarmus aedat
faery evlib dv-processing event-stream, in an environment of their own. Rounds are interleaved, so that whatever else the
machine does meets all alike; the table shows medians. What a reader gives is compared with what NeuroGraph gives, event by
event, and so are files that faery and event-stream write. `--write` puts the tables into results/event_files.md.
"""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import os
import platform
import tempfile
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.data import Events, read_events

Columns = tuple[Any, Any, Any, Any]
Reader = Callable[[str], Columns | int]
FILES = {
    "AEDAT 4 (LZ4)": "tonic_sample.aedat4",
    "AEDAT 2, DAVIS": "pyaedat_IMU_translBoxes.aedat",
    "ATIS .bin": "tonic_sample_nmnist.bin",
    ".dat": "tonic_sample_ncars.dat",
    "EVT 2.0": "expelliarmus_evt2_sample.raw",
    "EVT 3.0": "expelliarmus_evt3_sample.raw",
    "Event Stream": "faery_dvs.es",
}
#: Made here of the events of the EVT 2.0 file, for formats without a recording.
MADE = ("AEDAT 3.1", ".dat, large", "ATIS .bin, large", ".npz", "HDF5", ".csv")


def make(name: str, folder: Path, events: Events) -> Path:
    """A file of the EVT 2.0 recording's events in another format."""
    t, x, y, p = events.t - events.t[0], events.x, events.y, events.p
    n = len(t)
    if name == "AEDAT 3.1":
        path, out = folder / "made.aedat", [b"#!AER-DAT3.1\r\n#Source 1: DAVIS640\r\n#!END-HEADER\r\n"]
        for k in range(0, n, 4096):
            part = slice(k, k + 4096)
            words = np.empty((len(t[part]), 2), "<u4")
            words[:, 0] = x[part].astype("u4") << 17 | y[part].astype("u4") << 2 | p[part].astype("u4") << 1 | 1
            words[:, 1] = t[part]
            head = np.array([8, 4, 0, *[len(words)] * 3], "<i4").tobytes()
            out += [np.array([1, 1], "<i2").tobytes(), head, words.tobytes()]
        path.write_bytes(b"".join(out))
    elif name == ".dat, large":
        path = folder / "made.dat"
        words = np.stack([t, x | y.astype("u4") << 14 | p.astype("u4") << 28], 1).astype("<u4")
        path.write_bytes(b"% Version 2\n% Width 640\n% Height 480\n\x0c\x08" + words.tobytes())
    elif name == "ATIS .bin, large":
        path = folder / "made.bin"
        raw = np.stack([x % 240, y % 180, p << 7 | t >> 16 & 127, t >> 8 & 255, t & 255], 1).astype(np.uint8)
        raw.tofile(path)
    elif name == ".npz":
        path = folder / "made.npz"
        np.savez(path, t=t, x=x, y=y, p=p)
    elif name == "HDF5":
        import h5py

        path = folder / "made.h5"
        with h5py.File(path, "w") as file:
            for key, values in (("t", t), ("x", x), ("y", y), ("p", p)):
                file[f"events/{key}"] = values
    else:
        path = folder / "made.csv"
        np.savetxt(path, np.stack([t, x, y, p], 1), "%d", delimiter=",", header="t,x,y,p", comments="")
    return path


def others() -> dict[str, dict[str, Reader]]:
    """Installed readers by format: columns t, x, y, p, or the number of events where there are no such columns."""
    found: dict[str, dict[str, Reader]] = {name: {} for name in (*FILES, *MADE)}

    def fields(array: Any, polarity: str = "p") -> Columns:
        return array["t"], array["x"], array["y"], array[polarity]

    def add(module: str, **readers: Reader) -> None:
        for name, reader in readers.items():
            for form in KEYS[name]:
                found[form][module] = reader

    try:
        import faery

        add("faery", aedat4=_faery, evt2=_faery, evt3=_faery, es=_faery, dat=_faery, csv=_faery)
        del faery
    except ImportError:
        pass
    try:
        from expelliarmus import Wizard

        for key, code in (("evt2", "evt2"), ("evt3", "evt3"), ("dat", "dat")):
            add("expelliarmus", **{key: lambda path, code=code: fields(Wizard(encoding=code).read(path))})
    except ImportError:
        pass
    try:
        import aedat

        def read_aedat(path: str) -> Columns:
            packets = [packet["events"] for packet in aedat.Decoder(path) if "events" in packet]
            array = np.concatenate(packets)
            return array["t"], array["x"], array["y"], array["on"]

        add("aedat", aedat4=read_aedat)
    except ImportError:
        pass
    try:
        import dv_processing as dv

        def read_dv(path: str) -> Columns:
            reader, parts = dv.io.MonoCameraRecording(path), []
            while (batch := reader.getNextEventBatch()) is not None:
                parts.append(batch.numpy())
            array = np.concatenate(parts)
            return array["timestamp"], array["x"], array["y"], array["polarity"]

        add("dv-processing", aedat4=read_dv)
    except ImportError:
        pass
    try:
        import event_stream

        def read_es(path: str) -> Columns:
            with event_stream.Decoder(path) as stream:
                array = np.concatenate(list(stream))
            return array["t"], array["x"], stream.height - 1 - array["y"].astype(int), array["on"]

        add("event-stream", es=read_es)
    except ImportError:
        pass
    try:
        from tonic import io

        kind = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
        add("tonic", atis=lambda path: fields(io.read_mnist_file(path, kind)))
        add("tonic", aedat4=lambda path: fields(io.read_aedat4(path), "on"))
        add("tonic (words only)", aedat2=_tonic_words, aedat3=_tonic_words)
    except ImportError:
        pass
    try:
        import evlib

        def read_evlib(path: str) -> Columns:
            table = evlib.load_events(path).collect()
            t = table["t"].cast(int).to_numpy()
            return t, table["x"].to_numpy(), table["y"].to_numpy(), table["polarity"].to_numpy() > 0

        add("evlib", evt2=read_evlib, evt3=read_evlib, aedat4=read_evlib)
    except ImportError:
        pass
    add("numpy.loadtxt", csv=lambda path: tuple(np.loadtxt(path, np.int64, delimiter=",", skiprows=1).T))
    add("numpy.load", npz=lambda path: tuple(np.load(path)[key] for key in "txyp"))
    add("h5py", hdf5=_h5py)
    return found


KEYS = {
    "aedat4": ("AEDAT 4 (LZ4)",),
    "aedat2": ("AEDAT 2, DAVIS",),
    "aedat3": ("AEDAT 3.1",),
    "atis": ("ATIS .bin", "ATIS .bin, large"),
    "dat": (".dat", ".dat, large"),
    "evt2": ("EVT 2.0",),
    "evt3": ("EVT 3.0",),
    "es": ("Event Stream",),
    "csv": (".csv",),
    "npz": (".npz",),
    "hdf5": ("HDF5",),
}


def _faery(path: str) -> Columns:
    import faery

    array = faery.events_stream_from_file(path).to_array()
    return array["t"], array["x"], array["y"], array["on"]


def _h5py(path: str) -> Columns:
    import h5py

    with h5py.File(path) as file:
        t, x, y, p = (file[f"events/{key}"][()] for key in "txyp")
    return t, x, y, p


def _tonic_words(path: str) -> int:
    from tonic import io

    version, start, _ = io.read_aedat_header_from_file(path)
    return len(io.get_aer_events_from_file(path, version, start))


def compare(events: Events, other: Columns | int) -> str:
    """How the events of another reader differ."""
    if isinstance(other, int):
        return f"{other} words"
    if len(other[0]) != len(events):
        return f"{len(other[0])} events"
    columns = zip("txyp", (events.t, events.x, events.y, events.p), other, strict=True)
    wrong = {
        name: int((np.asarray(a).astype(np.int64) != np.asarray(b).astype(np.int64)).sum()) for name, a, b in columns
    }
    return ", ".join(f"{n} other {name}" for name, n in wrong.items() if n) or "same events"


def measure(path: Path, readers: dict[str, Reader], rounds: int) -> tuple[Events, dict[str, tuple[float, str]]]:
    """Median seconds of each reader, and how its events compare."""
    everyone: dict[str, Callable[[str], Any]] = {
        "bytes alone": lambda p: np.fromfile(p, np.uint8),
        "NeuroGraph": read_events,
    }
    everyone |= readers
    events = read_events(path)
    seconds: dict[str, list[float]] = {}
    notes = {"bytes alone": "", "NeuroGraph": ""}
    for name, read in list(everyone.items()):
        try:
            other = read(str(path))
            notes.setdefault(name, compare(events, other) if name not in notes else "")
        except BaseException as error:  # pyo3's panics are no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            notes[name] = f"refuses it: {str(error)[:70]}"
            del everyone[name]
    for _ in range(rounds):
        for name, read in everyone.items():
            start = time.perf_counter()
            read(str(path))
            seconds.setdefault(name, []).append(time.perf_counter() - start)
    return events, {
        n: (float(np.median(seconds[n])) if n in seconds else float("nan"), note) for n, note in notes.items()
    }


def cross_check(events: Events, folder: Path) -> list[tuple[str, str]]:
    """Files that other programs write of the same events, read here."""
    out = []
    try:
        import faery
    except ImportError:
        return out
    some = events.part(slice(0, 100_000))
    array = np.empty(len(some), faery.EVENTS_DTYPE)
    array["t"], array["x"], array["y"], array["on"] = some.t, some.x, some.y, some.p
    cases: list[tuple[str, dict[str, Any]]] = [
        ("faery.aedat4", {"compression": None}),
        ("faery.aedat4", {"compression": ("lz4", 1)}),
        ("faery.aedat4", {"compression": ("lz4", 9)}),
        ("faery.aedat4", {"compression": ("zstd", 3)}),
        ("faery.es", {"zero_t0": False}),
        *(("faery.dat", {"version": v, "zero_t0": False}) for v in ("dat2",)),
        *(("faery.raw", {"version": v, "zero_t0": False}) for v in ("evt2", "evt3")),
        ("faery.csv", {}),
    ]
    for name, options in cases:
        path = folder / name
        try:
            stream = faery.events_stream_from_array(array, dimensions=(events.sensor[2], events.sensor[1]))
            stream.to_file(path, **options)
            note = compare(some, (lambda e: (e.t, e.x, e.y, e.p))(read_events(path)))
        except BaseException as error:  # pyo3's panics are no Exception
            if isinstance(error, KeyboardInterrupt):
                raise
            note = f"{type(error).__name__}: {str(error)[:160]}"
        out.append((f"{name} {', '.join(str(v) for v in options.values())}", note))
    return out


def nmnist(folder: Path, rounds: int) -> str:
    """All files of the N-MNIST part, a folder or its archive."""
    import tarfile

    with tempfile.TemporaryDirectory() as place:
        archive = folder / "nmnist_small/nmnist_small_bin.tar.xz"
        if not archive.is_file():
            return ""
        with tarfile.open(archive) as packed:
            packed.extractall(place, filter="data")
        files = [str(path) for path in sorted(Path(place).rglob("*.bin"))]
        readers: dict[str, Callable[[str], Any]] = {
            "bytes alone": lambda p: np.fromfile(p, np.uint8),
            "NeuroGraph": read_events,
        }
        readers |= others()["ATIS .bin"]
        seconds: dict[str, list[float]] = {}
        count = sum(len(read_events(path)) for path in files)
        for _ in range(max(3, rounds // 3)):
            for name, read in readers.items():
                start = time.perf_counter()
                for path in files:
                    read(path)
                seconds.setdefault(name, []).append(time.perf_counter() - start)
        times = ", ".join(
            f"{n} {np.median(s) * 1e3:.0f} ms ({count / np.median(s) / 1e6:.1f} M/s)" for n, s in seconds.items()
        )
        return f"{len(files)} files of N-MNIST, {count} events: {times}."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path, help="where events/ and nmnist_small/ lie")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--write", action="store_true")
    args = parser.parse_args()
    warnings.simplefilter("ignore")
    lines = [
        "| format | events | reader | M events/s | beside the bytes | its events |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    found = others()
    with tempfile.TemporaryDirectory() as place:
        base = read_events(args.folder / "events" / FILES["EVT 2.0"])
        for form in (*FILES, *MADE):
            path = args.folder / "events" / FILES[form] if form in FILES else make(form, Path(place), base)
            events, table = measure(path, found[form], args.rounds)
            alone = table["bytes alone"][0]
            for name, (seconds, note) in table.items():
                speed = f"{len(events) / seconds / 1e6:.1f}" if seconds == seconds else "-"
                lines.append(
                    f"| {form} | {len(events)} | {name} | {speed} | {seconds / alone:.1f}x | {note} |".replace(
                        "nanx", "-"
                    )
                )
                print(lines[-1], flush=True)
        checks = cross_check(base, Path(place))
    lines += ["", nmnist(args.folder, args.rounds), ""]
    if checks:
        lines += ["| written by another program | read here |", "| --- | --- |", *(f"| {a} | {b} |" for a, b in checks)]
    print("\n".join(lines[lines.index("") :]))
    if args.write:
        names = (
            "tonic",
            "expelliarmus",
            "aedat",
            "faery",
            "evlib",
            "dv-processing",
            "event-stream",
            "numpy",
            "numba",
            "lz4",
        )
        versions = []
        for name in names:
            try:
                versions.append(f"{name} {importlib.metadata.version(name)}")
            except importlib.metadata.PackageNotFoundError:
                continue
        head = [
            "# Reading event files",
            "",
            f"{datetime.date.today()}, one thread of {os.cpu_count()} cores (load {os.getloadavg()[0]:.1f}), Python "
            f"{platform.python_version()}, {', '.join(versions)}. Medians of {args.rounds} interleaved rounds; "
            "`python benchmarks/event_files.py FOLDER --write`.",
            "",
        ]
        target = Path(__file__).parent / "results/event_files.md"
        rest = target.read_text().split("## Why", 1)[1] if target.exists() and "## Why" in target.read_text() else ""
        target.write_text("\n".join([*head, *lines]) + ("\n\n## Why" + rest if rest else "\n"))


if __name__ == "__main__":
    main()
