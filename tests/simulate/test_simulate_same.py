"""One seed, one result: whatever the threads, the splits of a run and the windows, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import neurograph as ng

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])


@DTYPES
@pytest.mark.parametrize("plastic", [False, True])
def test_threads_change_nothing(dtype: str, plastic: bool, networks: Any) -> None:
    whole = networks.compiled(networks.mixed(plastic=plastic), dtype).run(80)
    assert all(c.sum() > 100 for c in whole.spike_counts().values())
    if plastic:
        assert np.std(whole.synapses("graded")[2]) > 0.1
    for threads in (2, 3):
        shared = networks.compiled(networks.mixed(plastic=plastic), dtype, threads=threads, share_above=0).run(80)
        assert shared.engine.workers == threads
        assert networks.differences(whole, shared) == []
        assert all(np.array_equal(x, y) for x, y in zip(whole.synapses("back"), shared.synapses("back"), strict=True))


@DTYPES
@pytest.mark.parametrize("threads", [1, 3])
def test_a_run_in_parts_is_the_run(dtype: str, threads: int, networks: Any) -> None:
    whole = networks.compiled(networks.mixed(), dtype).run(60)
    parts = networks.compiled(networks.mixed(), dtype, threads=threads, share_above=0)
    for steps in (1, 1, 2, 3, 37, 1, 64, 191, 7, 293):
        assert parts.run(steps * 0.1) is parts
    assert networks.differences(whole, parts) == []


@DTYPES
def test_windows_change_nothing(dtype: str, networks: Any) -> None:
    """A window is a detail: however short it is, and shorter than a delay."""
    whole = networks.compiled(networks.mixed(), dtype).run(40)
    for window in (1, 3, 64):
        short = networks.compiled(networks.mixed(), dtype)
        short.engine.window = window
        for unit in short.engine.units.values():
            if unit.lists is not None:
                unit.lists.window = window
        short.run(40)
        assert networks.differences(whole, short) == []


def test_other_seeds_give_other_spikes(networks: Any) -> None:
    one, other, again = (networks.compiled(networks.mixed(), seed=s).run(20) for s in (0, 1, 0))
    assert networks.differences(one, again) == []
    assert len(networks.differences(one, other)) > 5


def test_a_simulation_does_not_see_what_the_caller_does_with_its_arrays() -> None:
    rest, weights, start = np.full(4, 5.0), np.full(4, 2.0), np.zeros(4)
    graph = ng.Graph()
    cells = graph.population("cells", ng.LIF(v_rest=rest, threshold=100.0, v=start), 4)
    drive = graph.population("drive", ng.StepCurrent(amplitude=1.0), 4)
    graph.connect(drive, cells, weight=weights, delay=0.1)
    sim = ng.compile(graph, "numba", dt=0.1, dtype="float64").run(100)
    before = sim.get("cells.v")
    for array in (rest, weights, start):
        array[:] = 50.0
    assert np.allclose(sim.run(100).get("cells.v"), before) and np.all(sim.get("cells.v_rest") == 5.0)
    given = np.full(4, 7.0)
    sim.set("cells.v_rest", given)
    given[:] = 70.0
    assert np.allclose(sim.run(100).get("cells.v"), before + 2.0) and np.all(sim.get("cells.v_rest") == 7.0)
    sim.set("cells.v_rest", 9.5)
    assert np.all(rest == 50.0) and np.all(given == 70.0)  # nor does the caller see what the simulation does
    sim.get("cells.v")[:] = 1e9
    assert np.all(sim.get("cells.v") < 100.0)
