"""The GPU script, as far as it runs on a CPU."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SCRIPT = ROOT / "benchmarks" / "gpu.sh"


def run(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    # a cache of its own would compile all kernels anew
    env = {k: v for k, v in os.environ.items() if k != "NEUROGRAPH_DATA"} | {"PYTHON": sys.executable}
    return subprocess.run(words, cwd=cwd, env=env, capture_output=True, text=True, timeout=500)


def test_the_script_says_what_it_takes(tmp_path: Path) -> None:
    done = run("bash", str(SCRIPT), "--help", cwd=tmp_path)
    assert done.returncode == 0 and "--data FOLDER" in done.stdout and "without a network" in done.stdout
    wrong = run("bash", str(SCRIPT), "--mintues", "3", cwd=tmp_path)
    assert wrong.returncode == 2 and "unknown option --mintues" in wrong.stderr
    assert run("bash", str(SCRIPT), "--data", cwd=tmp_path).returncode == 2


def test_a_disagreement_of_kernels_ends_with_an_error(tmp_path: Path) -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(SCRIPT.parent)!r}); sys.argv[1:] = ['--dry-run']\n"
        "import gpu, neurograph as ng\n"
        "for name in set(ng.NEURONS) - {'LIF', 'HHClassic'}: del ng.NEURONS[name]\n"
        "right, count = gpu.layer, iter(range(9))\n"
    )
    agreed = run(sys.executable, "-c", code + "gpu.main()", cwd=tmp_path)
    assert agreed.returncode == 0, agreed.stderr
    assert "| LIF | float32 | 0 of 120960 | 0.0e+00 |" in agreed.stdout
    # every second layer has a neuron with another threshold
    code += (
        "gpu.layer = lambda n, *a, **o: right(n.changed(threshold=n.params['threshold'] + next(count) % 2), *a, **o)\n"
    )
    apart = run(sys.executable, "-c", code.replace("'LIF', 'HHClassic'", "'LIF'") + "gpu.main()", cwd=tmp_path)
    assert apart.returncode == 1 and "fused and eager disagree in float32 for LIF" in apart.stderr, apart.stderr


@pytest.mark.slow
def test_cifar_at_full_size_is_tried_on_a_tiny_network(tmp_path: Path) -> None:
    words = [sys.executable, str(ROOT / "benchmarks" / "gpu_cifar.py"), "--device", "cpu", "--smoke", "--minutes", "1"]
    done = run(*words, "--out", "out", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "an epoch takes" in done.stdout and "| NeuroGraph | float32 |" in done.stdout
    assert "| cifar10-lif-qgate-convnet | 96.04 % |" in done.stdout
    assert {"smoke-images.csv", "smoke-images.md"} <= {f.name for f in (tmp_path / "out").iterdir()}
    missing = run(*words[:2], "--device", "gpu", cwd=tmp_path)
    assert missing.returncode == 1 and missing.stderr.startswith("error: device 'gpu'")
