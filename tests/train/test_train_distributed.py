"""Two processes on this machine: the same result as one with the joint batch, resume, failures, torchrun."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import nn

from neurograph import train

SCRIPT = Path(__file__).with_name("rank.py")


def free_port() -> str:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        return str(held.getsockname()[1])


def two(what: str, folder: Path) -> list[tuple[int, str]]:
    """Exit code and what was said, of two processes started as torchrun starts them."""
    common = {**os.environ, "OMP_NUM_THREADS": "1", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": free_port()}
    ran = [
        subprocess.Popen(
            [sys.executable, str(SCRIPT), what, str(folder)],
            env={**common, "RANK": str(rank), "WORLD_SIZE": "2"},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for rank in range(2)
    ]
    said = [process.communicate(timeout=120)[0] for process in ran]
    return [(process.returncode, text) for process, text in zip(ran, said, strict=True)]


def test_two_processes_are_one_with_the_joint_batch_and_resume(rank: ModuleType, tmp_path: Path) -> None:
    command = ["-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1"]
    command += ["--master-port", free_port(), str(SCRIPT), "equal", str(tmp_path)]
    ran = subprocess.run(
        [sys.executable, *command], env={**os.environ, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=120
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    assert all(f"rank {n}: equal" in ran.stdout for n in (0, 1))  # resumed within an epoch, in both
    for number, (name, case) in enumerate(rank.CASES.items()):
        expected = rank.trained(train.distributed.Context(), case, None)
        first, second = (torch.load(tmp_path / f"{number}-{n}.pt", weights_only=True) for n in (0, 1))
        assert all(torch.equal(first[key], second[key]) for key in expected), name
        close = {"rtol": 0, "atol": 1e-6 if case.get("dtype") == "float32" else 1e-12}
        for key, value in expected.items():  # running statistics are among them
            torch.testing.assert_close(first[key], value, **close, msg=lambda m, k=f"{name} {key}": f"{k}: {m}")


def test_what_stops_one_stops_all_with_its_message(tmp_path: Path) -> None:
    (first, there), (second, here) = two("fail", tmp_path)
    assert (first, second) == (3, 3)
    assert "DataError: batch 2 is damaged" in here
    assert "TrainingError: rank 0 stops, because another process did: rank 1: batch 2 is damaged" in there


def test_one_process_needs_no_torchrun(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    with train.distributed.context("cpu") as ranks:
        assert (ranks.rank, ranks.world, ranks.first, str(ranks.device)) == (0, 1, True, "cpu")
        assert ranks.total([1, 2.5]) == [1, 2.5] and train.distributed.current() is ranks
        model = nn.Linear(2, 2)
        assert ranks.wrapped(model) is model
    assert train.distributed.current() is not ranks


def test_half_an_environment_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    for name in ("MASTER_ADDR", "MASTER_PORT"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(train.TrainingError, match="MASTER_ADDR, MASTER_PORT is not set.*torchrun"):
        train.distributed.context("cpu")
    monkeypatch.setenv("RANK", "1")  # nobody listens
    monkeypatch.setenv("MASTER_ADDR", "127.0.0.1")
    monkeypatch.setenv("MASTER_PORT", free_port())
    with pytest.raises(train.TrainingError, match="did not find each other"):
        train.distributed.context("cpu", timeout_s=1)


def test_batches_of_another_world_are_refused(rank: ModuleType) -> None:
    loader: Any = rank.Parts(2, 0, torch.float32, True, 1)
    model = nn.Sequential(nn.Flatten(), nn.Linear(72, 3))
    with pytest.raises(train.TrainingError, match="makes batches for 2 processes, there are 1"):
        train.fit(model, loader, loader, epochs=1, optimizer=train.sgd(model, 8), progress=False)
