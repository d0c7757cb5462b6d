"""The command line in this process, in a folder of its own, and the small files that its commands read."""

from __future__ import annotations

import gzip
import json
import shlex
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from neurograph.cli.group import neurograph
from neurograph.data import dataset

MINE = '''"""A model of the user's own."""

import neurograph as ng


def make(hidden: int = 20) -> ng.Graph:
    graph = ng.Graph("mine")
    image = graph.input("image", (1, 8, 8))
    layer = graph.population("layer", ng.LIF())
    graph.connect(image, layer, ng.Flatten(), ng.Dense(hidden))
    graph.connect(layer, graph.output("logits"), ng.Dense(10))
    return graph


def trained() -> "torch.nn.Module":
    import torch

    torch.manual_seed(0)
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 20), torch.nn.ReLU(), torch.nn.Linear(20, 10))


def fails() -> ng.Graph:
    raise ValueError("mine")


def wrong() -> int:
    return 3


ready = make()
'''


@dataclass
class Done:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Cli = Callable[..., Done]


def words_of(line: str) -> list[str]:
    """The words after `neurograph` of a line as it is typed in a shell."""
    name, *words = shlex.split(line, comments=True)
    assert name == "neurograph", line
    return words


@pytest.fixture
def cli(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cli]:
    """Runs a line as it is typed; the exit code has to be the one expected (default 0)."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delenv("NEUROGRAPH_DATA", raising=False)
    # what is made of data sets stays in this folder; compiled kernels are shared by all tests
    for place in ("neurograph.data.frame_cache", "neurograph.data.registry", "neurograph.data"):
        monkeypatch.setattr(f"{place}.cache_folder", lambda: tmp_path / "cache" / "data")
    # threads of several test processes wait for each other's cores; --threads changes both settings
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    threads = torch.get_num_threads()
    torch.set_num_threads(1)

    def run(line: str, code: int = 0) -> Done:
        result = CliRunner().invoke(neurograph, words_of(line), prog_name="neurograph")
        done = Done(result.exit_code, result.stdout, result.stderr)
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        assert done.code == code, f"{line}: ended with {done.code}\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err, done.err
        return done

    yield run
    torch.set_num_threads(threads)


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """my_net.py in the folder of the test."""
    path = tmp_path / "my_net.py"
    path.write_text(MINE)
    return path


@pytest.fixture
def tiny_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A few images laid out as MNIST and CIFAR-10 are, and recordings as N-MNIST's, in NEUROGRAPH_DATA."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(1)
    (folder / "MNIST" / "raw").mkdir(parents=True)
    for stem in ("train", "t10k"):
        for part, values in (("images-idx3", rng.integers(0, 256, (40, 28, 28))), ("labels-idx1", np.arange(40) % 10)):
            head = bytes((0, 0, 8, values.ndim)) + struct.pack(f">{values.ndim}I", *values.shape)
            data = gzip.compress(head + values.astype(np.uint8).tobytes(), 1)
            (folder / "MNIST" / "raw" / f"{stem}-{part}-ubyte.gz").write_bytes(data)
    cifar = folder / "cifar-10-batches-bin"
    cifar.mkdir()
    for name in (*(f"data_batch_{n}.bin" for n in range(1, 6)), "test_batch.bin"):
        records = rng.integers(0, 256, (30, 3073), dtype=np.uint8)
        records[:, 0] %= 10
        (cifar / name).write_bytes(records.tobytes())
    (folder / "nmnist").mkdir()
    dataset("nmnist").write_example(folder / "nmnist", 10, rng)
    monkeypatch.setenv("NEUROGRAPH_DATA", str(folder))
    return folder
