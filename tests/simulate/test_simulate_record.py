"""What is recorded: chosen neurons and steps, in memory or in a file that others read while it grows."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import neurograph as ng


def same(a: tuple[np.ndarray, np.ndarray], b: tuple[np.ndarray, np.ndarray]) -> bool:
    return all(x.dtype == y.dtype and np.array_equal(x, y) for x, y in zip(a, b, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_file_holds_what_memory_holds(dtype: str, networks: Any, tmp_path: Path) -> None:
    memory = networks.compiled(networks.mixed(), dtype).run(60)
    streamed = networks.compiled(networks.mixed(), dtype, threads=3, share_above=0).run(60, record_to=tmp_path / "r.h5")
    assert len(memory.records) == 4
    for key, record in memory.records.items():
        assert len(record.result()[0]) > 50
        assert same(record.result(), ng.read_record(tmp_path / "r.h5", key))
    assert networks.differences(memory, streamed) == []  # the file's part is found again
    memory.run(5), streamed.run(5)
    memory.run(5), streamed.run(5, record_to=tmp_path / "s.h5")
    assert networks.differences(memory, streamed) == []
    before = (tmp_path / "r.h5").read_bytes()
    with pytest.raises(ng.DataError, match=r"r\.h5' holds what an earlier run recorded; choose another file"):
        streamed.run(5, record_to=tmp_path / "r.h5")
    assert (tmp_path / "r.h5").read_bytes() == before and streamed.step == 700
    with pytest.raises(ng.DataError, match=r"r\.h5: no record of 'exc\.u' can be read"):
        ng.read_record(tmp_path / "r.h5", "exc.u")
    with pytest.raises(ng.DataError, match=r"none\.h5: no record of"):
        ng.read_record(tmp_path / "none.h5", "exc.v")


def test_chosen_neurons_and_steps(networks: Any) -> None:
    def probed(**options: Any) -> Any:
        graph = networks.plain(100)
        graph.probe("cells", "v", **options)
        return networks.compiled(graph)

    times, everything = probed().run(50).trace("cells", "v")
    assert everything.shape == (500, 100) and np.allclose(times, np.arange(1, 501) * 0.1)
    for chosen in ([3], [99, 0, 64, 63], [5, 5, 2], list(range(100))):
        for every in (1, 7, 64, 1000):
            for threads in (1, 2):
                sim = probed(neurons=chosen, every=every)
                assert sim.run(50).threads == 1 or threads
                steps, values = sim.records["cells.v"].result()
                assert np.array_equal(steps, np.arange(0, 500, every))
                assert np.array_equal(values, everything[::every][:, chosen])
    parts = probed(neurons=[99, 1], every=7)
    for steps in (1, 5, 1, 1, 6, 3, 13, 470):
        parts.run(steps * 0.1)
    assert np.array_equal(parts.trace("cells", "v")[1], everything[::7][:, [99, 1]])
    assert np.allclose(parts.trace("cells", "v")[0], times[::7])


def test_outputs_states_and_margins_can_be_probed(networks: Any) -> None:
    graph = ng.Graph()
    cells = graph.population("cells", ng.LIF(v_rest=1.5), (2, 3))
    graph.population("readout", ng.LeakyIntegrator(tau=5.0), (2, 3))
    graph.connect(cells, "readout", weight=2.0)
    graph.connect(graph.population("source", ng.Poisson(rate=2000.0, weight=3.0), 6), graph.population("s", ng.IF(), 6))
    graph.probe(cells, "spike", "v", "margin")
    graph.probe("readout")
    graph.probe("source")
    sim = networks.compiled(graph).run(20)
    reference = ng.compile(graph, "reference", dt=0.1, dtype="float64", seed=3)
    reference.run({}, 200)
    for key in ("cells.v", "cells.margin", "readout.v"):
        _, values = sim.trace(*key.split("."))
        assert np.array_equal(values, reference.recordings[key].array().reshape(200, 6)), key
    times, neurons = sim.spikes("source")
    counts = reference.recordings["source.spike"].array()[:, 0]
    assert np.array_equal(np.argwhere(counts), np.stack([np.round(times / 0.1), neurons], 1))


def test_what_is_not_recorded_is_named(networks: Any) -> None:
    sim = networks.compiled(networks.plain(20)).run(1)
    with pytest.raises(ng.DataError, match=r"'cells\.u' is not recorded; declare graph\.probe\('cells', 'u'\)"):
        sim.trace("cells", "u")
    with pytest.raises(ng.DataError, match=r"no spiking population 'x'; there are cells"):
        sim.rate("x")
    assert sim.rate("cells") == pytest.approx(sim.spike_counts()["cells"].mean() * 1000)


@pytest.mark.parametrize("wrong", [-1, 20, 1000])
def test_a_probe_of_a_neuron_that_is_not_there(wrong: int, networks: Any) -> None:
    graph = networks.plain(20)
    graph.probe("cells", "v", neurons=[3, wrong])
    with pytest.raises(ng.GraphError, match=rf"probe of 'cells\.v' \(.*\.py:\d+\): neuron {wrong}, but there are 20"):
        networks.compiled(graph)


def test_a_probe_of_no_neuron(networks: Any) -> None:
    graph = networks.plain(20)
    graph.probe("cells", "v", neurons=[])
    with pytest.raises(ng.GraphError, match="chooses none"):
        networks.compiled(graph)


def test_where_nothing_can_be_recorded(networks: Any, tmp_path: Path) -> None:
    sim = networks.compiled(networks.plain(20)).run(1)
    for path in (tmp_path / "no" / "x.h5", tmp_path, Path("/dev/full")):
        with pytest.raises(ng.DataError, match=r"recording to .*Nothing was run; choose another file"):
            sim.run(1, record_to=path)
    assert sim.step == 10 and len(sim.trace("cells", "v")[0]) == 10
    sim.run(1)
    assert sim.step == 20 and len(sim.trace("cells", "v")[0]) == 20


ENDLESS = """
import sys
from networks import compiled, mixed
sim = compiled(mixed(), sys.argv[1])
print("go", flush=True)
sim.run(1e7, record_to="r.h5")
"""


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float64"])
def test_a_record_is_read_while_it_grows_and_after_a_kill(
    dtype: str, start: Callable[..., subprocess.Popen[str]], networks: Any, tmp_path: Path
) -> None:
    process = start(ENDLESS, dtype)
    assert process.stdout is not None and process.stdout.readline() == "go\n"
    reads, seen, deadline = 0, 0, time.monotonic() + 60
    whole = networks.compiled(networks.mixed(), dtype).run(100)
    steps, values = whole.records["exc.v"].result()
    while (reads < 30 or seen < 1000) and time.monotonic() < deadline:
        try:
            at, found = ng.read_record(tmp_path / "r.h5", "exc.v")
        except ng.DataError:
            assert seen == 0, "a record that could be read can no longer be"
            continue
        assert len(at) == len(found) >= seen and np.array_equal(at, np.arange(len(at)))
        reads, seen, count = reads + 1, len(at), min(len(at), 1000)
        assert np.array_equal(found[:count], values[:count])
    assert seen >= 1000 and process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.wait()
    for key, record in whole.records.items():
        at, found = ng.read_record(tmp_path / "r.h5", key)
        steps, values = record.result()
        assert len(at) == len(found) >= len(steps) and np.all(np.diff(at) >= 0)
        assert np.array_equal(at[: len(steps)], steps) and np.array_equal(found[: len(steps)], values)


FULL = """
import resource, signal, sys
import neurograph as ng
from networks import compiled, mixed
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
sim, limit = compiled(mixed(), threads=2, share_above=0), int(sys.argv[1])
sim.run(1)  # compiled kernels are kept on disk too
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    sim.run(999, record_to="r.h5")
    print("whole")
except ng.DataError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(sim.step)
whole = compiled(mixed()).run(1000)
if sim.step < 10_000:
    sim.run(1000 - sim.step * 0.1)
for key, record in whole.records.items():
    streamed = len(ng.read_record("r.h5", key)[0]) if limit > 1e6 else 0
    equal = all((a == b).all() for a, b in zip(sim.records[key].result(), record.result(), strict=True))
    print(key, streamed, equal)
"""


@pytest.mark.slow
@pytest.mark.parametrize("megabytes", [0.01, 5, 12])
def test_a_full_disk_loses_nothing_and_the_run_goes_on(megabytes: float, finish: Callable[..., list[str]]) -> None:
    message, step, *records = finish(FULL, int(megabytes * 1e6))
    assert message.startswith("recording to ") and "r.h5" in message and "File too large" in message
    assert "the run can go on from here" in message or "Nothing was run" in message
    assert (int(step) == 10) == ("Nothing was run" in message)
    assert len(records) == 4 and all(r.endswith("True") for r in records), records
    if megabytes > 10:
        assert all(int(r.split()[1]) > 0 for r in records)


def test_numbers_that_are_no_numbers_are_found(networks: Any) -> None:
    graph = ng.Graph()
    graph.population("cells", ng.PscDeltaLIF(v=-70.0), 3)
    sim = networks.compiled(graph, check_numerics=True).run(5)
    sim.engine.units["cells"].states["v"][1] = np.nan
    with pytest.raises(ng.DataError, match=r"check_numerics: cells\.v holds NaN or infinity at .*smaller dt"):
        sim.run(5)
    sim.set("cells.v", -65.0)
    assert sim.run(1).step >= 60


def test_trials_from_one_state(networks: Any, tmp_path: Path) -> None:
    """What is recorded after forget() is that of a simulation which recorded nothing before."""
    sim, trial = networks.compiled(networks.mixed()).run(5), networks.compiled(networks.mixed())
    sim.save(tmp_path / "start.h5")
    trial.load(tmp_path / "start.h5")
    trial.run(7)
    for _ in range(2):
        sim.run(3)
        sim.load(tmp_path / "start.h5")
        sim.forget()
        assert all(len(part) == 0 for r in sim.records.values() for part in r.result())
        sim.run(7)
        assert networks.differences(sim, trial) == [] and len(sim.spikes("exc")[0]) > 0
