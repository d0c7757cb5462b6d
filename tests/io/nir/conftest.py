"""Small NIR graphs and ways to run them."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng

nir = pytest.importorskip("nir")

_spec = importlib.util.spec_from_file_location("nir_stepper", Path(__file__).with_name("stepper.py"))
assert _spec is not None and _spec.loader is not None
stepper = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(stepper)


def run_graph(
    graph: ng.Graph, x: np.ndarray, backend: str = "reference", dtype: str = "float64", dt: float = 1.0
) -> np.ndarray:
    """All steps of the only output, for an input [T, *shape]."""
    outputs, _ = ng.compile(graph, backend, dt=dt, dtype=dtype).run(np.asarray(x)[:, None].astype(dtype))
    y = next(iter(outputs.values()))
    return np.asarray(y.detach() if hasattr(y, "detach") else y)[:, 0]


@pytest.fixture(scope="session")
def oracle() -> Callable[..., dict[str, np.ndarray]]:
    return stepper.run  # type: ignore[no-any-return]


@pytest.fixture(scope="session")
def run() -> Callable[..., np.ndarray]:
    return run_graph


@pytest.fixture(scope="session")
def line() -> Callable[..., Any]:
    """A chain of nodes between an Input of the shape and an Output."""

    def make(shape: tuple[int, ...], **nodes: Any) -> Any:
        names = ["input", *nodes, "output"]
        ends = {"input": nir.Input(np.array(shape)), "output": nir.Output(np.array([1]))}
        return nir.NIRGraph({**ends, **nodes}, list(zip(names[:-1], names[1:], strict=True)), type_check=False)

    return make
