"""NIR beside the libraries that speak it: do they compute what we compute, from our files and from theirs?

    python benchmarks/nir_peers.py --setup             # makes benchmarks/.peers/nir with Norse, snnTorch and SpikingJelly
    python benchmarks/nir_peers.py --python PATH       # or an interpreter that has them
    python benchmarks/nir_peers.py --python PATH --fixtures   # writes tests/io/nir/files anew

First our graphs are exported and every library runs the files; then models of the libraries, written by their own exporters,
are imported and run here. The table goes to benchmarks/results/nir.md. The libraries run in an interpreter of their own,
which runs nir_peers_side.py.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).resolve().parent
FILES = HERE.parent / "tests" / "io" / "nir" / "files"
STEPS = 60
READERS = ("norse", "snntorch", "spikingjelly", "nirtorch")


def drawn(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0.0, 0.8, shape).astype(np.float32).astype(np.float64)


def ours() -> dict[str, tuple[Any, float, str]]:
    """name -> graph, dt in seconds, convention."""
    import neurograph as ng

    def two(first: Any, second: Any, *, recurrent: bool = False) -> Any:
        graph = ng.Graph("two")
        x = graph.input("input", 4)
        a, b = graph.population("hidden", first, 6), graph.population("out", second, 3)
        graph.connect(x, a, ng.Dense(weight=drawn(0, 6, 4), bias=abs(drawn(1, 6))), name="fc1")
        if recurrent:
            graph.connect(a, a, ng.Dense(weight=0.5 * drawn(2, 6, 6), bias=0.1 * drawn(3, 6)), delay=1, name="rec")
        graph.connect(a, b, ng.Dense(weight=drawn(4, 3, 6), bias=abs(drawn(5, 3))), name="fc2")
        graph.connect(b, graph.output("output", readout=ng.Steps()))
        return graph

    def images() -> Any:
        graph = ng.Graph("images")
        x = graph.input("input", (2, 8, 8))
        a, b = graph.population("if1", ng.IF(threshold=1.0)), graph.population("lif2", ng.LIF(tau=4.0, threshold=0.3))
        conv = ng.Conv2d(4, 3, padding=1).started(weight=drawn(0, 4, 2, 3, 3), bias=drawn(1, 4))
        graph.connect(x, a, conv, name="conv1")
        graph.connect(
            a, b, ng.AvgPool2d(2), ng.Flatten(), ng.Dense(weight=drawn(4, 3, 64), bias=drawn(5, 3)), name="fc"
        )
        graph.connect(b, graph.output("output", readout=ng.Steps()))
        return graph

    def lif(**given: Any) -> Any:
        return ng.LIF(**{"tau": 10.0, "threshold": 0.2, **given})

    taus = np.array([4.0, 5.0, 6.0, 7.0, 8.0, 3.0])
    return {
        "LIF, continuous": (two(lif(), lif(tau=5.0)), 1e-3, "continuous"),
        "LIF, discrete": (two(lif(), lif(tau=5.0)), 1e-4, "discrete"),
        "LIF, discrete, recurrent": (two(lif(), lif(tau=5.0), recurrent=True), 1e-4, "discrete"),
        "CubaLIF, continuous": (
            two(ng.CubaLIF(tau_syn=taus, tau_mem=10.0, threshold=0.2), ng.CubaLIF(tau_syn=5.0, tau_mem=8.0, threshold=0.02)),
            1e-3, "continuous",
        ),
        "CubaLIF, discrete": (
            two(ng.CubaLIF(tau_syn=4.0, tau_mem=10.0, threshold=0.2), ng.CubaLIF(tau_syn=5.0, tau_mem=8.0, threshold=0.02)),
            1e-4, "discrete",
        ),
        "LIF and LI, recurrent": (two(lif(), ng.LeakyIntegrator(tau=5.0), recurrent=True), 1e-3, "continuous"),
        "Conv2d, IF, AvgPool2d, Flatten, LIF": (images(), 1e-4, "continuous"),
    }  # fmt: skip


def run_ours(graph: Any, x: np.ndarray) -> np.ndarray:
    import neurograph as ng

    outputs, _ = ng.compile(graph, "numba", dtype="float32").run(x[:, None].astype(np.float32))
    return np.asarray(next(iter(outputs.values())))[:, 0]


def exported(python: str) -> list[tuple[str, dict[str, str]]]:
    """What each library makes of each of our files."""
    from neurograph.io import from_nir, to_nir

    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, (graph, dt, convention) in ours().items():
            file, data = Path(folder) / "graph.nir", Path(folder) / "data.npz"
            made = to_nir(graph, file, dt=dt, convention=convention)
            rng = np.random.default_rng(9)
            x = (rng.random((STEPS, *np.asarray(made.nodes["input"].input_type["input"]))) < 0.4).astype(np.float32)
            expected = run_ours(graph, x)
            assert np.abs(run_ours(from_nir(file), x) - expected).max() < 1e-5, name
            found = {}
            for reader in READERS:
                np.savez(data, x=x, dt=dt)
                found[reader] = verdict(expected, ask(python, "run", reader, str(file), str(data)), data)
            rows.append((name, found))
            print(name, found, flush=True)
    return rows


def verdict(expected: np.ndarray, said: str, data: Path) -> str:
    if said != "ok":
        return f"refuses: {said}"
    found = np.load(data)["y"]
    if found.shape != expected.shape:
        return f"gives shape {found.shape}"
    worst = float(np.abs(found - expected).max())
    if set(np.unique(expected)) <= {0.0, 1.0}:
        different = int((found != expected).sum())
        return (
            f"equal, {int(expected.sum())} spikes" if not different else f"{different} of {expected.size} values differ"
        )
    return f"equal to {worst:.0e}" if worst < 1e-4 else f"{worst:.2g} apart"


def ask(python: str, job: str, *given: str) -> str:
    done = subprocess.run([python, str(HERE / "nir_peers_side.py"), job, *given], capture_output=True, text=True)
    lines = [line for line in done.stdout.splitlines() if line.startswith("> ")]
    return lines[-1][2:] if lines else (done.stderr.strip().splitlines() or ["no answer"])[-1]


def imported() -> list[tuple[str, str, str]]:
    """What we make of each file that a library wrote."""
    from neurograph.io import read_nir

    rows = []
    for told in sorted(FILES.glob("*.json")):
        data = json.loads(told.read_text())
        found = read_nir(
            told.with_suffix(".nir"), dt=data["dt"], start=data["start"], bias_at_start=data["bias_at_start"]
        )
        y = run_ours(found.graph, np.array(data["input"], np.float32))
        expected = np.array(data["output"])
        worst, spikes = float(np.abs(y - expected).max()), set(np.unique(expected)) <= {0.0, 1.0}
        same = f"equal, {int(expected.sum())} spikes" if spikes else f"equal to {worst:.0e}"
        rows.append((told.stem, data["made_by"], same if worst < 1e-4 else f"{worst:.2g} apart"))
        print(rows[-1], found.notes, flush=True)
    return rows


def table(python: str, there: list[tuple[str, dict[str, str]]], here: list[tuple[str, str, str]]) -> str:
    lines = ["# NIR beside other libraries", "", f"Made by `benchmarks/nir_peers.py`; {ask(python, 'versions')}.", ""]
    lines += ["## Our files, run by others", "", f"{STEPS} steps; the same output as the graph that was exported?", ""]
    lines += ["| network | " + " | ".join(READERS) + " |", "| --- |" + " --- |" * len(READERS)]
    lines += [f"| {name} | " + " | ".join(found[r] for r in READERS) + " |" for name, found in there]
    lines += [
        "",
        "The reader nirtorch has no neurons of its own: Euler's rule as NIR writes it was given to its executor.",
        "",
    ]
    lines += ["## Files of others, run here", "", "The same output as the model that was exported?", ""]
    lines += ["| file | made by | here |", "| --- | --- | --- |"]
    return "\n".join([*lines, *(f"| {a} | {b} | {c} |" for a, b, c in here)]) + "\n"


def setup() -> str:
    folder = HERE / ".peers" / "nir"
    python = folder / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        pip = [str(python), "-m", "pip", "install", "-q"]
        subprocess.run(
            [*pip, "torch==2.13.0", "numpy", "h5py", "tqdm", "matplotlib", "scipy", "loguru", "einops"], check=True
        )
        names = ["nir==1.0.8", "nirtorch==2.6", "norse==1.1.0", "snntorch==1.0.0", "spikingjelly==2.0.0"]
        subprocess.run([*pip, "--no-deps", *names], check=True)
    return str(python)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--python", help="an interpreter that has the libraries")
    parser.add_argument("--setup", action="store_true", help="make one")
    parser.add_argument("--fixtures", action="store_true", help="write the files of other libraries anew")
    given = parser.parse_args()
    if not (given.python or given.setup):
        parser.error("give --python PATH or --setup")
    python = given.python or setup()
    if given.fixtures:
        FILES.mkdir(exist_ok=True)
        print(ask(python, "fixtures", str(FILES)))
    text = table(python, exported(python), imported())
    (HERE / "results" / "nir.md").write_text(text)
    print(text)


if __name__ == "__main__":
    main()
