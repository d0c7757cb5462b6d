"""The torch backend: an nn.Module that trains the network with surrogate gradients, on the CPU or CUDA."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from math import ceil, prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from neurograph.backends.checks import State, checked_inputs, checked_state, checked_steps, named_inputs
from neurograph.backends.execute import Execution, answers
from neurograph.backends.kept import spike_slots
from neurograph.backends.recompute import BlockExecution, blocks
from neurograph.backends.torch_machine import TorchMachine
from neurograph.backends.weights import initial_states, initial_weights
from neurograph.errors import BackendError, DataError, GraphError
from neurograph.expr.value import Value
from neurograph.kernels.eager import EagerScan, prologue_code
from neurograph.kernels.fused import Call, CpuEngine, Engine, FusedScan, dense_strides, tensor_names
from neurograph.kernels.scan import power_of_two, scan_of
from neurograph.monitor import Recorder, Recording
from neurograph.projections.operator import Remake
from neurograph.spec import Learnable, Neuron
from neurograph.tape import STEPS, Instr, Tape
from neurograph.view.shown import Shown

_CACHE = 8 << 20  # bytes of the largest value of a window: what stays in a core's cache
_MEMORY = ("bits", "recompute", "both")  # see TorchProgram
_DTYPES = {"float32": torch.float32, "float64": torch.float64}


class Unit(nn.Module):
    """One population: learnable parameters as nn.Parameter, the others as buffers outside the state_dict."""

    def __init__(
        self, instr: Instr, tape: Tape, weights: Mapping[str, Any], dtype: torch.dtype, fused: bool, seed: int
    ):
        super().__init__()
        neuron: Neuron = instr.what
        self.population, self.shape = instr.name, tape.slots[instr.outs[0]].shape
        self.fused, self.dtype_name = fused, str(dtype).removeprefix("torch.")
        shapes = neuron.check_shapes(self.shape, instr.name)
        self.names = tuple(neuron.params)
        for key, value in neuron.params.items():
            if hasattr(type(self), key) or key in self.__dict__:
                raise GraphError(
                    f"population {instr.name!r} ({instr.at}): a torch module has an attribute {key!r} itself; "
                    f"rename that parameter of {type(neuron).__name__}"
                )
            if isinstance(value, Learnable):
                start = torch.tensor(weights[f"{instr.name}.{key}"], dtype=dtype)
                parameter = nn.Parameter(start)
                parameter.of_neuron = True  # type: ignore[attr-defined]  # no value to decay to
                self.register_parameter(key, parameter)
            else:
                fixed = torch.tensor(value, dtype=dtype)
                fixed = fixed.reshape(shapes[key]) if fixed.numel() > 1 else fixed
                self.register_buffer(key, fixed, persistent=False)
        exact = frozenset(k for k, v in neuron.params.items() if power_of_two(v))
        self.scan = scan_of(neuron.trace(tape.dt, instr.ports), reciprocal=exact)
        self.initial = initial_states(neuron, instr.name, self.shape, seed)
        starts = {n: neuron.params[i] if isinstance(i, str) else i for n, i in self.initial.items()}
        self.numbers = {n: float(v) for n, v in starts.items() if isinstance(v, int | float)}
        self.prologue = prologue_code(self.scan)
        self.eager = EagerScan(self.scan)
        self._engines: dict[tuple[Any, ...], Engine] = {}
        self._names: dict[frozenset[str], tuple[str, ...]] = {}
        self._known: tuple[list[tuple[Tensor, int]], dict[str, Tensor]] | None = None

    def extra_repr(self) -> str:
        return f"{self.population}: {self.scan.neuron} {self.shape}"

    def forward(
        self,
        steps: int,
        inputs: Mapping[str, Tensor],
        states: Mapping[str, Tensor],
        record: tuple[str, ...],
        keep: bool,
        remake: dict[str, Remake],
        only_saves: bool = False,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        params = {n: getattr(self, n) for n in self.names}
        uniforms = self._uniforms(params)
        first = next(iter(inputs.values()))
        dtype = next(iter(params.values())).dtype if params else first.dtype
        chosen = self._engine_kind(first, dtype)
        # Triton stores what autocast made; where ports differ, the wider type, so that none is rounded
        storage = reduce(torch.promote_types, (x.dtype for x in inputs.values())) if chosen == "triton" else dtype
        given = {n: x.to(storage) for n, x in inputs.items()}
        batch = first.shape[1]
        if chosen == "eager":
            shape = (batch, *self.shape)
            start = {n: states.get(n, self._start(n, params, shape, dtype, first.device)) for n in self.scan.states}
            outputs, final, recorded = self.eager(steps, given, uniforms, start, record)
        else:
            # kernels are opaque to torch.compile; outside it the guard itself would cost more than the call
            fused = torch.compiler.disable(self._fused) if torch.compiler.is_compiling() else self._fused
            outputs, final, recorded = fused(
                chosen, steps, given, uniforms, states, params, record, keep, remake, only_saves
            )
        return {n: o.to(first.dtype) for n, o in outputs.items()}, final, recorded

    def _uniforms(self, params: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """The prologue's values; computed once where nothing is learnt and no parameter has changed."""
        if any(isinstance(p, nn.Parameter) for p in params.values()) or torch.compiler.is_compiling():
            return self.prologue(params)
        # a tensor made in inference mode has no version, and cannot be changed outside it
        now = [(p, 0 if p.is_inference() else p._version) for p in params.values()]
        if self._known is None or any(p is not q or v != w for (p, v), (q, w) in zip(now, self._known[0], strict=True)):
            with torch.inference_mode(False), torch.no_grad():  # kept for later calls, which may train
                self._known = (now, self.prologue(params))
        return self._known[1]

    def _start(self, name: str, params: Mapping[str, Tensor], shape: Any, dtype: torch.dtype, device: Any) -> Tensor:
        init = self.initial[name]
        value = params[init] if isinstance(init, str) else torch.as_tensor(init, dtype=dtype, device=device)
        return value.to(dtype).expand(shape)

    def _engine_kind(self, x: Tensor, dtype: torch.dtype) -> str:
        if not self.fused or not self.scan.states:
            return "eager"
        if x.device.type == "cpu":
            return "cpu"
        from neurograph.kernels import triton

        return "triton" if dtype == torch.float32 and triton.available(x.device) else "eager"

    def _fused(
        self,
        kind: str,
        steps: int,
        inputs: dict[str, Tensor],
        uniforms: dict[str, Tensor],
        states: Mapping[str, Tensor],
        params: Mapping[str, Tensor],
        record: tuple[str, ...],
        keep: bool,
        remake: dict[str, Remake],
        only_saves: bool = False,
    ) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
        scan = self.scan
        first = next(iter(inputs.values()))
        shape = torch.Size((first.shape[1], *self.shape))
        strides = dense_strides(first)
        rows = frozenset(n for n, u in uniforms.items() if u.ndim)
        spread = {n: u.expand(shape) if n in rows else u for n, u in uniforms.items()}
        static = frozenset(n for n, x in inputs.items() if x.shape[0] == 1 and steps > 1)
        numbers = {n: v for n, v in self.numbers.items() if n not in states}
        device, dtype = first.device, next(iter(uniforms.values())).dtype if uniforms else first.dtype
        start = [states.get(n, self._start(n, params, shape, dtype, device)) for n in scan.states if n not in numbers]
        engine = self._engine(kind, str(first.dtype).removeprefix("torch."), rows, static, record)
        names = self._names.get(frozenset(numbers)) or tensor_names(scan, numbers)
        self._names[frozenset(numbers)] = names
        plain = first.is_contiguous()
        call = Call(
            engine, scan, steps, rows, static, shape, strides, plain, numbers, keep, record, remake, names, only_saves
        )
        out = FusedScan.apply(call, *inputs.values(), *(spread[n] for n in scan.uniforms), *start)
        count = len(scan.outputs)
        final = dict(zip(scan.states, out[count:], strict=False)) if keep else {}
        after = count + (len(scan.states) if keep else 0)
        return dict(zip(scan.outputs, out, strict=False)), final, dict(zip(record, out[after:], strict=True))

    def _engine(
        self, kind: str, dtype: str, rows: frozenset[str], static: frozenset[str], record: tuple[str, ...]
    ) -> Engine:
        key = (kind, dtype, rows, static, record)
        if key not in self._engines:
            if kind == "cpu":
                self._engines[key] = CpuEngine(self.scan, dtype, rows, static, record)
            else:
                from neurograph.kernels.triton import TritonEngine

                self._engines[key] = TritonEngine(self.scan, dtype, rows, static, record)
        return self._engines[key]


class TorchProgram(nn.Module, Shown):
    """A compiled network as an nn.Module: call it on a batch, or `run` it for every output and the state."""

    backend = "torch"
    _anchor: Tensor

    def __init__(
        self,
        tape: Tape,
        *,
        dtype: str,
        seed: int,
        weights: Mapping[str, Any] | None,
        steps: int | None,
        check_numerics: bool,
        device: Any = "cpu",
        fused: bool = True,
        memory: str | None = None,
        **options: Any,
    ):
        """`memory`: what training keeps for the backward pass; the gradients are the same to the last bit.

        None: everything that operators keep. "bits": spikes that operators keep take a bit each (packing costs a few
        per cent of a step). "recompute": of each block (what leads to a population, and it) only what enters it is
        kept, and the block runs again in the backward pass (about a third more time). "both": what enters a block is
        kept as bits, where it is spikes.
        """
        super().__init__()
        if options:
            raise BackendError(f"backend 'torch' has no option {', '.join(options)}")
        if torch.device(device).type == "cuda" and not torch.cuda.is_available():
            raise BackendError(f"device={str(device)!r}: torch sees no CUDA device here; use device='cpu'")
        if dtype not in _DTYPES:
            raise BackendError(
                f"backend 'torch' keeps weights in float32 or float64, not {dtype!r}; for 16-bit training use autocast"
            )
        if memory not in (None, *_MEMORY):
            raise BackendError(f"memory={memory!r}: choose one of None, {', '.join(map(repr, _MEMORY))}")
        self.tape, self.steps, self.seed, self.check_numerics = tape, steps, seed, check_numerics
        self.dtype = _DTYPES[dtype]
        self.recordings: Mapping[str, Recording] = {}
        self._draw = 0
        self.register_buffer("_anchor", torch.empty(0), persistent=False)  # knows where the program is
        self._stepped = frozenset(i.name for loop in tape.instructions for i in loop.body if i.op == "neuron")
        self._weighted = frozenset(n.rpartition(".")[0] for n in tape.weights)
        held = initial_weights(tape, seed, weights)
        for instr in tape.walk():
            if instr.op == "neuron":
                self._place(instr.name, Unit(instr, tape, held, self.dtype, fused, seed))
        populations = {i.name for i in tape.walk() if i.op == "neuron"}
        for name, weight in tape.weights.items():
            owner, _, key = name.rpartition(".")
            if owner in populations:
                continue
            module = self._place(owner, None)
            value = torch.tensor(held[name], dtype=self.dtype)
            if weight.buffer or not weight.learnable:
                module.register_buffer(key, value)
            else:
                module.register_parameter(key, nn.Parameter(value))
        bits, again = memory in ("bits", "both"), memory in ("recompute", "both")
        self._spikes = spike_slots(tape, self._traced) if bits else {}
        self._blocks = blocks(tape) if again else tape
        self.to(device)

    def _traced(self, population: str) -> dict[str, Value]:
        unit = self.get_submodule(population)
        assert isinstance(unit, Unit)
        return unit.scan.results

    def _place(self, name: str, module: nn.Module | None) -> nn.Module:
        """The module at a dotted name, so that state_dict keys are the names of the graph."""
        if hasattr(type(self), name.split(".")[0]) or name.split(".")[0] in self.__dict__:
            raise GraphError(f"the name {name!r} is one that a torch module has itself; rename it in the graph")
        parent: nn.Module = self
        *path, last = name.split(".")
        for part in path:
            if part not in parent._modules:
                parent.add_module(part, nn.Module())
            parent = parent._modules[part]  # type: ignore[assignment]
        if module is not None or last not in parent._modules:
            parent.add_module(last, module or nn.Module())
        return parent._modules[last]  # type: ignore[return-value]

    def weights(self) -> dict[str, Tensor]:
        """All weights and running statistics by name: what compile(..., weights=...) takes."""
        return {n: t.detach() for n, t in self.state_dict().items()}

    def forward(self, x: Any, steps: int | None = None, state: State | None = None) -> Any:
        """The answer for a batch; with `state`, the answer and the new state (`state={}` starts anew)."""
        outputs, after = self.run(x, steps, state, keep_state=state is not None)
        answer = next(iter(outputs.values())) if len(outputs) == 1 else outputs
        return (answer, after) if state is not None else answer

    def run(
        self,
        inputs: Mapping[str, Any] | Any,
        steps: int | None = None,
        state: State | None = None,
        *,
        chunk: int | None = None,
        record_to: str | Path | None = None,
        keep_state: bool = True,
        signals: Mapping[str, float] | None = None,
    ) -> tuple[dict[str, Any], State]:
        """Run `steps` steps from `state` (None: the initial state). Gradients flow through outputs and state.

        `signals`: scalars that plasticity rules follow (a reward), by name.
        """
        given = self._tensors(inputs)
        total, batch = checked_inputs(self.tape, given, steps, self.steps)
        recorder = Recorder(record_to)
        before = checked_state(self.tape, state, batch, self._converted)
        if not before and self.training:
            # a new sequence in training draws new random inputs, from the random state a checkpoint restores
            self._draw = int(torch.randint(2**31, (1,)))
        size = self._window(total, batch) if chunk is None else checked_steps(chunk, total)
        machine = TorchMachine(self, keep_state or size < total, self._spikes)
        tape = self._blocks if torch.is_grad_enabled() else self.tape  # without a gradient nothing is kept anyway
        execution = (Execution if tape is self.tape else BlockExecution)(
            tape, machine, batch, before,
            training=self.training, check_numerics=self.check_numerics, recorder=recorder, signals=signals,
        )  # fmt: skip
        if size < total:
            self._check_chunk(size)
        try:
            for start in range(0, total, size):
                execution.window(given, total, range(start, min(start + size, total)))
        finally:
            self.recordings = recorder.close()
        return answers(self.tape, execution, total), execution.state

    def _window(self, steps: int, batch: int) -> int:
        """How many steps to run at once where no gradient needs all of them: as many as stay in cache, in equal parts."""
        if torch.is_grad_enabled() or self.training or self.device.type != "cpu":
            return steps
        largest = max((prod(s.shape) for s in self.tape.slots.values() if s.time == STEPS), default=1)
        most = max(1, _CACHE // (largest * batch * self.dtype.itemsize))
        return ceil(steps / ceil(steps / most))

    def _check_chunk(self, size: int) -> None:
        for instr in self.tape.walk():
            if instr.op == "apply" and not instr.what.pointwise_in_time and self.training:
                raise BackendError(
                    f"chunk={size} in training: {instr.what!r} of {instr.name!r} needs all steps at once; use stats='step'"
                )

    def source(self, population: str) -> str:
        """The code of a population: the fused kernel where one runs, else the eager step."""
        unit = self.get_submodule(population)
        if not isinstance(unit, Unit):
            raise BackendError(f"{population!r} is not a population")
        kind = unit._engine_kind(self._anchor, self.dtype)
        if kind == "eager":
            return unit.eager.source
        rows = frozenset(n for n, u in unit.prologue({n: getattr(unit, n) for n in unit.names}).items() if u.ndim)
        return unit._engine(kind, unit.dtype_name, rows, frozenset(), ()).source()

    def summary(self) -> str:
        """The tape, the backend and the weights as text."""
        from neurograph.summary import program_summary

        return program_summary(self)

    def __str__(self) -> str:
        return self.summary()

    @property
    def device(self) -> torch.device:
        return self._anchor.device

    def _tensors(self, inputs: Mapping[str, Any] | Any) -> dict[str, Tensor]:
        return {n: self._tensor(n, x) for n, x in named_inputs(self.tape, inputs).items()}

    def _converted(self, x: Any) -> Tensor:
        return torch.as_tensor(x).to(self.device, self.dtype)

    def _tensor(self, name: str, x: Any) -> Tensor:
        tensor = x if isinstance(x, Tensor) else torch.as_tensor(x)
        if not tensor.is_floating_point():
            raise DataError(
                f"input {name!r} has dtype {tensor.dtype}; inputs are floating point. Convert it, for images "
                "x.float() / 255"
            )
        if tensor.device != self.device:
            raise DataError(
                f"input {name!r} is on {tensor.device}, the program on {self.device}; move it with .to({str(self.device)!r})"
            )
        return tensor.to(self.dtype)
