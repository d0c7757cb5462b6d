"""Simulation figures: NeuroGraph beside Brian2 and NEST on seven networks, as ratios of CPU time.

    python benchmarks/simulation.py [--cases cuba coba ...] [--repeat 3] [--t 1.0] [--setup]
    python benchmarks/simulation.py --peers brian2:PYTHON nest:PYTHON

Every run is a process of its own, one at a time; the programs take turns, round after round, so that a busy machine is
busy for all of them. --setup makes the peers' environments in benchmarks/.peers/ first; without peers only NeuroGraph
runs. What Brian2 compiles is kept there; --cold compiles it again and takes the time anew.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sim_cases import CASES, DT, SEED

HERE = Path(__file__).resolve().parent
PEERS = HERE / ".peers"
LONG = 45.0  # seconds; a peer that takes longer is run once

Line = dict[str, Any]


@dataclass
class Program:
    """One row per case: a script, its arguments, and the lines its runs print."""

    name: str
    python: str
    script: str
    arguments: tuple[str, ...]
    threads: int = 1
    compiles: bool = False
    rerun: tuple[str, ...] = ()  # arguments that run again what a first run compiled
    ours: bool = False
    first: dict[str, Line] = field(default_factory=dict)  # by case: with nothing compiled yet
    later: dict[str, Line] = field(default_factory=dict)  # by case: a process that finds everything compiled
    lines: dict[str, list[Line]] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)


def programs(peers: dict[str, str], dtype: str) -> list[Program]:
    made = [
        Program(
            f"NeuroGraph, {n} thread{'s' * (n > 1)}",
            sys.executable,
            "sim_neurograph.py",
            ("--threads", str(n), "--dtype", dtype),
            n,
            compiles=True,
            ours=True,
        )
        for n in (1, 2)
    ]
    if "brian2" in peers:
        python = peers["brian2"]
        made.append(Program("Brian2, C++", python, "sim_brian2.py", ("cpp",), compiles=True, rerun=("--rerun",)))
        made.append(Program("Brian2, Cython", python, "sim_brian2.py", ("cython",), compiles=True))
    if "nest" in peers:
        for n in (1, 2):
            name = f"NEST, {n} thread{'s' * (n > 1)}"
            made.append(Program(name, peers["nest"], "sim_nest.py", ("--threads", str(n)), n))
    return made


class Bench:
    """Runs programs on cases and keeps what they print."""

    def __init__(self, t: float, caches: Path, cold: bool) -> None:
        self.t, self.caches, self.cold = t, caches, cold

    def folder(self, program: Program, case: str) -> Path:
        """Where the compiled code of a program and a case is kept: NeuroGraph's for this call only."""
        name = f"{case}_{self.t:g}s_{'_'.join(program.arguments)}".replace("--", "")
        # code compiled for one interpreter is nothing to another
        return (
            self.caches / name
            if program.ours
            else PEERS / "built" / f"{name}_{zlib.crc32(program.python.encode()):08x}"
        )

    def call(self, program: Program, case: str, *more: str) -> Line | None:
        """Run a script; its line, or None and a note of what went wrong."""
        if case in program.failed:
            return None
        command = [program.python, str(HERE / program.script), case, *program.arguments, "--t", str(self.t), *more]
        environment = os.environ | {"OMP_NUM_THREADS": str(program.threads)}
        if program.ours:
            environment["XDG_CACHE_HOME"] = str(self.folder(program, case))
        elif program.compiles:
            command += ["--build", str(self.folder(program, case))]
        done = subprocess.run(command, capture_output=True, text=True, env=environment)
        lines = [text for text in done.stdout.splitlines() if text.startswith("{")]
        if done.returncode or not lines:
            said = (done.stderr or done.stdout).strip().splitlines()
            program.failed[case] = said[-1] if said else f"exit status {done.returncode}"
            print(f"{case:8} {program.name:22} failed: {program.failed[case]}", flush=True)
            return None
        line: Line = json.loads(lines[-1])
        print(
            f"{case:8} {program.name:22} start {start(line):7.2f} s   wall {line['sim_s']:8.3f} s   "
            f"CPU {line['cpu_s']:8.3f} s   {line['rate_hz']:6.2f} Hz   {line['peak_rss_mb']:6.0f} MB",
            flush=True,
        )
        return line

    def warm_up(self, program: Program, case: str) -> None:
        """The first process of a program that compiles, and the one after it."""
        if not program.compiles:
            return
        folder = self.folder(program, case)
        kept = folder / "first.json"
        if kept.exists() and not self.cold and not program.ours:
            program.first[case] = json.loads(kept.read_text())
        else:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(parents=True)
            line = self.call(program, case)
            if line is None:
                return
            program.first[case] = line
            kept.write_text(json.dumps(line))
        if program.rerun and (line := self.call(program, case)) is not None:
            program.later[case] = line

    def measure(self, program: Program, case: str) -> None:
        lines = program.lines.setdefault(case, [])
        if not program.ours and lines and lines[0]["sim_s"] > LONG:
            return
        line = self.call(program, case, *program.rerun)
        if line is not None:
            lines.append(line)


def start(line: Line) -> float:
    """Seconds from the start of a process to its first step."""
    return line["import_s"] + line["build_s"] + line["compile_s"]


def median(lines: list[Line], *keys: str) -> float:
    return statistics.median(sum(line[key] for key in keys) for line in lines)


def best_peer(everyone: list[Program], case: str) -> Program | None:
    peers = [p for p in everyone if not p.ours and p.lines.get(case)]
    return min(peers, key=lambda p: median(p.lines[case], "cpu_s"), default=None)


def ratio(ours: Program, peer: Program, case: str) -> float:
    """Median over the rounds of our CPU time over the peer's."""
    theirs = peer.lines[case]
    pairs = zip(ours.lines[case], theirs if len(theirs) > 1 else theirs * len(ours.lines[case]), strict=False)
    return statistics.median(a["cpu_s"] / b["cpu_s"] for a, b in pairs)


HEADS = (
    "case", "program", "wall s", "CPU s", "CPU / best peer", "bar", "build s", "first compile s", "later start s",
    "peak MB", "B / synapse", "rate Hz", "events / s", "floor s",
)  # fmt: skip


def row(program: Program, everyone: list[Program], case: str) -> str:
    about = CASES[case]
    if not program.lines.get(case):
        cells = [case, program.name, f"failed: {program.failed.get(case, 'no run')}"] + [""] * (len(HEADS) - 3)
        return "| " + " | ".join(cell.replace("|", "/") for cell in cells) + " |"
    lines = program.lines[case]
    t = lines[0]["t_bio_s"]
    later = [program.later[case]] if case in program.later else lines
    compared = bar = floor = ""
    if program.ours and program.threads == 1:
        bar, floor = f"{about.bar:g}", about.floor
        if (peer := best_peer(everyone, case)) is not None:
            compared = f"{ratio(program, peer, case):.2f} ({peer.name})"
    compiled = ""
    if case in program.first:
        # what empty caches add to a start
        added = median([program.first[case]], "build_s", "compile_s") - median(later, "build_s", "compile_s")
        compiled = f"{max(0.0, added):.2f}"
    rate = median(lines, "rate_hz")
    outside = "" if about.rates[0] <= rate <= about.rates[1] else f" (expected {about.rates[0]:g}-{about.rates[1]:g})"
    grown = statistics.median(line["peak_rss_mb"] - line["base_rss_mb"] for line in lines)
    cells = [
        case,
        program.name + (" (1 run)" if len(lines) == 1 else ""),
        f"{median(lines, 'sim_s') / t:.3f}",
        f"{median(lines, 'cpu_s') / t:.3f}",
        compared,
        bar,
        f"{median(later, 'build_s', 'compile_s'):.2f}",
        compiled,
        f"{statistics.median(map(start, later)):.2f}",
        f"{median(lines, 'peak_rss_mb'):.0f}",
        f"{grown * 2**20 / lines[0]['n_synapses']:.0f}",
        f"{rate:.2f}{outside}",
        f"{statistics.median(line['syn_events'] / line['sim_s'] for line in lines):.2e}",
        floor,
    ]
    return "| " + " | ".join(cells) + " |"


def listed(extra: dict[str, Any]) -> str:
    return ", ".join(f"{k} ({listed(v)})" if isinstance(v, dict) else f"{k} {v:g}" for k, v in extra.items())


def table(everyone: list[Program], cases: list[str], head: str) -> str:
    rows = [row(program, everyone, case) for case in cases for program in everyone]
    more = [
        f"* {case}, {program.name}: {listed(line['extra'])}"
        for case in cases
        for program in everyone
        for line in program.lines.get(case, [])[:1]
        if line["extra"]
    ]
    parts = [
        f"# Simulation, side by side ({time.strftime('%Y-%m-%d')})",
        head,
        "\n".join(["| " + " | ".join(HEADS) + " |", "|" + " --- |" * len(HEADS), *rows]),
        "\n".join(f"* {case}: {CASES[case].about}" for case in cases),
    ]
    return "\n\n".join(parts + (["\n".join(more)] if more else [])) + "\n"


EXPLAINED = """
Each run is a process; programs take turns and the figures are medians. Wall and CPU s are per biological second and
leave out import, build and compile. CPU / best peer: NeuroGraph on one thread over the peer that needs least CPU
time. Build: from the imported library to the first step, with everything compiled. First compile: what empty caches
add to it. Later start: build and import. B / synapse: growth of the resident memory from before the build to the
peak, over the synapses. Events: spikes times outgoing synapses, per second of wall time. Floor: one core doing
nothing but the scatter, exp and Poisson draws of the case, at the rates measured for each alone. Rows of two threads
need an idle second core: threads that spin while they wait make them many times slower on a busy machine.
""".strip()


def described(everyone: list[Program], args: argparse.Namespace, load: float) -> str:
    versions = {line["lib"]: line["version"] for p in everyone for lines in p.lines.values() for line in lines}
    return (
        f"{platform.machine()} with {os.cpu_count()} cores, load {load:.1f} at the start, Python "
        f"{platform.python_version()}; {', '.join(f'{k} {v}' for k, v in versions.items())}; NeuroGraph in {args.dtype}, "
        f"the peers in float64; dt {DT} ms, {args.t:g} s of biological time, seed {SEED}, {args.repeat} rounds.\n\n{EXPLAINED}"
    )


def set_up(brian2_python: str | None) -> None:
    """The peers' environments, made once."""
    newer = brian2_python or sys.executable
    asked = subprocess.run(
        [newer, "-c", "import sys; print(sys.version_info[:2] >= (3, 13))"], capture_output=True, text=True, check=True
    )
    brian2 = ("brian2==2.11.0",) if asked.stdout.strip() == "True" else ("brian2==2.9.0", "numpy<2.4")
    wanted = {"brian2": (newer, (*brian2, "setuptools")), "nest": (sys.executable, ("nest-simulator==3.10.0",))}
    for name, (python, packages) in wanted.items():
        folder = PEERS / name
        if (folder / ".ready").exists():
            continue
        print(f"[setup] {name}: {' '.join(packages)}", flush=True)
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(folder / "bin" / "python"), "-m", "pip", "install", "-q", *packages], check=True)
        (folder / ".ready").touch()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--t", type=float, default=1.0, help="seconds of biological time")
    parser.add_argument("--dtype", default="float64", choices=("float32", "float64"), help="NeuroGraph's")
    parser.add_argument("--peers", nargs="*", metavar="NAME:PYTHON", help="default: what is in benchmarks/.peers")
    parser.add_argument("--setup", action="store_true", help="make the peers' environments first")
    parser.add_argument("--brian2-python", help="for --setup: Brian2 2.11 needs Python >= 3.13, an older one gets 2.9")
    parser.add_argument("--cold", action="store_true", help="compile the peers' code again")
    parser.add_argument("--out", type=Path, default=HERE / "results" / "simulation.md")
    args = parser.parse_args()
    if args.setup:
        set_up(args.brian2_python)
    peers = {
        name: str(PEERS / name / "bin" / "python") for name in ("brian2", "nest") if (PEERS / name / ".ready").exists()
    }
    if args.peers is not None:
        peers = dict(peer.split(":", 1) for peer in args.peers)
    load = os.getloadavg()[0]
    everyone = programs(peers, args.dtype)
    with tempfile.TemporaryDirectory() as caches:
        bench = Bench(args.t, Path(caches), args.cold)
        for case in args.cases:
            for program in everyone:
                bench.warm_up(program, case)
        for _ in range(args.repeat):
            for case in args.cases:
                for program in everyone:
                    bench.measure(program, case)
            # after each round: a long run that is cut short leaves a table too
            args.out.parent.mkdir(parents=True, exist_ok=True)
            args.out.write_text(table(everyone, args.cases, described(everyone, args, load)))
    print(json.dumps({"written": args.out.name}))


if __name__ == "__main__":
    main()
