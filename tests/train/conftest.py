"""What several test files of training use."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest


def module(name: str) -> ModuleType:
    """A file beside this one, as a module."""
    spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


@pytest.fixture(scope="session")
def small_run() -> ModuleType:
    """small_run.py: a run of seconds."""
    return module("small_run")


@pytest.fixture(scope="session")
def rank() -> ModuleType:
    """rank.py: one process of two."""
    return module("rank")
