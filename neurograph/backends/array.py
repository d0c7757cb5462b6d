"""A tape on NumPy arrays: what the reference and the numba backend share."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from neurograph.backends.checks import State, checked_inputs, checked_state, checked_steps, named_inputs
from neurograph.backends.execute import Execution, answers
from neurograph.backends.weights import initial_states, initial_weights
from neurograph.errors import BackendError, DataError
from neurograph.expr.expand import expand
from neurograph.expr.interpret import interpret
from neurograph.expr.value import Value
from neurograph.given import given_values
from neurograph.kernels.scan import Scan, power_of_two, scan_of
from neurograph.monitor import Recorder, Recording
from neurograph.projections.operator import Run
from neurograph.spec import Learnable, Neuron, Shape
from neurograph.tape import Instr, Tape
from neurograph.view.shown import Shown

Array = np.ndarray[Any, Any]


class Unit:
    """One population made ready: its scan, its parameters as arrays, and the uniforms they give."""

    def __init__(self, instr: Instr, tape: Tape, weights: Mapping[str, Array], dtype: str, seed: int):
        neuron: Neuron = instr.what
        self.name, self.shape = instr.name, tape.slots[instr.outs[0]].shape
        shapes = neuron.check_shapes(self.shape, instr.name)
        self.params: dict[str, Array] = {}
        for key, value in neuron.params.items():
            learnt = isinstance(value, Learnable)
            array = weights[f"{self.name}.{key}"] if learnt else np.asarray(value, np.float64)
            self.params[key] = np.asarray(array.reshape(shapes[key]) if array.size > 1 else array, dtype)
        exact = frozenset(k for k, v in neuron.params.items() if power_of_two(v))
        self.step = neuron.trace(tape.dt, instr.ports)
        self.scan: Scan = scan_of(self.step, reciprocal=exact)
        starts = initial_states(neuron, self.name, self.shape, seed)
        self.initial = {n: self.params[i] if isinstance(i, str) else i for n, i in starts.items()}
        self.dtype = np.dtype(dtype)
        self._folded = {k: _folded(v) for k, v in neuron.params.items()}
        self._prologue = expand(dict(self.scan.prologue), dtype) if self.scan.prologue else {}
        self.uniforms: dict[str, Array] = interpret(self._prologue, self.params, self.dtype) if self._prologue else {}

    def retuned(self, neuron: Neuron) -> bool:
        """Take the neuron's parameter values; False, changing nothing, where other code would be needed for them."""
        if {k: _folded(v) for k, v in neuron.params.items()} != self._folded:
            return False
        shapes = neuron.check_shapes(self.shape, self.name)
        for key, value in neuron.params.items():
            array = np.asarray(value.value if isinstance(value, Learnable) else value, np.float64)
            self.params[key] = np.asarray(array.reshape(shapes[key]) if array.size > 1 else array, self.dtype)
        if self._prologue:
            self.uniforms = interpret(self._prologue, self.params, self.dtype)
        return True

    def start(self, name: str, batch: int) -> Array:
        """The initial value of a state for a batch."""
        return np.broadcast_to(np.asarray(self.initial[name], self.dtype), (batch, *self.shape)).copy()


def _folded(value: Any) -> tuple[Any, ...]:
    """What the code of a step depends on of a parameter's value: what View and scan_of look at."""
    number = value if isinstance(value, int | float) else None
    return np.ndim(value), number if number in (0, 1) else None, power_of_two(value)


class ArrayProgram(Shown):
    """A compiled network on the CPU. `run` returns outputs and the state to continue from."""

    backend = "array"
    xp = np
    chunk: int | None = 256

    def __init__(
        self,
        tape: Tape,
        *,
        dtype: str,
        seed: int,
        weights: Mapping[str, Any] | None,
        steps: int | None,
        check_numerics: bool,
        **options: Any,
    ):
        if options:
            raise BackendError(f"backend {self.backend!r} has no option {', '.join(options)}")
        if dtype not in ("float32", "float64"):
            raise BackendError(f"backend {self.backend!r} computes in float32 or float64, not {dtype!r}")
        self.tape, self.steps, self.seed, self.check_numerics = tape, steps, seed, check_numerics
        self.dtype = np.dtype(dtype)
        self._weights = {n: a.astype(self.dtype) for n, a in initial_weights(tape, seed, weights).items()}
        self.units = {i.name: Unit(i, tape, self._weights, dtype, seed) for i in tape.walk() if i.op == "neuron"}
        self.recordings: Mapping[str, Recording] = {}

    def weights(self) -> dict[str, Array]:
        """All weights and running statistics by name."""
        return dict(self._weights)

    def parameters(self) -> dict[str, Array]:
        """The weights that training would change, by name."""
        return {
            n: a for n, a in self._weights.items() if self.tape.weights[n].learnable and not self.tape.weights[n].buffer
        }

    def run(
        self,
        inputs: Mapping[str, Any] | Any,
        steps: int | None = None,
        state: State | None = None,
        *,
        chunk: int | None = None,
        record_to: str | Path | None = None,
        signals: Mapping[str, float] | None = None,
    ) -> tuple[dict[str, Any], State]:
        """Run `steps` steps from `state` (None: the initial state). Long runs go in windows of `chunk` steps.

        `signals`: scalars that plasticity rules follow (a reward), by name.
        """
        given = self._arrays(inputs)
        total, batch = checked_inputs(self.tape, given, steps, self.steps)
        recorder = Recorder(record_to)
        execution = Execution(
            self.tape, self, batch, checked_state(self.tape, state, batch, self._converted),
            training=False, check_numerics=self.check_numerics, recorder=recorder, signals=signals,
        )  # fmt: skip
        size = checked_steps(chunk or self.chunk, total)
        try:
            for start in range(0, total, size):
                execution.window(given, total, range(start, min(start + size, total)))
        finally:
            self.recordings = recorder.close()
        return answers(self.tape, execution, total), execution.state

    def __call__(self, x: Any, steps: int | None = None) -> Any:
        """The answer of a network with one input and one output."""
        outputs, _ = self.run(x, steps)
        if len(outputs) != 1:
            raise DataError(f"this program has the outputs {', '.join(outputs)}; use run(...)")
        return next(iter(outputs.values()))

    def source(self, population: str) -> str:
        raise BackendError(f"backend {self.backend!r} interprets the step; there is no source")

    def summary(self) -> str:
        """The tape, the backend and the weights as text."""
        from neurograph.summary import program_summary

        return program_summary(self)

    def __str__(self) -> str:
        return self.summary()

    def _arrays(self, inputs: Mapping[str, Any] | Any) -> dict[str, Array]:
        return {n: self._array(n, x) for n, x in named_inputs(self.tape, inputs).items()}

    def _converted(self, x: Any) -> Array:
        return np.ascontiguousarray(x.detach().cpu().numpy() if hasattr(x, "detach") else x, self.dtype)

    def _array(self, name: str, x: Any) -> Array:
        array = x.detach().cpu().numpy() if hasattr(x, "detach") else np.asarray(x)
        if array.dtype.kind != "f":
            raise DataError(
                f"input {name!r} has dtype {array.dtype}; inputs are floating point. Convert it, for images "
                f"x.astype('{self.dtype}') / 255"
            )
        return np.ascontiguousarray(array, self.dtype)

    # what Execution asks of a machine

    def apply(self, instr: Instr, x: Array, run: Run) -> Array:
        prefix = f"{instr.name}."
        held = {n.removeprefix(prefix): a for n, a in self._weights.items() if n.startswith(prefix)}
        return np.asarray(instr.what.numpy(x, held, run), self.dtype)

    def combine(self, instr: Instr, xs: list[Array]) -> Array:
        return np.asarray(instr.what.numpy(xs), self.dtype)

    def scan(
        self,
        instr: Instr,
        steps: int,
        inputs: Mapping[str, Array],
        states: Mapping[str, Array],
        record: tuple[str, ...],
    ) -> tuple[dict[str, Array], dict[str, Array], dict[str, Array]]:
        raise NotImplementedError

    def cat(self, parts: list[Array], axis: int = 0) -> Array:
        return np.concatenate(parts, axis)

    def zeros(self, shape: tuple[int, ...]) -> Array:
        return np.zeros(shape, self.dtype)

    def finite(self, x: Array) -> bool:
        return bool(np.all(np.isfinite(x)))

    def given(self, instr: Instr, shape: Shape, batch: int, steps: range) -> Array:
        return given_values(
            instr.what, instr.ports[0], self.units[instr.name].params, population=instr.name, shape=shape,
            batch=batch, steps=steps, dt=self.tape.dt, seed=self.seed, dtype=self.dtype,
        )  # fmt: skip

    # what a plasticity rule asks for

    def array(self, value: Any) -> Array:
        return np.asarray(value, self.dtype)

    def index(self, value: Any) -> Array:
        return np.asarray(value, np.int64)

    def weights_of(self, name: str) -> Mapping[str, Array]:
        return {n.removeprefix(f"{name}."): a for n, a in self._weights.items() if n.startswith(f"{name}.")}

    def evaluate(self, results: Mapping[str, Value], leaves: Mapping[str, Any]) -> dict[str, Any]:
        return interpret(expand(dict(results), self.dtype.name), leaves, self.dtype)

    def uniform(self, name: str, shape: tuple[int, ...], step: int) -> Array:
        return uniform(self.seed, name, shape, step).astype(self.dtype)


def uniform(seed: int, name: str, shape: tuple[int, ...], step: int) -> Array:
    """U(0, 1) numbers of one step: they depend on the seed, the input's name and the step, not on the backend."""
    rng = np.random.Generator(np.random.Philox(key=[seed, zlib.crc32(name.encode())], counter=[0, 0, 0, step]))
    return rng.random(shape, np.float32)
