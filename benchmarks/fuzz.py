"""Reads thousands of files with faults, made by a seed: python benchmarks/fuzz.py --count 10000 --format hdf5

Every file must load or end in FormatError, in 20 seconds and a gigabyte. `--seconds` ends it earlier; `--keep N` writes file N
of a run to the working folder, to look at.
"""

from __future__ import annotations

import argparse
import importlib.util
import random
import sys
import tempfile
from pathlib import Path
from types import ModuleType

TESTS = Path(__file__).resolve().parents[1] / "tests" / "io"


def module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, TESTS / f"{name}.py")
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def main() -> int:
    """Read, print what became of the files; 1 where one did anything else than it must."""
    reading = module("reading")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--format", action="append", help="json, hdf5, graphml, nir (all, one after the other)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--keep", type=int)
    given = parser.parse_args()
    wrong = 0
    for format in given.format or ["json", "hdf5", "graphml", "nir"]:
        if given.keep is not None:
            with tempfile.TemporaryDirectory() as folder:
                good = reading.samples_of(format, Path(folder))
                rng = random.Random(f"{format} {given.seed} {given.keep}")
                path = Path(f"fuzz-{given.seed}-{given.keep}.{format}")
                reading.module("mutate").made(format, rng.choice(good), path, rng)
                print(path, reading.outcome(path, format))
            continue
        report = reading.read_many(format, given.count, given.seed, seconds=given.seconds)
        print(report, flush=True)
        wrong += len(report.wrong)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
