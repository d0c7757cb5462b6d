"""How fast data come: pictures and events, beside tonic, a plain torch DataLoader and reading the bytes alone.

    python benchmarks/loader.py --nmnist FOLDER [--data-dir FOLDER] [--peer-python PYTHON] [--rounds 5] [--threads 1]

FOLDER of --nmnist holds Train/<label>/*.bin; CIFAR-10 and MNIST come from --data-dir or NEUROGRAPH_DATA. PYTHON is an
interpreter with tonic (`pip install tonic torch`). The sides take turns, round after round, so that a busy machine is
busy for all of them; wall and CPU seconds (with those of child processes) are medians. `--out` writes the table.
"""

from __future__ import annotations

import argparse
import os
import platform
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

STEPS, BATCH, SENSOR = 10, 128, (34, 34, 2)


def timed(work: Callable[[], int]) -> tuple[float, float, int]:
    """Wall and CPU seconds, and how many samples or events there were."""
    cpu, began = cpu_seconds(), time.perf_counter()
    count = work()
    return time.perf_counter() - began, cpu_seconds() - cpu, count


def cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def consumed(batches: Any) -> int:
    return sum(len(labels) for _, labels in batches)


def files(folder: Path) -> list[Path]:
    return sorted((folder / "Train").rglob("*.bin"))


def only_bytes(paths: list[Path], per: int) -> int:
    return sum(len(path.read_bytes()) // per for path in paths)


# -- the side of tonic: this file run by the peer's interpreter, which is asked for one case a line


class Recordings:
    def __init__(self, paths: list[Path], transform: Any = None) -> None:
        self.paths, self.transform = paths, transform

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, k: int) -> tuple[Any, int]:
        from tonic.io import read_mnist_file

        # 16 bits are too few for 5 bytes' time
        dtype = np.dtype([("x", int), ("y", int), ("t", int), ("p", int)])
        events = read_mnist_file(str(self.paths[k]), dtype=dtype)
        return (self.transform(events) if self.transform else events), int(self.paths[k].parent.name)


def tonic_side(folder: Path) -> None:
    import tonic
    from torch.utils.data import DataLoader

    paths = files(folder)
    raw, frames = Recordings(paths), Recordings(paths, tonic.transforms.ToFrame(SENSOR, n_time_bins=STEPS))
    scratch = Path(tempfile.mkdtemp(prefix="loader-"))
    events = [raw[k][0] for k in range(200)]

    def cached(workers: int) -> int:
        data = tonic.DiskCachedDataset(frames, str(scratch / "kept"))
        loader = DataLoader(data, BATCH, shuffle=True, num_workers=workers)
        return sum(len(x.float().transpose(0, 1).contiguous()[0]) for x, _ in loader)

    def fill() -> int:
        shutil.rmtree(scratch / "kept", ignore_errors=True)
        data = tonic.DiskCachedDataset(frames, str(scratch / "kept"))
        return sum(1 for k in range(len(data)) if data[k] is not None)

    cases: dict[str, Callable[[], int]] = {
        "read": lambda: sum(len(raw[k][0]) for k in range(len(raw))),
        "frames": lambda: sum(len(e) for e in events if frames.transform(e) is not None),
        "fill": fill,
        "cached": lambda: cached(0),
        "cached 2": lambda: cached(2),
        "size": lambda: sum(f.stat().st_size for f in (scratch / "kept").iterdir()),
    }
    for line in sys.stdin:
        print(*timed(cases[line.strip()]), flush=True)
    shutil.rmtree(scratch)


class Tonic:
    def __init__(self, python: str, nmnist: Path) -> None:
        command = [python, "-W", "ignore", __file__, "--side", "tonic", "--nmnist", str(nmnist)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __call__(self, case: str) -> tuple[float, float, int]:
        assert self.process.stdin is not None and self.process.stdout is not None
        print(case, file=self.process.stdin, flush=True)
        wall, cpu, count = self.process.stdout.readline().split()
        return float(wall), float(cpu), int(count)


# -- our side


def picture_cases(name: str, data_dir: str | None) -> dict[str, Callable[[], int]]:
    from torch.utils.data import DataLoader, TensorDataset

    from neurograph import data

    part = data.load_images(name, "train", data_dir).first(50_000)
    whole = TensorDataset(torch.from_numpy(np.ascontiguousarray(part.images)), torch.from_numpy(part.labels))
    order = np.random.default_rng(0).permutation(len(part))
    mean, std = (torch.tensor(v).view(-1, 1, 1) for v in (part.mean, part.std))
    augment = data.Compose(data.RandomCrop(4), data.HorizontalFlip())

    def plain(workers: int) -> int:
        loader = DataLoader(whole, BATCH, shuffle=True, num_workers=workers)
        return sum(len(x.float().div_(255).sub_(mean).div_(std)) for x, _ in loader)

    def only() -> int:
        return sum(len(part.images[order[k : k + BATCH]]) for k in range(0, len(part), BATCH))

    return {
        "bytes alone (the batches copied)": only,
        "NeuroGraph": lambda: consumed(data.Batches(part, BATCH, shuffle=True, prefetch=0)),
        "NeuroGraph, fetched ahead": lambda: consumed(data.Batches(part, BATCH, shuffle=True)),
        "NeuroGraph, crop and flip": lambda: consumed(data.Batches(part, BATCH, shuffle=True, transform=augment)),
        "torch DataLoader": lambda: plain(0),
        "torch DataLoader, 2 workers": lambda: plain(2),
    }


def event_cases(nmnist: Path, python: str | None, scratch: Path) -> dict[str, dict[str, Callable[[], Any]]]:
    from neurograph import data

    part: Any = data.load("nmnist", "train", nmnist)
    paths, maker = files(nmnist), data.ByTime(STEPS)
    made = [part.events(k) for k in range(200)]
    scratch.mkdir(exist_ok=True)

    def fill(workers: int) -> int:
        shutil.rmtree(scratch, ignore_errors=True)
        return len(part.frames(maker, cache=scratch, progress=False, workers=workers))

    def cached(prefetch: int) -> int:
        frames = part.frames(maker, cache=scratch, progress=False)
        return consumed(data.Batches(frames, BATCH, shuffle=True, prefetch=prefetch))

    fill(0)
    cases: dict[str, dict[str, Callable[[], Any]]] = {
        "reading recordings (events)": {
            "bytes alone": lambda: only_bytes(paths, 5),
            "NeuroGraph": lambda: sum(len(part.events(k)) for k in range(len(part))),
        },
        "events to 10 frames (events)": {"NeuroGraph": lambda: sum(len(e) for e in made if maker(e) is not None)},
        "filling the cache (recordings)": {"NeuroGraph": lambda: fill(0)},
        "batches from the cache (recordings)": {
            "bytes alone (its files read)": lambda: (
                sum(bool(path.read_bytes()) for path in scratch.rglob("*.frames")) and len(part)
            ),
            "NeuroGraph, opened and read": lambda: cached(0),
            "NeuroGraph, fetched ahead": lambda: cached(2),
        },
    }
    if python:
        tonic = Tonic(python, nmnist)
        for case, what in zip(cases, ("read", "frames", "fill", "cached"), strict=True):
            cases[case]["tonic"] = lambda what=what: tonic(what)
        cases["batches from the cache (recordings)"]["tonic, 2 workers"] = lambda: tonic("cached 2")
    return cases


def measured(sides: dict[str, Callable[[], Any]], rounds: int) -> dict[str, list[tuple[float, float, int]]]:
    found: dict[str, list[tuple[float, float, int]]] = {name: [] for name in sides}
    for number in range(rounds + 1):
        for name, work in sides.items():
            line = work() if name.startswith("tonic") else timed(work)
            if number:  # the first is to warm up
                found[name].append(line)
    return found


def table(cases: dict[str, dict[str, Callable[[], Any]]], rounds: int) -> list[str]:
    lines = [
        "| case | side | wall s | CPU s | per s of wall | wall / NeuroGraph |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for case, sides in cases.items():
        found = measured(sides, rounds)
        ours = found[next(name for name in found if name.startswith("NeuroGraph"))]
        for name, rows in found.items():
            wall, cpu = (statistics.median(r[k] for r in rows) for k in (0, 1))
            ratio = statistics.median(a[0] / b[0] for a, b in zip(rows, ours, strict=True))
            lines.append(
                f"| {case} | {name} | {wall:.4f} | {cpu:.4f} | {rows[0][2] / max(wall, 1e-9):,.0f} | {ratio:.2f} |"
            )
            print(lines[-1], flush=True)
    return lines


def waiting(nmnist: Path, data_dir: str | None, scratch: Path, steps: int, rounds: int) -> list[str]:
    """Share of training steps spent waiting for data, with small networks, so that the data have to hurry."""
    import neurograph as ng
    from neurograph import data, models

    events: Any = data.load("nmnist", "train", nmnist)
    frames = events.frames(data.ByTime(STEPS), cache=scratch, progress=False)
    pictures = data.load_images("cifar10", "train", data_dir)
    crop = data.Compose(data.RandomCrop(4), data.HorizontalFlip())
    tasks = [
        ("N-MNIST, dvs_convnet of width 1/8, T=10, batch 32, crop", frames, models.dvs_convnet(
            10, width=0.125, input_shape=(2, 34, 34)), None, data.RandomCrop(3)),
        ("CIFAR-10, cifar_convnet of width 1/8, T=4, batch 32, crop and flip", pictures, models.cifar_convnet(
            10, width=0.125), 4, crop),
    ]  # fmt: skip
    lines = ["| training | made ahead | ms a step | waiting for data |", "| --- | --- | --- | --- |"]
    for name, part, graph, time_steps, transform in tasks:
        program = ng.compile(graph, "torch", steps=time_steps)
        optimizer = torch.optim.AdamW(program.parameters(), 1e-3)
        found: dict[int, list[tuple[float, float]]] = {0: [], 2: []}
        for number in range(rounds + 1):
            for prefetch, rows in found.items():
                batches = data.Batches(part, 32, shuffle=True, transform=transform, prefetch=prefetch)
                began = time.perf_counter()
                for k, (x, labels) in enumerate(batches):
                    loss = torch.nn.functional.cross_entropy(program(x), labels)
                    optimizer.zero_grad()
                    loss.backward()
                    optimizer.step()
                    if k + 1 == steps:
                        break
                spent = time.perf_counter() - began
                if number:
                    rows.append((spent / steps, batches.waited / spent))
        for prefetch, rows in found.items():
            step, share = (statistics.median(r[k] for r in rows) for k in (0, 1))
            lines.append(f"| {name} | {prefetch} batches | {1e3 * step:.0f} | {100 * share:.2f} % |")
            print(lines[-1], flush=True)
    return lines


def sizes(nmnist: Path, scratch: Path, python: str | None) -> str:
    from neurograph import data

    (kept,) = data.cached_frames(scratch)
    count, cells = len(files(nmnist)), STEPS * SENSOR[0] * SENSOR[1] * SENSOR[2]
    raw = sum(path.stat().st_size for path in files(nmnist))
    text = f"Bytes a recording: cache {kept.bytes / count:,.0f}, its file {raw / count:,.0f}, frames as uint8 {cells:,}"
    if python:
        tonic = Tonic(python, nmnist)
        tonic("fill")
        text += f", tonic's cache {tonic('size')[2] / count:,.0f}"
    return text + "."


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nmnist", type=Path, required=True)
    parser.add_argument("--data-dir")
    parser.add_argument("--peer-python")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=10, help="training steps of a round")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--side", choices=["tonic"], help=argparse.SUPPRESS)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    if args.side:
        tonic_side(args.nmnist)
        return
    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory(prefix="loader-") as folder:
        scratch = Path(folder) / "frames"
        cases = event_cases(args.nmnist, args.peer_python, scratch)
        lines = table(cases, args.rounds)
        size = sizes(args.nmnist, scratch, args.peer_python)
        print(size)
        for name in ("cifar10", "mnist"):
            lines += table({f"{name} (pictures)": picture_cases(name, args.data_dir)}, args.rounds)[2:]
        shares = waiting(args.nmnist, args.data_dir, scratch, args.steps, args.rounds)
    text = (
        f"# Loading data ({time.strftime('%Y-%m-%d')})\n\ntorch {torch.__version__}, {args.threads} thread(s), "
        f"{platform.machine()} with {os.cpu_count()} cores, load {load:.1f} before the start; {args.rounds} rounds, the "
        f"sides taking turns, medians; batches of {BATCH}. CPU s counts child processes that have ended. N-MNIST: "
        f"{len(files(args.nmnist)):,} recordings.\n\n"
        + "\n".join(lines) + f"\n\n{size}\n\n## Waiting for data\n\n" + "\n".join(shares) + "\n"
    )  # fmt: skip
    if args.out:
        args.out.write_text(text)


if __name__ == "__main__":
    main()
