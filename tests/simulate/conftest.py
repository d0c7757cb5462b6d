"""Circuits, and processes that run them."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

FOLDER = Path(__file__).parent


def _module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("networks", FOLDER / "networks.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="session")
def networks() -> ModuleType:
    return _module()


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Start a Python process in an empty folder that can import `networks`; it is ended with the test."""
    environment = {**os.environ, "PYTHONPATH": str(FOLDER)}
    processes: list[subprocess.Popen[str]] = []

    def go(script: str, *arguments: Any) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [sys.executable, "-c", script, *map(str, arguments)], cwd=tmp_path, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        return process

    yield go
    for process in processes:
        process.kill()
        process.communicate()


@pytest.fixture
def finish(start: Callable[..., subprocess.Popen[str]]) -> Callable[..., list[str]]:
    """Run a script to its end; the lines it prints."""

    def go(script: str, *arguments: Any) -> list[str]:
        process = start(script, *arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err[-3000:]
        return out.splitlines()

    return go
