"""Reading thousands of files with faults in a process of its own, with little memory and little time.

Run as a program, it reads files and prints one line each; `read_many` starts it, and again after a file that ended it.
"""

from __future__ import annotations

import importlib.util
import json
import queue
import random
import re
import resource
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

LIMIT = 64 << 20  # bytes of arrays that a file may ask for
MEMORY = 1 << 30  # bytes that the process may take besides what it has when it begins
SECONDS = 20.0  # in which a file is read, or it hangs
HERE = Path(__file__).parent


@dataclass
class Report:
    """What became of the files; `wrong` are those that did anything but load or end in FormatError."""

    format: str
    files: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    slowest: tuple[float, int] = (0.0, -1)
    peak: int = 0  # bytes above those at the beginning
    seconds: float = 0.0

    def __str__(self) -> str:
        lines = [
            f"{self.format}: {self.files:,} files in {self.seconds:.0f} s; slowest {self.slowest[0]:.2f} s (file {self.slowest[1]}), "
            f"peak memory {self.peak / 2**20:.0f} MiB above the start; {len(self.wrong)} wrong"
        ]
        lines += [f"  {n:6,}  {kind}" for kind, n in self.kinds.most_common(25)]
        return "\n".join(lines + [f"  WRONG {w}" for w in self.wrong[:40]])


def read_many(
    format: str, count: int, seed: int = 0, folder: Path | None = None, seconds: float = float("inf")
) -> Report:
    """Make and read `count` files, or as many as `seconds` allow; each depends on format, seed and its number alone."""
    report, begun = Report(format), time.monotonic()
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        at = 0
        while at < count:
            at = _watched(report, format, seed, at, count, Path(scratch), begun + seconds)
    report.seconds = time.monotonic() - begun
    return report


def _watched(report: Report, format: str, seed: int, start: int, count: int, scratch: Path, end: float) -> int:
    """Run the process until it is done or a file ends it; returns the number of the file after."""
    command = [sys.executable, __file__, format, str(seed), str(start), str(count), str(scratch)]
    lines: queue.Queue[str | None] = queue.Queue()

    def listen(stream: Any) -> None:
        for line in stream:
            lines.put(line)
        lines.put(None)

    with (
        (scratch / "errors").open("w+") as errors,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=errors, text=True) as child,
    ):
        listener = threading.Thread(target=listen, args=(child.stdout,))
        listener.start()
        try:
            return _followed(report, lines, child, errors, start, count, end)
        finally:
            child.kill()
            listener.join()


def _followed(
    report: Report, lines: Any, child: subprocess.Popen[str], errors: Any, current: int, count: int, end: float
) -> int:
    allowed, begun = 120.0, False  # until good files are made
    while True:
        try:
            line = lines.get(timeout=allowed)
        except queue.Empty:
            report.wrong.append(f"file {current}: hangs for more than {SECONDS:.0f} s")
            return current + 1
        if line is None:
            if child.wait() == 0:
                return count
            errors.seek(0)
            said = errors.read()
            if not begun:
                raise RuntimeError(f"reading could not begin: {said[-2000:]}")
            report.wrong.append(f"file {current}: ended the process with {child.returncode}: {said[-300:]}")
            return current + 1
        allowed, begun = SECONDS, True
        if time.monotonic() > end:
            return count
        found = json.loads(line)
        current = found["next"]
        if "kind" in found:
            report.files += 1
            report.kinds[found["kind"]] += 1
            report.slowest = max(report.slowest, (found["seconds"], found["file"]))
            report.peak = max(report.peak, found["peak"])
            if found["wrong"]:
                report.wrong.append(f"file {found['file']}: {found['wrong']}")


def outcome(path: Path, format: str | None) -> tuple[str, str]:
    """What reading a file, and lowering what it holds, ends in; and what is wrong with that."""
    import traceback

    import neurograph as ng
    from neurograph.compiler import lower

    try:
        graph = ng.load(path, format=format, limit=LIMIT)
    except ng.FormatError as error:
        return f"FormatError: {_kind(str(error), path)}", ""
    except BaseException as error:
        place = " <- ".join(
            f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-4:]
        )
        return f"{type(error).__name__} when read", f"{type(error).__name__}: {str(error)[:150]} at {place}"
    try:
        assert len(graph.hash) == 64 and repr(graph) and graph == graph.copied()
        lower(graph)
    except ng.NeuroGraphError as error:
        return f"read; {type(error).__name__} when lowered", ""
    except BaseException as error:
        place = " <- ".join(
            f"{Path(f.filename).name}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)[-5:]
        )
        return (
            f"read; {type(error).__name__} when lowered",
            f"lowered: {type(error).__name__}: {str(error)[:150]} at {place}",
        )
    return "read and lowered", ""


def _kind(text: str, path: Path) -> str:
    """An error without what differs from file to file."""
    text = re.sub(r"'[^']*'|\"[^\"]*\"|\([^)]*\)|[\d,.]+", "_", text.replace(str(path), ""))
    text = re.sub(r"\b_?(\w*_){4,}\w*", "_", text)
    return " ".join(text.split())[:70]


def module(name: str) -> Any:
    """A module of this folder."""
    if f"neurograph_tests_io_{name}" in sys.modules:
        return sys.modules[f"neurograph_tests_io_{name}"]
    spec = importlib.util.spec_from_file_location(f"neurograph_tests_io_{name}", HERE / f"{name}.py")
    assert spec is not None and spec.loader is not None
    out = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = out
    spec.loader.exec_module(out)
    return out


def samples_of(format: str, scratch: Path) -> list[bytes]:
    """Good files; of some neurons in them only the steps are known afterwards."""
    mutate = module("mutate")
    good: list[bytes] = mutate.samples(format, scratch, module("parts"))
    mutate.faults().bomb()
    mutate.Strange.abstract = True  # not found by its name
    return good


def main(format: str, seed: int, start: int, count: int, scratch: Path) -> None:
    warnings.simplefilter("error")
    good, mutate = samples_of(format, scratch), module("mutate")
    assert len(good) >= 4, f"{len(good)} files of {format} could be written"
    for data in good:
        path = scratch / "good"
        path.write_bytes(data)
        assert outcome(path, None)[0].startswith("read"), outcome(path, None)
    used = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + MEMORY, size + MEMORY))
    for k in range(start, count):
        print(json.dumps({"next": k}), flush=True)
        rng = random.Random(f"{format} {seed} {k}")
        path = scratch / str(k)
        mutate.made(format, rng.choice(good), path, rng)
        begun = time.perf_counter()
        kind, wrong = outcome(path, None if rng.random() < 0.2 else format)
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss << 10) - used
        said = {
            "next": k + 1,
            "file": k,
            "kind": kind,
            "wrong": wrong,
            "peak": peak,
            "seconds": time.perf_counter() - begun,
        }
        print(json.dumps(said), flush=True)
        path.unlink()


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), Path(sys.argv[5]))
