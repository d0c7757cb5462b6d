"""What a run adds to a page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import neurograph as ng
from neurograph import models
from neurograph.view import Overlay, overlay_of, to_html
from neurograph.view.overlay import MOST_SPIKES, PER_STEP, Raster, line_text, overlay_data

Nets = dict[str, Callable[..., ng.Graph]]


def inputs() -> dict[str, Any]:
    rng = np.random.default_rng(0)
    return {"image": rng.random((2, 1, 6, 6), np.float32), "context": rng.random((2, 5), np.float32) * 3}


@pytest.mark.parametrize("backend", ["torch", "numba", "reference"])
def test_a_profile_times_each_instruction_and_sees_all_spikes(nets: Nets, backend: str) -> None:
    graph = nets["mcn"]()
    graph.probe("encoder.lif", "spike")
    program = ng.compile(graph, backend, dtype="float64")
    x = {n: a.astype(float) for n, a in inputs().items()}
    found = overlay_of(program, x if backend != "torch" else _tensors(x), 6)
    lines = {line_text(i) for i in program.tape.walk() if not i.late}
    assert set(found.time) == lines and all(s >= 0 for s in found.time.values())
    assert set(found.rate) == {"encoder.lif", "memory.mcn", "pyramid.cell"}
    program.eval() if backend == "torch" else None
    program.run(x if backend != "torch" else _tensors(x), 6)
    recorded = overlay_of(program)
    assert recorded.rate["encoder.lif"] == pytest.approx(found.rate["encoder.lif"]) and recorded.rate_unit == PER_STEP
    assert np.array_equal(recorded.raster["encoder.lif"].times, found.raster["encoder.lif"].times)


def _tensors(x: dict[str, Any]) -> dict[str, Any]:
    import torch

    return {n: torch.tensor(a) for n, a in x.items()}


def test_a_simulation_gives_rates_and_rasters() -> None:
    graph = models.recipe("cuba")(200)
    graph.probe("exc", "spike")
    simulation = ng.compile(graph, "numba", dt=0.1)
    simulation.run(50.0)
    found = overlay_of(simulation)
    assert found.rate_unit == "Hz" and set(found.rate) == {"exc", "inh"} and set(found.raster) == {"exc"}
    assert found.rate["exc"] == simulation.rate("exc")
    assert "cuba" in to_html(simulation, overlay=found)


def test_times_by_text_name_and_index(nets: Nets) -> None:
    tape = ng.compile(nets["mcn"](), "numba").tape
    walk = list(tape.walk())
    k = next(k for k, i in enumerate(walk) if i.op == "neuron" and i.name == "encoder.lif")
    elements = {"encoder.lif": "encoder.lif", "memory.mcn": "memory.mcn"}
    data = overlay_data({"time": {k: 0.5, walk[k].text: 0.25, "memory.mcn": 1.0}}, tape, elements)
    assert data is not None and dict(data["time"]) == {"encoder.lif": 0.75, "memory.mcn": 1.0}
    assert dict(data["lines"]) == {walk[k].text: 0.75}


def test_what_an_overlay_cannot_say(nets: Nets) -> None:
    graph = nets["mcn"]()
    for overlay, message in [
        ({"rates": {}}, "overlay= has no 'rates'; it takes rate"),
        ({"rate": {"nobody": 1.0}}, "'nobody', which the graph does not have"),
        ({"rate": {"encoder.lif": float("nan")}}, "give a finite number"),
        ({"time": {"%nothing = add": 1.0}}, "an instruction's text, its name or its index"),
        ({"raster": {"encoder.lif": Raster([1.0, 2.0], [0], 3)}}, "2 times and 1 neurons"),
        (7, "give an Overlay, a dict"),
    ]:
        with pytest.raises(ng.DataError, match=message):
            to_html(graph, overlay=overlay)
    with pytest.raises(ng.DataError, match="recorded no spikes"):
        overlay_of(ng.compile(graph, "numba"))
    with pytest.raises(ng.DataError, match="give a program that has run"):
        overlay_of(3)


def test_thumbnails_are_limited() -> None:
    rng = np.random.default_rng(0)
    raster = Raster(rng.random(50_000) * 100, rng.integers(0, 10_000, 50_000), 10_000, 0.0, 100.0)
    data = overlay_data(Overlay(raster={"a": raster, "b": ([1.0, 2.0], [0, 4])}), None, {"a": "a", "b": "b"})
    assert data is not None
    (_, a), (_, b) = data["raster"]
    assert len(a["x"]) <= MOST_SPIKES and a["spikes"] == 50_000 and max(a["y"]) < a["rows"] <= 200
    assert b["size"] == 5 and b["spikes"] == 2
