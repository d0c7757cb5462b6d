"""The documents say what is: their examples are run as they stand."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import neurograph as ng

ROOT = Path(__file__).resolve().parent.parent


def python_blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / name).read_text(), re.S)


def test_readme_example_runs(tmp_path: Path) -> None:
    code, files, images, conversion, circuit = python_blocks("README.md")
    assert len([line for line in code.splitlines() if line.strip()]) <= 16
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "numba program" in done.stdout and "%hidden.spike = neuron LIF()" in done.stdout
    done = subprocess.run([sys.executable, "-W", "error", "-c", files], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "channels: 32 -> 64" in done.stdout and (tmp_path / "network.html").stat().st_size > 100_000
    done = subprocess.run([sys.executable, "-W", "error", "-c", images], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Epoch 0: train loss" in done.stdout
    done = subprocess.run([sys.executable, "-c", conversion], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "McNemar" in done.stdout and "SynOps" in done.stdout
    done = subprocess.run([sys.executable, "-W", "error", "-c", circuit], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "synapses at" in done.stdout and {"half.h5", "second.h5"} <= {f.name for f in tmp_path.iterdir()}


@pytest.mark.parametrize("block", range(6))
def test_the_guide_to_circuits_runs(block: int, tmp_path: Path) -> None:
    """docs/circuits.md, each block by itself, without a warning."""
    blocks = python_blocks("docs/circuits.md")
    assert len(blocks) == 6
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", blocks[block]], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_contributing_neuron_trains_and_simulates() -> None:
    (code,) = python_blocks("CONTRIBUTING.md")
    space: dict[str, type[ng.Neuron]] = {}
    exec(code, space)
    graph = ng.Graph("contributed")
    x = graph.input("x", 6)
    hidden = graph.population("hidden", space["AdaptiveLIF"](jump=ng.learnable(0.2)))
    graph.connect(x, hidden, ng.Dense(20))
    graph.connect(hidden, graph.output("y"), ng.Dense(2))
    graph.probe(hidden)
    torch.manual_seed(0)
    inputs, labels = torch.randn(12, 40, 6) + 1.0, torch.arange(40) % 2
    inputs[:, labels == 1] *= -1.0
    model = ng.compile(graph)
    optimizer = torch.optim.Adam(model.parameters(), 0.02)
    losses = []
    for _ in range(15):
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(model(inputs), labels)
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
    assert model.get_parameter("hidden.jump").grad.abs() > 0
    model(inputs)
    spikes = model.recordings["hidden.spike"].array()
    assert spikes.sum() > 0
    for backend in ("numba", "reference"):
        program = ng.compile(graph, backend, dtype="float32", weights=model)
        program.run(inputs)
        np.testing.assert_array_equal(program.recordings["hidden.spike"].array(), spikes)


@pytest.mark.parametrize("name", ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"])
def test_files_that_documents_name_exist(name: str) -> None:
    text = (ROOT / name).read_text()
    paths = set(re.findall(r"`((?:[\w.]+/)+[\w.]*|\w+\.(?:py|md|cfg))`", text)) | set(
        re.findall(r"\]\(([\w./]+)\)", text)
    )
    paths = {p for p in paths if not p.startswith(("runs/", "neurograph/nodes/adaptive"))}
    known = [ROOT, ROOT / "neurograph"]
    missing = {p for p in paths if not any((base / p).exists() for base in known)} - {"utils.py", "summary.csv"}
    assert paths and not missing, missing
