"""The program of a circuit: populations that drive each other, stepped by compiled kernels on the CPU."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.errors import BackendError, DataError
from neurograph.kernels import threads as pool
from neurograph.passes.build import build
from neurograph.simulate import named
from neurograph.simulate.checkpoint import identity_of, load_state, save_state
from neurograph.simulate.circuit import Circuit, circuit_of
from neurograph.simulate.engine import Engine
from neurograph.simulate.environment import Environment, answer_of
from neurograph.simulate.interrupt import Interrupt
from neurograph.simulate.pace import Pace
from neurograph.simulate.progress import Progress
from neurograph.simulate.records import RateRecord, Record, Stream, expose, record_of
from neurograph.simulate.report import memory_of, summary_of
from neurograph.synapses.synapse import Synapse
from neurograph.tape import Tape
from neurograph.view.shown import Shown

Array = np.ndarray[Any, Any]


def _a_number(values: Array) -> Array:
    return np.asarray(~np.isnan(values))


class Simulation(Shown):
    """A circuit ready to run. Its state stays in it: `run` goes on from where the last run ended.

    One seed gives the same spikes for any number of threads and however a run is split.
    """

    backend = "numba"

    def __init__(
        self,
        tape: Tape,
        *,
        dtype: str,
        seed: int,
        weights: Mapping[str, Any] | None = None,
        steps: int | None = None,
        check_numerics: bool = False,
        threads: int | None = None,
        share_above: int = 30_000,
        **options: Any,
    ):
        if options:
            raise BackendError(f"a circuit on backend 'numba' has no option {', '.join(options)}")
        if steps is not None or weights is not None:
            raise BackendError(
                "a circuit takes no steps= or weights=: run(duration) says how long, connect(weight=) which"
            )
        if dtype not in ("float32", "float64"):
            raise BackendError(f"backend 'numba' computes in float32 or float64, not {dtype!r}")
        if threads is not None and (type(threads) is not int or not 1 <= threads <= pool.MOST):
            raise BackendError(f"threads={threads!r}: a whole number from 1 to {pool.MOST}")
        if not isinstance(share_above, int | float):
            raise BackendError(f"share_above={share_above!r}: a number of neurons and arriving spikes")
        self.threads, self.share_above, self.check_numerics = threads or pool.count(), share_above, check_numerics
        before = time.perf_counter()
        self.declared = str(tape)
        self.circuit = self._circuit(tape, seed, dtype)
        self.build_seconds = time.perf_counter() - before
        self.tape, self.dt, self.seed, self.dtype = self.circuit.tape, tape.dt, seed, np.dtype(dtype)
        for probe in tape.probes:
            expose(probe, self.circuit)
        neurons = self.circuit.neurons
        window = max(64, min(4096, 40_000_000 // max(1, neurons)))
        self.engine = Engine(self.circuit, dtype, seed, self.threads, window)
        self.records: dict[str, Record] = {p.key: record_of(p, self.engine) for p in tape.probes}
        self.signals: dict[str, float] = {s: 0.0 for p in self.engine.plastic.values() for s in p.signals}
        self.interrupted = False
        self._stream: Stream | None = None
        self._fan_out: dict[str, float] = {}  # of a unit: synapses that one of its spikes goes through
        for plan in self.circuit.projections.values():
            made = plan.what.made
            self._fan_out[plan.source] = self._fan_out.get(plan.source, 0.0) + made.count / max(1, made.n_pre)
            if plan.follows:  # a plastic synapse costs more
                self._fan_out[plan.follows] = self._fan_out.get(plan.follows, 0.0) + 2.0 * made.count / max(
                    1, made.n_post
                )
        most = 1 if self.engine.instant else min(self.threads, self.engine.parts)
        self._pace = Pace(most, neurons, self.engine.period, share_above)

    def _circuit(self, tape: Tape, seed: int, dtype: str) -> Circuit:
        """The circuit with its synapses, split among threads only where several could ever be of use."""
        made = circuit_of(build(tape, seed, parts=self.threads, weight_dtype=dtype, by_name=False))
        # at 100 Hz every hundredth synapse is used in a step of 0.1 ms, which few circuits exceed
        most = (made.neurons + 0.01 * made.synapses) * made.period
        if self.threads > 1 and (made.instant or most < self.share_above):
            made = circuit_of(build(tape, seed, parts=1, weight_dtype=dtype, by_name=False))
        return made

    # running

    @property
    def step(self) -> int:
        """Steps taken so far."""
        return self.engine.step

    @property
    def time(self) -> float:
        """Time simulated so far, in the unit of dt."""
        return self.engine.step * self.dt

    def run(
        self,
        duration: float,
        *,
        progress: bool | None = None,
        environment: Environment | None = None,
        every: float | None = None,
        record_to: str | Path | None = None,
        save_to: str | Path | None = None,
        save_every: float | None = None,
    ) -> Simulation:
        """Simulate `duration` more, in the unit of dt (milliseconds by convention).

        progress: show a bar (None: on runs of more than a few seconds at a terminal). environment: a closed
        loop, stepped after each `every`. record_to: stream what is probed to an HDF5 file instead of keeping it.
        save_to: write a checkpoint when the run ends, and after each `save_every`, to go on from after a crash.
        Ctrl-C ends the run after the present window (in a closed loop, the environment's step); `interrupted` then
        is True, and nothing recorded is lost. Raises DataError where a state has become NaN: what was recorded is kept.
        """
        steps = self._steps(duration, "run")
        stride = steps if environment is None else self._steps(self.dt if every is None else every, "every")
        if save_every is not None and save_to is None:
            raise DataError("save_every= says how often; save_to= where: give both")
        saving = steps if save_every is None else self._steps(save_every, "save_every")
        if record_to is not None:
            file = Path(record_to).resolve()
            if any(file in r.pieces for r in self.records.values()):
                raise DataError(f"record_to={str(record_to)!r} holds what an earlier run recorded; choose another file")
            sizes = {n: math.prod(shape) for n, shape in self.populations.items()}
            self._stream = Stream(file, self.records, self.dt, sizes)
            for record in self.records.values():
                record.pieces.append(file)
        self.interrupted = False
        bar, stop = Progress(steps, self.dt, progress), Interrupt()
        end, counts = self.step + steps, self.spike_counts()
        with stop:
            try:
                meeting, saved = self.step + stride, self.step + saving
                while self.step < end:
                    goal = min(end, meeting, saved)
                    while self.step < goal and not (stop.asked and environment is None):
                        self._window(goal)
                        bar.show(steps - (end - self.step))
                    if environment is not None and self.step in (meeting, end):
                        stop.patient = False
                        counts = self._interact(environment, counts)
                        stop.patient = True
                        meeting = self.step + stride
                    if save_to is not None and self.step == saved < end:
                        self.save(save_to)
                        saved += saving
                    if stop.asked and (environment is None or self.step == meeting - stride):
                        break
            except KeyboardInterrupt:  # the second one, or a handler of the caller's
                stop.asked = True
            finally:
                stop.patient = True
                bar.close()
                if self._stream is not None:
                    self._stream.close()
                    self._stream = None
            if save_to is not None:
                self.save(save_to)
        if stop.asked:
            self.interrupted = True
            print(f"stopped at {self.time:g} of {end * self.dt:g}; what was recorded is kept", file=sys.stderr)
        self._check(
            _a_number, f"{{}} holds NaN at {{:g}}: the integration has blown up. Compile with a smaller dt than {self.dt:g}, or "
            "look at weights and currents; check_numerics=True stops where it begins"
        )  # fmt: skip
        return self

    def _steps(self, duration: float, what: str) -> int:
        if isinstance(duration, bool) or not isinstance(duration, Real) or not math.isfinite(duration):
            raise DataError(f"{what}({duration!r}): a duration is a number in the unit of dt")
        steps = round(duration / self.dt)
        if steps < 1:
            raise DataError(f"{what}({duration:g}): less than one step of dt={self.dt:g}")
        return steps

    def _window(self, goal: int) -> None:
        engine = self.engine
        workers, steps = self._pace.next()
        engine.use_workers(workers)
        start, before = engine.step, time.perf_counter()
        taken = engine.advance(min(goal, start + steps))
        assert taken, "every list has room for a period, and a goal lies ahead"
        spent = time.perf_counter() - before
        problem = self._drain(start, engine.step)
        self._pace.took(spent, taken, self._arrivals(start, engine.step) / taken)
        for record in self.records.values():
            record.restart(engine.step)
        engine.restart()
        if problem is not None:
            raise problem
        if self.check_numerics:
            self._check(np.isfinite, "check_numerics: {} holds NaN or infinity at {:g}; use a smaller dt")

    def _arrivals(self, start: int, stop: int) -> float:
        """About how many synapses spikes went through."""
        total = 0.0
        for name, each in self._fan_out.items():
            lists = self.engine.units[name].lists
            assert lists is not None
            total += each * lists.total(start, stop)
        return total

    def _drain(self, start: int, stop: int) -> DataError | None:
        """Hand on what was recorded; an error where the file cannot grow, and then nothing is lost either."""
        parts = {key: record.fetch(start, stop) for key, record in self.records.items()}
        problem = None
        if self._stream is not None:
            try:
                self._stream.append(parts)
                return None
            except OSError as error:
                problem = DataError(
                    f"recording to {self._stream.path} failed at {stop * self.dt:g}: {error}. The file holds what was "
                    f"recorded up to {start * self.dt:g}; the rest is kept in memory, and the run can go on from here"
                )
        for key, record in self.records.items():
            record.pieces.append(parts[key])
        return problem

    def _check(self, good: Callable[[Array], Array], message: str) -> None:
        for name, unit in self.engine.units.items():
            for variable, values in (*unit.states.items(), *unit.dense.items()):
                if not np.all(good(values)):
                    raise DataError(message.format(f"{name}.{variable}", self.time))

    def _interact(self, environment: Environment, before: dict[str, Array]) -> dict[str, Array]:
        now = self.spike_counts()
        inputs, signals = answer_of(environment, {n: now[n] - before[n] for n in now})
        for name, value in inputs.items():
            self.set(name, value)
        for name, value in signals.items():
            self.signal(name, value)
        return now

    # looking

    def spike_counts(self) -> dict[str, Array]:
        """How often each neuron of each population has fired, since the beginning.

        A source of more than single spikes (Poisson counts) is there where a rule connects it or it is probed.
        """
        return {n: u.tally.copy() for n, u in self.engine.units.items() if u.plan.events == "spike"}

    def rate(self, population: str, since: float = 0.0) -> float:
        """Mean rate of a population since the beginning, or (where its spikes are probed) a later time, in Hz where dt
        is in ms."""
        counts = self.spike_counts()
        if population not in counts:
            raise DataError(f"no spiking population {population!r}; there are {', '.join(counts)}")
        spikes = int(counts[population].sum()) if not since else int((self.spikes(population)[0] >= since).sum())
        return spikes / counts[population].size / max(self.time - since, self.dt) * 1000.0

    @property
    def populations(self) -> dict[str, tuple[int, ...]]:
        """The shape of each population."""
        return {n: u.plan.shape for n, u in self.engine.units.items() if not isinstance(u.plan.neuron, Synapse)}

    def spikes(self, population: str) -> tuple[Array, Array]:
        """Times and neurons of the spikes recorded of a population (probe its "spike")."""
        steps, neurons = self._recorded(f"{population}.spike")
        return steps * self.dt, neurons

    def trace(self, population: str, variable: str) -> tuple[Array, Array]:
        """Times and values [samples, neurons] of a probed variable, each as it is after its step.

        The weights of a plastic projection, `trace("projection", "w")`, are those that the step used; the mean
        "rate" of a population is in Hz where dt is in ms, and its times are the beginnings of its bins.
        """
        key = f"{population}.{variable}"
        steps, values = self._recorded(key)
        return (steps if isinstance(self.records[key], RateRecord) else steps + 1) * self.dt, values

    def _recorded(self, key: str) -> tuple[Array, Array]:
        if key not in self.records:
            name, _, variable = key.rpartition(".")
            raise DataError(f"{key!r} is not recorded; declare graph.probe({name!r}, {variable!r}) before compiling")
        return self.records[key].result()

    def forget(self) -> None:
        """Drop what was recorded so far, as before a new trial; the state, counts of spikes and files stay."""
        for record in self.records.values():
            record.pieces.clear()

    def synapses(self, projection: str) -> tuple[Array, Array, Array, Array]:
        """Source, target, present weight and delay (steps) of each synapse of a projection."""
        name = self._projection(projection)
        plan = self.circuit.projections[name]
        return replace(plan.what.made, weight=self.engine.weight_of(plan)).coo()

    def _projection(self, name: str) -> str:
        found = [n for n in self.circuit.projections if name in (n, n.rpartition(".")[0])]
        if not found:
            known = ", ".join(n.rpartition(".")[0] for n in self.circuit.projections)
            raise DataError(f"no projection {name!r} with a connectivity rule; there are {known or 'none'}")
        return found[0]

    def memory(self) -> dict[str, float]:
        """Bytes of synapses, per synapse, of states and of lists."""
        return memory_of(self)

    def source(self, population: str) -> str:
        """The generated kernel of a population."""
        if population not in self.engine.units:
            raise BackendError(f"no population {population!r}; there are {', '.join(self.engine.units)}")
        return self.engine.units[population].source().text

    def summary(self) -> str:
        """Units and projections as the simulator runs them."""
        return summary_of(self)

    def __str__(self) -> str:
        return self.summary()

    # changing

    def get(self, name: str) -> Any:
        """A parameter ("exc.tau_m"), a state ("exc.v"), the weights of a projection ("exc_to_inh.weight", in the order of
        `synapses`), or a parameter or trace of its plasticity rule ("projection.a_plus", "projection.x")."""
        return named.read(self.engine, name)

    def set(self, name: str, value: Any) -> None:
        """Change a parameter, a state or weights between runs, by the names of `get`; weights are one number or one each."""
        named.write(self.engine, name, value)

    def signal(self, name: str, value: float) -> None:
        """Set a scalar that plasticity rules follow (a reward)."""
        if name not in self.signals:
            raise DataError(f"no plasticity rule follows a signal {name!r}; known: {', '.join(self.signals) or 'none'}")
        if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
            raise DataError(f"signal({name!r}, {value!r}): a signal is a finite number")
        self.signals[name] = float(value)
        for plastic in self.engine.plastic.values():
            if name in plastic.signals:
                plastic.signals[name] = float(value)
                plastic.refresh()

    # keeping

    def save(self, path: str | Path) -> None:
        """Write the whole state (HDF5): `load` continues from it to the last bit. Recordings stay here."""
        save_state(self, path)

    @cached_property
    def identity(self) -> str:
        """What a checkpoint is recognised by: equal for the same network, seed, dt and dtype."""
        return identity_of(self)

    def load(self, path: str | Path) -> None:
        """Take the state that `save` wrote for the same network, seed, dt and dtype, whatever the threads.

        What was recorded is kept, and what follows is added to it; `forget` begins anew.
        """
        load_state(self, path)
