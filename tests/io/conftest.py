"""Random parts and graphs, and mutations of their files, for the tests of this folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

FOLDER = Path(__file__).parent


def module(name: str) -> ModuleType:
    """A module of this folder that is no test."""
    if f"neurograph_tests_io_{name}" not in sys.modules:
        spec = importlib.util.spec_from_file_location(f"neurograph_tests_io_{name}", FOLDER / f"{name}.py")
        assert spec is not None and spec.loader is not None
        made = importlib.util.module_from_spec(spec)
        sys.modules[spec.name] = made
        spec.loader.exec_module(made)
    return sys.modules[f"neurograph_tests_io_{name}"]


@pytest.fixture(scope="session")
def parts() -> ModuleType:
    """Random parts and graphs."""
    return module("parts")


@pytest.fixture(scope="session")
def reading() -> ModuleType:
    """Reading many files in a process of its own."""
    return module("reading")


@pytest.fixture(scope="session")
def mutate() -> ModuleType:
    """Mutations of files."""
    return module("mutate")
