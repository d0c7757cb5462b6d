"""What NeuroGraph finds on this machine: versions, devices, threads, caches, compilers, and what is wrong with them."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import re
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOM = 200e6  # bytes that a cache should be able to grow by


@dataclass
class Findings:
    """Facts in sections, and problems, each with what to do about it."""

    facts: dict[str, dict[str, Any]] = field(default_factory=dict)
    problems: list[dict[str, str]] = field(default_factory=list)

    def problem(self, what: str, fix: str) -> None:
        self.problems.append({"problem": what, "fix": fix})


def examined(self_test: bool) -> Findings:
    """Look at everything; `self_test` also compiles and runs a small network."""
    found = Findings()
    for name, look in (
        ("versions", _versions),
        ("extras", _extras),
        ("machine", _machine),
        ("devices", _devices),
        ("threads", _threads),
        ("compilers", _compilers),
        ("caches", _caches),
    ):
        found.facts[name] = look(found)
    if self_test:
        found.facts["self-test"] = _self_test(found)
    return found


def _versions(found: Findings) -> dict[str, Any]:
    from neurograph.version import __version__

    out: dict[str, Any] = {
        "neurograph": f"{__version__} in {Path(__file__).resolve().parents[1]}",
        "python": platform.python_version(),
    }
    for name, least, extra in _requirements():
        if not extra:
            out[name] = _version(name, least, "", found)
    return out


def _extras(found: Findings) -> dict[str, Any]:
    """Packages that some features need, by the extra that installs them; none of them has to be there."""
    out: dict[str, Any] = {}
    for name, least, extra in _requirements():
        if extra and extra != "dev":
            version = _version(name, least, extra, found)
            out[name] = version or f"not installed (pip install 'neurograph[{extra}]')"
    return out


def _requirements() -> list[tuple[str, str, str]]:
    """Name, least version and extra of each package that NeuroGraph's own metadata lists."""
    out: list[tuple[str, str, str]] = []
    # an old .egg-info that lies in a checkout comes first, but what was installed counts
    held = list(importlib.metadata.distributions(name="neurograph"))
    installed = [d for d in held if d.read_text("WHEEL") is not None] or held
    listed = (installed[0].requires if installed else None) or []
    for text in listed:
        match = re.match(r"([A-Za-z0-9_.-]+)[^>]*(?:>=([0-9.]+))?", text)
        extra = re.search(r"extra == ['\"](\w+)['\"]", text)
        if match and match[1].lower() != "neurograph":
            out.append((match[1], match[2] or "", extra[1] if extra else ""))
    return out


def _version(name: str, least: str, extra: str, found: Findings) -> str | None:
    try:
        version = importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        if not extra:
            found.problem(f"{name} is not installed", f"pip install '{name}{f'>={least}' if least else ''}'")
        return None
    if least and _numbers(version) < _numbers(least):
        found.problem(f"{name} {version} is older than {least}", f"pip install '{name}>={least}'")
    return version


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(n) for n in re.findall(r"\d+", version.split("+")[0])[:3])


def _machine(found: Findings) -> dict[str, Any]:
    import llvmlite.binding as llvm

    features = llvm.get_host_cpu_features()
    vectors = [n for n in ("sse4.2", "avx", "avx2", "fma", "avx512f", "neon", "sve") if features.get(n)]
    out = {
        "system": f"{platform.system()} {platform.release()}, {platform.machine()}",
        "processor": f"{llvm.get_host_cpu_name()}, {' '.join(vectors) or 'no vector instructions known'}",
    }
    out["cores"] = f"{_cores()} for this process, {os.cpu_count()} in all"
    try:
        out["memory"] = _size(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    except (ValueError, OSError, AttributeError):  # not every system says
        out["memory"] = "unknown"
    return out


def _devices(found: Findings) -> dict[str, Any]:
    import torch

    out: dict[str, Any] = {"cpu": "numba, torch and reference run here"}
    smi = shutil.which("nvidia-smi")
    if not torch.cuda.is_available():
        built = torch.version.cuda
        out["cuda"] = f"none seen by torch {torch.__version__}" + ("" if built else ", which is built for the CPU")
        if smi and _gpus(smi):
            fix = (
                "install a torch that is built for CUDA (pytorch.org says how)"
                if not built
                else "check the driver with nvidia-smi, and CUDA_VISIBLE_DEVICES"
            )
            found.problem("there is an NVIDIA GPU, but torch cannot use it", fix)
        return out
    from neurograph.kernels import triton

    for k in range(torch.cuda.device_count()):
        p = torch.cuda.get_device_properties(k)
        out[f"cuda:{k}"] = f"{p.name}, {_size(p.total_memory)}, compute capability {p.major}.{p.minor}"
        if why := triton.unavailable(f"cuda:{k}"):
            found.problem(
                f"cuda:{k} runs plain torch operators instead of fused kernels: {why}",
                "pip install 'neurograph[triton]'",
            )
    return out


def _gpus(smi: str) -> bool:
    try:
        return b"GPU" in subprocess.run([smi, "-L"], capture_output=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return False


def _threads(found: Findings) -> dict[str, Any]:
    import torch

    from neurograph.kernels import threads

    threads.count()
    out = {
        "kernels": f"{threads.count()} on {threads.used()}",
        "without torch loaded": f"{os.environ.get('OMP_NUM_THREADS') or _cores()} of the process",
    }
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "NUMBA_NUM_THREADS",
        "NUMBA_DISABLE_JIT",
        "TRITON_INTERPRET",
        "CUDA_VISIBLE_DEVICES",
    ):
        if name in os.environ:
            out[name] = os.environ[name]
    if torch.get_num_threads() > _cores():
        found.problem(
            f"torch uses {torch.get_num_threads()} threads on {_cores()} cores, which wait for each other",
            f"export OMP_NUM_THREADS={_cores()}",
        )
    if os.environ.get("NUMBA_DISABLE_JIT", "0") not in ("", "0"):
        found.problem("NUMBA_DISABLE_JIT is set: kernels cannot be compiled", "unset NUMBA_DISABLE_JIT")
    if os.environ.get("TRITON_INTERPRET") == "1":
        found.problem(
            "TRITON_INTERPRET=1: GPU kernels run in Triton's interpreter, thousands of times slower",
            "unset TRITON_INTERPRET",
        )
    return out


def _compilers(found: Findings) -> dict[str, Any]:
    import llvmlite.binding as llvm

    own = ".".join(map(str, llvm.llvm_version_info))
    found_c = next((c for c in (os.environ.get("CC"), "cc", "gcc", "clang") if c and shutil.which(c)), None)
    return {
        "LLVM of Numba": f"{own}: compiles the CPU kernels",
        "C compiler": f"{found_c}: used by torch.compile and Triton"
        if found_c
        else "none: torch.compile and Triton need one, NeuroGraph's CPU kernels do not",
    }


def _caches(found: Findings) -> dict[str, Any]:
    from neurograph.data import cache_folder
    from neurograph.kernels import cache

    kernels = cache.folder()
    usual = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "neurograph" / "kernels"
    out = {"kernels": f"{kernels}: {_held(kernels)}", "data sets": f"{cache_folder()}: {_held(cache_folder())}"}
    if kernels != usual:
        found.problem(
            f"{usual} cannot be written, so kernels are compiled anew in each process",
            "make it writable, or set XDG_CACHE_HOME to a folder that is",
        )
    elif (free := shutil.disk_usage(kernels).free) < ROOM:
        found.problem(
            f"only {_size(free)} are free where compiled kernels are kept, {kernels}",
            "free some space, or set XDG_CACHE_HOME to another disk",
        )
    named = os.environ.get("NEUROGRAPH_DATA")
    if named:
        out["NEUROGRAPH_DATA"] = named
        if not Path(named).is_dir():
            found.problem(f"NEUROGRAPH_DATA is {named!r}, which is no folder", "correct the variable or unset it")
    return out


def _self_test(found: Findings) -> dict[str, Any]:
    """A small network on the backends that run here: the same spikes, from compiled code."""
    import time

    import numpy as np

    import neurograph as ng

    graph = ng.Graph("self-test")
    hidden = graph.population("hidden", ng.LIF())
    graph.connect(graph.input("x", 20), hidden, ng.Dense(30))
    graph.connect(hidden, graph.output("y"), ng.Dense(3))
    graph.probe(hidden, "spike")
    x, out, spikes = 3.0 * np.random.default_rng(0).random((4, 20)), {}, {}
    for backend in ("reference", "numba", "torch"):
        began = time.perf_counter()
        try:
            program = ng.compile(graph, backend, dtype="float64")
            program.run(_tensor(x) if backend == "torch" else x, 10)
            spikes[backend] = program.recordings["hidden.spike"].array()
        except Exception as error:  # whatever is wrong with the installation shows here
            found.problem(
                f"backend {backend} cannot run a small network: {type(error).__name__}: {error}",
                "reinstall its package; if that does not help, please report it",
            )
            out[backend] = "failed"
            continue
        same = "reference" not in spikes or np.array_equal(spikes[backend], spikes["reference"])
        out[backend] = (
            f"{int(spikes[backend].sum())} spikes{', as the reference' if same and backend != 'reference' else ''}, {time.perf_counter() - began:.2f} s"
        )
        if not same:
            found.problem(
                f"backend {backend} gives other spikes than the reference",
                "please report it, with the output of `neurograph doctor --json`",
            )
    return out


def _tensor(x: Any) -> Any:
    import torch

    return torch.from_numpy(x)


def _held(folder: Path) -> str:
    if not folder.is_dir():
        return "not there yet"
    sizes = [f.stat().st_size for f in folder.rglob("*") if f.is_file()]
    return f"{len(sizes):,} files, {_size(sum(sizes))}"


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _size(count: float) -> str:
    from neurograph.cli.frame import size

    return size(count)
